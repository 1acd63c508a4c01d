"""Files too large for the database: in a folder, of which rows know names and digests."""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from common.errors import FileUnavailableError

CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written.

    Attributes:
        path: Its name in the store.
        size: Bytes.
        digest: SHA-256.
    """

    path: str
    size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class FileStore:
    """A folder of files that are written once and never change.

    Attributes:
        root: The folder.
        ending: Of the names of its files, such as ``csres``.
    """

    root: Path
    ending: str

    def write(self, folder: str, chunks: Iterable[bytes]) -> Stored:
        """Write a file piece by piece; it has its name only when it is whole and on the disk.

        Args:
            folder: In the store, of the thing it belongs to.
            chunks: What it holds; whatever they raise leaves nothing behind.
        """
        directory = self.root / folder
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{secrets.token_hex(16)}.{self.ending}"
        unfinished = directory / f"{name}.new"
        digest, size = hashlib.sha256(), 0
        try:
            unfinished.touch(mode=0o600, exist_ok=False)
            with unfinished.open("wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    size += file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(directory / name)
        finally:
            unfinished.unlink(missing_ok=True)
        return Stored(f"{folder}/{name}", size, digest.digest())

    def delete(self, path: str) -> None:
        """Delete a file that no row names; again changes nothing."""
        (self.root / path).unlink(missing_ok=True)

    def open(self, path: str) -> BinaryIO:
        """Open a file to read.

        Raises:
            FileUnavailableError: it is gone, or the folder cannot be reached.
        """
        try:
            return (self.root / path).open("rb")
        except OSError as error:
            raise FileUnavailableError from error


@dataclass(frozen=True, slots=True)
class Part:
    """``length`` bytes of an open file from ``start``, a piece at a time.

    Whoever answers with it closes it, whether or not anybody has read it.
    """

    file: BinaryIO
    start: int
    length: int

    def __iter__(self) -> Iterator[bytes]:
        """Read the part."""
        self.file.seek(self.start)
        left = self.length
        while left and (piece := self.file.read(min(left, CHUNK_BYTES))):
            left -= len(piece)
            yield piece

    def close(self) -> None:
        """Close the file."""
        self.file.close()
