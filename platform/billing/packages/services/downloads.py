"""Pack a build for one terminal (flows.md D, S01 to S03)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

from audit.services import record
from billing.packages.errors import BuildRevokedError
from billing.packages.services.keys import salt
from billing.packages.services.store import package_files
from billing.packages.services.terminals import register_terminal
from protocol.measuring import app_signature
from protocol.package import StoreContent
from protocol.package_file import with_store
from signing.services import platform_information

if TYPE_CHECKING:
    from billing.packages.models import Build
    from binding.models import Device


@dataclass(frozen=True, slots=True)
class Packed:
    """A package on its way to one terminal.

    Whoever answers with it closes it, whether or not anybody has read it.

    Attributes:
        size: Bytes.
    """

    size: int
    pieces: Iterator[bytes]
    file: BinaryIO

    def __iter__(self) -> Iterator[bytes]:
        """Read it, a piece at a time."""
        return self.pieces

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def pack(device: "Device", build: "Build", now: datetime) -> Packed:
    """Register a device as a terminal, and return a package whose store opens there alone.

    What is the same for all is sent as it lies in the store; only the sealed store is made here.

    Args:
        device: Who asks.
        build: Of any package.
        now: Timezone-aware.

    Raises:
        BuildRevokedError: it was revoked.
        FileUnavailableError: the store has lost it.
        ProtocolError: a key of the package does not open.
    """
    if build.revoked_at is not None:
        raise BuildRevokedError
    terminal = register_terminal(device, now)
    package = build.package
    key = salt(build)
    content = StoreContent(
        package=bytes(package.uid),
        build=build.number,
        platform=platform_information().origin,
        first_key=bytes(package.first_key),
        signature=app_signature(key, bytes(build.root)),
        salt=key,
        third_key=bytes(package.third_key),
        share=bytes(terminal.share),
    )
    sealed = content.seal(bytes(device.box_key), bytes(device.thumbprint))
    record(action="build.downloaded", actor=device.actor, subject=str(build), now=now)
    common = package_files().open(build.path)
    size, pieces = with_store(common, sealed)
    return Packed(size, pieces, common)
