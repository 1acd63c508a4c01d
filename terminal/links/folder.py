"""Two folders in place of the air between two ends: a file is what is heard or seen at once."""

import time
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

from terminal.links.errors import CORRUPT, UNUSABLE, LinkError
from terminal.links.link import Link

_POLL_SECONDS = 0.02
_DIGITS = 8


class FolderLink(Link):
    """A link of sounds or pictures in files: one end's outgoing folder is the other's incoming.

    Files are numbered, appear whole, and are deleted once read: a thing is heard once. A folder
    has one end that writes and one that reads.
    """

    SUFFIX: str
    MAX_FILE: int
    """Bytes; a longer file is refused unread."""

    def __init__(self, outgoing: Path, incoming: Path) -> None:
        """Make both folders where they lack.

        Raises:
            LinkError: ``link_unusable``.
        """
        super().__init__()
        self._outgoing, self._incoming = Path(outgoing), Path(incoming)
        self._last = 0
        try:
            for folder in (self._outgoing, self._incoming):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LinkError(UNUSABLE) from error

    def clear(self) -> None:
        """Empty both folders too: what nobody read was said to somebody who is gone."""
        super().clear()
        for folder in (self._outgoing, self._incoming):
            for path in self._waiting(folder):
                self._delete(path)

    def _put(self, content: bytes) -> None:
        """Write the next file."""
        try:
            earlier = (int(path.stem) for path in self._waiting(self._outgoing))
            self._last = max([self._last, *earlier]) + 1
            name = f"{self._last:0{_DIGITS}}{self.SUFFIX}"
            hidden = self._outgoing / f".{name}"
            hidden.write_bytes(content)
            hidden.replace(self._outgoing / name)
        except OSError as error:
            raise LinkError(UNUSABLE) from error

    def _receive_frames(self, timeout: float) -> Iterator[bytes]:
        until = time.monotonic() + timeout
        while not (waiting := self._waiting(self._incoming)) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        for path in waiting:
            content = self._take(path)
            if content is not None:
                yield from self._read_frames(content)

    @abstractmethod
    def _read_frames(self, content: bytes) -> list[bytes]:
        """Return the frames that a file holds; LinkError ``link_corrupt`` when it holds none."""

    def _waiting(self, folder: Path) -> list[Path]:
        """Return the numbered files in a folder, in their order."""
        try:
            return sorted(folder.glob("[0-9]" * _DIGITS + self.SUFFIX))
        except OSError as error:
            raise LinkError(UNUSABLE) from error

    def _take(self, path: Path) -> bytes | None:
        """Read a file, and delete it whatever it holds: a damaged one must not block the next.

        Nothing when the other end has cleared it away since it was seen.
        """
        try:
            with path.open("rb") as file:
                content = file.read(self.MAX_FILE + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LinkError(UNUSABLE) from error
        self._delete(path)
        if len(content) > self.MAX_FILE:
            raise LinkError(CORRUPT)
        return content

    def _delete(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise LinkError(UNUSABLE) from error
