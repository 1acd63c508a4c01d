"""A link of QR codes: what one end shows, the other's camera takes; here both are PNG files."""

import io
from pathlib import Path

import qrcode
from qrcode.constants import ERROR_CORRECT_M

from protocol import qrtext
from protocol.errors import ProtocolError
from terminal.links.errors import CORRUPT, LinkError
from terminal.links.folder import FolderLink
from terminal.links.frames import separate
from tokens.errors import RefusedError
from tokens.scanning import read_picture

# 444 bytes are a symbol of version 17, 85 by 85 modules: a phone reads it off another's screen.
# A signed message of the usual length is one code.
FRAMES_A_CODE = 4
# Of a code that somebody's camera app opens; no end reads it, and nothing rests on it.
ORIGIN = "https://countersign.example"


def text_of(frames: list[bytes], origin: str = ORIGIN) -> str:
    """Return the text of a code that holds these frames, one behind the other."""
    return qrtext.encode(origin, qrtext.Link.OFFLINE, b"".join(frames))


def frames_in(text: str) -> list[bytes]:
    """Return the frames that the text of a code holds; none is looked into.

    Raises:
        LinkError: ``link_corrupt``: it is the text of another code.
    """
    try:
        return list(separate(qrtext.decode(text, qrtext.Link.OFFLINE)[1]))
    except ProtocolError as error:
        raise LinkError(CORRUPT) from error


class QrLink(FolderLink):
    """Each picture is one code with up to four frames; a long message takes several pictures."""

    SUFFIX = ".png"
    MAX_FILE = 1_000_000

    def __init__(self, outgoing: Path, incoming: Path, origin: str = ORIGIN) -> None:
        """Tie an end to two folders of pictures, see :class:`FolderLink`.

        Args:
            outgoing: Where this end's pictures go.
            incoming: Where the other end's are found.
            origin: In front of a code's digits: the site that a camera app would open.
        """
        super().__init__(outgoing, incoming)
        self._origin = origin

    def _send_frames(self, frames: list[bytes]) -> None:
        for start in range(0, len(frames), FRAMES_A_CODE):
            self._put(_draw(text_of(frames[start : start + FRAMES_A_CODE], self._origin)))

    def _read_frames(self, content: bytes) -> list[bytes]:
        try:
            text = read_picture(content)
        except RefusedError as error:
            raise LinkError(CORRUPT) from error
        return frames_in(text)


def _draw(text: str) -> bytes:
    out = io.BytesIO()
    qrcode.make(text, error_correction=ERROR_CORRECT_M).save(out)
    return out.getvalue()
