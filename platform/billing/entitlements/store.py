"""Where encrypted files lie: a folder, of which the database knows names and digests."""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

_CHUNK_BYTES = 65_536


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


def write(folder: str, chunks: Iterable[bytes]) -> Stored:
    """Write a file piece by piece; it has its name only when it is whole and on the disk.

    Args:
        folder: Of the resource, in the store.
        chunks: What it holds; whatever they raise leaves nothing behind.
    """
    directory = _root() / folder
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{secrets.token_hex(16)}.csres"
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


def delete(path: str) -> None:
    """Delete a file that no row names; again changes nothing."""
    (_root() / path).unlink(missing_ok=True)


def open_stored(path: str) -> BinaryIO:
    """Open a file to read.

    Raises:
        FileNotFoundError: it is gone.
    """
    return (_root() / path).open("rb")


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
        while left and (piece := self.file.read(min(left, _CHUNK_BYTES))):
            left -= len(piece)
            yield piece

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _root() -> Path:
    return Path(settings.RESOURCE_STORE)
