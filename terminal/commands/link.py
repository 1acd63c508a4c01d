"""The options of a near-field link, for both of its ends."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from terminal.links.link import Link


class LinkKind(StrEnum):
    """What goes over the link; both kinds are files in two folders here."""

    QR = "qr"
    SOUND = "sound"


LinkOption = Annotated[LinkKind, typer.Option("--link", help="QR codes, or sound.")]
OutgoingOption = Annotated[
    Path, typer.Option("--outgoing", help="Folder of what this end shows or plays.")
]
IncomingOption = Annotated[
    Path, typer.Option("--incoming", help="Folder of what this end sees or hears.")
]


def open_link(kind: LinkKind, outgoing: Path, incoming: Path) -> Link:
    """Return one end of a link.

    Raises:
        LinkError: ``sound_missing``, or ``link_unusable``.
    """
    # Other commands do without what draws and reads pictures.
    if kind is LinkKind.QR:
        from terminal.links.qr import QrLink

        return QrLink(outgoing, incoming)
    from terminal.links.wav import WavFileLink

    return WavFileLink(outgoing, incoming)
