"""The measured files of an application package: their paths, their tree, and parts of them.

docs/protocol.md section 18.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from protocol import cbor, merkle
from protocol.errors import ProtocolError
from protocol.fields import DIGEST_BYTES, check_bytes, check_uint
from protocol.text import check_text

MAX_FILES = 4096
MAX_PATH_BYTES = 200
MAX_SIZE = 2**28

BILLING = "billing.cbor"
MEASURED_FOLDERS = ("sdk", "app")
# What some file system gives a meaning of its own.
_NOT_IN_PATHS = frozenset('\\:*?"<>|')


@dataclass(frozen=True, slots=True, order=True)
class MeasuredFile:
    """One file that the signatures cover: ``[path, sha256, size]``."""

    path: str
    digest: bytes
    size: int

    def __post_init__(self) -> None:
        check_path(self.path)
        check_bytes("digest", self.digest, DIGEST_BYTES)
        check_uint("size", self.size, high=MAX_SIZE)


def check_path(path: object) -> None:
    """Refuse what may not be the path of a measured file.

    ``billing.cbor``, or a file below ``sdk/`` or ``app/`` that means the same everywhere.

    Raises:
        ProtocolError: ``path_refused``.
    """
    try:
        check_text("path", path, MAX_PATH_BYTES)
    except ProtocolError as error:
        raise _path_refused() from error
    folder, *parts = str(path).split("/")
    if path == BILLING:
        return
    if folder not in MEASURED_FOLDERS or not parts or not all(map(_is_name, parts)):
        raise _path_refused()


def check_paths(paths: Iterable[str]) -> None:
    """Refuse paths that some file system could not hold beside each other.

    Raises:
        ProtocolError: ``path_refused``: too many, one twice but for its case, or a file that
            another one has for its folder.
    """
    listed = [path.casefold() for path in paths]
    folders = {
        path.rsplit("/", depth)[0] for path in listed for depth in range(1, path.count("/"))
    }
    if len(listed) > MAX_FILES or len({*listed}) < len(listed) or folders & {*listed}:
        raise _path_refused()


def _is_name(part: str) -> bool:
    # This leaves out "..", and what Windows would cut.
    return bool(part) and not _NOT_IN_PATHS & {*part} and part[-1] not in ". "


def _path_refused() -> ProtocolError:
    return ProtocolError("path_refused", "a file of the package has a path that is not allowed")


def files_of(folder: Path, below: str) -> dict[str, Path]:
    """Return every file in a folder, by its path in the package.

    Args:
        folder: Holds the files.
        below: ``sdk`` or ``app``.

    Raises:
        ProtocolError: ``path_refused``: also for a link, or what is no file.
        OSError: it cannot be read.
    """
    found: dict[str, Path] = {}
    for top, folders, names in os.walk(folder, onerror=_raise):
        for name in (*folders, *names):
            path = Path(top, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise _path_refused()
            if path.is_file():
                found[f"{below}/{path.relative_to(folder).as_posix()}"] = path
        if len(found) > MAX_FILES:
            raise _path_refused()
    return found


def installed_files(folder: Path) -> dict[str, Path]:
    """Return the measured files of an unpacked package; errors as :func:`files_of`."""
    if any((folder / name).is_symlink() for name in (BILLING, *MEASURED_FOLDERS)):
        raise _path_refused()
    found = {BILLING: folder / BILLING} if (folder / BILLING).is_file() else {}
    for below in MEASURED_FOLDERS:
        if (folder / below).is_dir():
            found |= files_of(folder / below, below)
    return found


def _raise(error: OSError) -> None:
    raise error


def measure(files: Mapping[str, Path]) -> tuple[MeasuredFile, ...]:
    """Return path, digest and size of files, in path order.

    Raises:
        ProtocolError: ``path_refused``, or ``value_out_of_range`` for a file too large.
        OSError: one cannot be read.
    """
    check_paths(files)
    return tuple(_measured(path, files[path]) for path in sorted(files))


def _measured(path: str, file: Path) -> MeasuredFile:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").digest()
        return MeasuredFile(path, digest, opened.tell())


def merkle_root(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the root of the tree over path and digest of each file, sorted by path.

    Source:
        RFC 9162 section 2.1.1; a leaf's content is the CBOR of ``[path, digest]``.
    """
    return merkle.root_hash(cbor.encode(list(each)) for each in sorted(files))


def root_of(files: Iterable[MeasuredFile]) -> bytes:
    """Return the Merkle root of measured files."""
    return merkle_root((file.path, file.digest) for file in files)


def app_signature(salt: bytes, root: bytes) -> bytes:
    """Return the signature of the application's files under the second key, 32 bytes."""
    return hmac.digest(salt, root, "sha256")


def read_ranges(
    files: Iterable[MeasuredFile],
    open_file: Callable[[str], BinaryIO],
    ranges: Iterable[tuple[int, int]],
) -> bytes:
    """Return ranges of the measured content: all measured files, one behind the other.

    Args:
        files: In path order.
        open_file: Opens one of them by its path, to be read from its beginning.
        ranges: Offset and length of each.

    Raises:
        OSError: one cannot be read.
    """
    listed = tuple(files)
    return b"".join(_read_range(listed, open_file, *each) for each in ranges)


def _read_range(
    files: tuple[MeasuredFile, ...],
    open_file: Callable[[str], BinaryIO],
    offset: int,
    length: int,
) -> bytes:
    pieces = []
    start = 0
    for file in files:
        low, high = max(offset - start, 0), min(offset + length - start, file.size)
        if low < high:
            with open_file(file.path) as opened:
                opened.seek(low)
                pieces.append(opened.read(high - low))
        start += file.size
    return b"".join(pieces)
