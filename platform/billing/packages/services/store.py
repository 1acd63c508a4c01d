"""Where the builds of applications lie: the part of each that is the same for every terminal."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast
from zipfile import ZipFile

from django.conf import settings

from billing.packages.models import Build
from common.filestore import FileStore
from protocol.measuring import MeasuredFile, read_ranges
from protocol.package_file import PackageFile

# APPNOTE.TXT 4.3.7: a local header without its name and extra field, and where it gives the
# lengths of both.
_HEADER_BYTES, _LENGTHS_AT = 30, 26


def package_files() -> FileStore:
    """Return the store of builds."""
    return FileStore(Path(settings.PACKAGE_STORE), "cspkg")


def read_measured(build: Build, ranges: list[tuple[int, int]]) -> bytes:
    """Return ranges of a build's measured content, to compare with what a terminal has.

    Args:
        build: Whose.
        ranges: Offset and length of each, as of :func:`protocol.evidence.sample_ranges`.

    Raises:
        FileUnavailableError: the store has lost the file.
        ProtocolError: it was changed in the store.
    """
    files, starts = _layout(build.path)
    with package_files().open(build.path) as file:

        def open_file(path: str) -> BinaryIO:
            return cast(BinaryIO, _Window(file, starts[path]))

        return read_ranges(files, open_file, ranges)


# A file in the store never changes, so that it is looked through once, and not at every request.
@lru_cache(maxsize=64)
def _layout(path: str) -> tuple[tuple[MeasuredFile, ...], dict[str, int]]:
    """Return the measured files of a build, and where in its file the content of each begins."""
    with package_files().open(path) as file:
        manifest = PackageFile(file).manifest()
        starts = {}
        for entry in ZipFile(file).infolist():
            file.seek(entry.header_offset + _LENGTHS_AT)
            lengths = file.read(4)
            name, extra = (int.from_bytes(lengths[at : at + 2], "little") for at in (0, 2))
            starts[entry.filename] = entry.header_offset + _HEADER_BYTES + name + extra
    return manifest.files, starts


@dataclass(frozen=True, slots=True)
class _Window:
    """One file within the archive: :class:`zipfile.ZipExtFile` would read all that lies before."""

    file: BinaryIO
    start: int

    def seek(self, offset: int) -> int:
        return self.file.seek(self.start + offset)

    def read(self, size: int) -> bytes:
        return self.file.read(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the archive open, which has more such files."""
