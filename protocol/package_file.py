"""The file a package travels in: ``.cspkg``, a zip archive without compression (section 18).

The part that is the same for all is written once; :func:`with_store` puts the store of one device
behind it while it is sent.  The reader takes nothing for granted: the archive may be hostile.
"""

import hashlib
import stat
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from protocol.ed25519 import KEY_BYTES
from protocol.errors import ProtocolError
from protocol.measuring import (
    MAX_FILES,
    MAX_PATH_BYTES,
    MAX_SIZE,
    MeasuredFile,
    check_path,
    check_paths,
    read_ranges,
)
from protocol.package import MAX_MANIFEST_BYTES, Manifest

SIGNATURE, FIRST_KEY, STORE = "package.cose", "first.key", "store.sealed"
MAX_STORE_BYTES = 1024
# What is not measured, each with its largest size.
_UNMEASURED = {SIGNATURE: MAX_MANIFEST_BYTES, FIRST_KEY: KEY_BYTES, STORE: MAX_STORE_BYTES}
# The same bytes for the same files: ZIP knows no earlier time.
_TIME = (1980, 1, 1, 0, 0, 0)
_UTF8 = 0x800
_CHUNK_BYTES = 65_536
# APPNOTE.TXT 4.3.16, end of central directory: signature, two disks, two counts, size, offset,
# length of the comment.  4.3.15: what stands before it where an archive needs 64 bits.
_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE, _LOCATOR_SIGNATURE, _LOCATOR_BYTES = b"PK\x05\x06", b"PK\x06\x07", 20
# 4.3.12: a central header is this long without its name; from 42 on, where the file begins.
_CENTRAL_BYTES, _OFFSET_AT = 46, 42
# 4.3.7: a local header without its name.
_LOCAL_BYTES = 30
_MAX_ENTRIES = MAX_FILES + len(_UNMEASURED)
_MAX_DIRECTORY_BYTES = _MAX_ENTRIES * (_CENTRAL_BYTES + MAX_PATH_BYTES)


def write_package(
    target: BinaryIO, *, signature: bytes, first_key: bytes, files: Mapping[str, Path]
) -> None:
    """Write the part of a package that is the same for every device.

    Args:
        target: Where to; it can be sought in.
        signature: Of :meth:`Manifest.sign`.
        first_key: The public first key.
        files: The measured files, by their paths in the package.

    Raises:
        OSError: a file cannot be read, or the target not be written.
    """
    with ZipFile(target, "w", ZIP_STORED) as archive:
        archive.writestr(_entry(SIGNATURE), signature)
        archive.writestr(_entry(FIRST_KEY), first_key)
        for path in sorted(files):
            with files[path].open("rb") as source, archive.open(_entry(path), "w") as entry:
                while chunk := source.read(_CHUNK_BYTES):
                    entry.write(chunk)


def with_store(common: BinaryIO, sealed: bytes) -> tuple[int, Iterator[bytes]]:
    """Return size and pieces of a package with the store of one device behind its files.

    Args:
        common: What :func:`write_package` wrote; read while the pieces are taken.
        sealed: ``store.sealed``.
    """
    one = BytesIO()
    with ZipFile(one, "w", ZIP_STORED) as archive:
        archive.writestr(_entry(STORE), sealed)
    local_end = _end_of(one)[-2]
    entry, central = one.getvalue()[:local_end], one.getvalue()[local_end : -_END.size]
    *head, count, _, size, offset, comment = _end_of(common)
    central = central[:_OFFSET_AT] + struct.pack("<L", offset) + central[_OFFSET_AT + 4 :]
    end = _END.pack(*head, count + 1, count + 1, size + len(central), offset + len(entry), comment)
    whole = offset + len(entry) + size + len(central) + len(end)

    def pieces() -> Iterator[bytes]:
        common.seek(0)
        yield from _read(common, offset)
        yield entry
        yield from _read(common, size)
        yield central + end

    return whole, pieces()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, _TIME)
    # Unix, whatever system writes it: a regular file of its owner.
    entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o600) << 16
    return entry


def _end_of(archive: BinaryIO) -> tuple[bytes, int, int, int, int, int, int, int]:
    archive.seek(-_END.size, 2)
    end: tuple[bytes, int, int, int, int, int, int, int] = _END.unpack(archive.read(_END.size))
    return end


def _read(source: BinaryIO, count: int) -> Iterator[bytes]:
    while count and (chunk := source.read(min(count, _CHUNK_BYTES))):
        count -= len(chunk)
        yield chunk


class PackageFile:
    """A package that is read; opening it proves nothing but that its form is right.

    Attributes:
        measured: Paths of the measured files, in path order.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read what the archive lists.

        Args:
            file: Can be sought in; stays the caller's.

        Raises:
            ProtocolError: ``package_invalid`` or ``path_refused``: other names, one twice, a
                link, a path that leads elsewhere, compressed, encrypted, or too large.
        """
        with _refusing():
            _check_end(file)
            self._archive = ZipFile(file)
            entries = self._archive.infolist()
            for entry in entries:
                _check_entry(entry)
            _check_gaps(entries, self._archive.start_dir)
        names = [entry.filename for entry in entries]
        self.measured = tuple(sorted(name for name in names if name not in _UNMEASURED))
        check_paths(self.measured)
        if sum(entry.file_size for entry in entries) > MAX_SIZE:
            raise _invalid("is too large")
        unmeasured = sorted({*names} - {*self.measured})
        if len(unmeasured) + len(self.measured) < len(names):
            raise _invalid("has a file twice")
        if not {SIGNATURE, FIRST_KEY} <= {*unmeasured}:
            raise _invalid("lacks its signature")

    @property
    def first_key(self) -> bytes:
        """The public first key that came along."""
        return self._content(FIRST_KEY)

    @property
    def signature(self) -> bytes:
        """The package signature, COSE."""
        return self._content(SIGNATURE)

    @property
    def store(self) -> bytes:
        """The sealed store.

        Raises:
            ProtocolError: ``package_invalid``: there is none.
        """
        return self._content(STORE)

    def manifest(self) -> Manifest:
        """Return what the first key that came along signed; whose key that is, is not asked.

        Raises:
            ProtocolError: ``signature_invalid``, or whatever rule it breaks.
        """
        return Manifest.open(self.signature, key=self.first_key)

    def check(self) -> Manifest:
        """Return the manifest after every measured file was compared with it.

        Raises:
            ProtocolError: as :meth:`manifest`, or ``package_invalid``.
        """
        manifest = self.manifest()
        if tuple(file.path for file in manifest.files) != self.measured:
            raise _invalid("has other files than those that were signed")
        if any(self._measure(file.path) != file for file in manifest.files):
            raise _invalid("has a file that was changed")
        return manifest

    def read_ranges(self, manifest: Manifest, ranges: list[tuple[int, int]]) -> bytes:
        """Return ranges of the measured content; errors as :func:`read_ranges`, and ours."""
        with _refusing():
            return read_ranges(manifest.files, self._open, ranges)

    def extract(self, folder: Path) -> None:
        """Write every file of the package into an empty folder.

        Raises:
            ProtocolError: ``package_invalid``: the archive is damaged.
            OSError: a file cannot be written.
        """
        for name in self._archive.namelist():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as target:
                for chunk in self._chunks(name):
                    target.write(chunk)

    def _measure(self, path: str) -> MeasuredFile:
        digest = hashlib.sha256()
        size = 0
        for chunk in self._chunks(path):
            digest.update(chunk)
            size += len(chunk)
        return MeasuredFile(path, digest.digest(), size)

    def _content(self, name: str) -> bytes:
        return b"".join(self._chunks(name))

    def _chunks(self, name: str) -> Iterator[bytes]:
        with _refusing():
            entry = self._open(name)
        with entry:
            while True:
                # The archive's own checksum is compared with the last piece.
                with _refusing():
                    chunk = entry.read(_CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk

    def _open(self, name: str) -> BinaryIO:
        return self._archive.open(name)  # type: ignore[return-value]  # as one reads it


def _check_end(file: BinaryIO) -> None:
    """Refuse what would make the library read more than a package has, before it does."""
    whole = file.seek(0, 2)
    if whole < _END.size + _LOCATOR_BYTES:
        raise _invalid("is none")
    file.seek(-_END.size - _LOCATOR_BYTES, 2)
    is_large = file.read(4) == _LOCATOR_SIGNATURE
    signature, disk, first, here, count, size, offset, comment = _end_of(file)
    if signature != _END_SIGNATURE or is_large or disk or first or comment or here != count:
        raise _invalid("is none")
    if count > _MAX_ENTRIES or size > _MAX_DIRECTORY_BYTES:
        raise _invalid("has too many files")
    if offset + size + _END.size != whole:
        raise _invalid("has other bytes around it")


def _check_entry(entry: ZipInfo) -> None:
    if entry.filename not in _UNMEASURED:
        check_path(entry.filename)
    elif entry.file_size > _UNMEASURED[entry.filename]:
        raise _invalid("is too large")
    is_plain = (
        entry.filename == entry.orig_filename
        and entry.compress_type == ZIP_STORED
        and entry.compress_size == entry.file_size
        # No encryption, nothing patched, no sizes behind the content.
        and not entry.flag_bits & ~_UTF8
        and not entry.extra
        and stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)
    )
    if not is_plain:
        raise _invalid("is not plainly packed")


def _check_gaps(entries: list[ZipInfo], end: int) -> None:
    """Refuse members that overlap, and bytes that belong to none."""
    place = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset != place:
            raise _invalid("has bytes that belong to no file, or to two")
        coding = "utf-8" if entry.flag_bits & _UTF8 else "cp437"
        place += _LOCAL_BYTES + len(entry.filename.encode(coding)) + entry.file_size
    if place != end:
        raise _invalid("has bytes that belong to no file")


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (BadZipFile, NotImplementedError, RuntimeError, ValueError, KeyError) as error:
        raise _invalid("is damaged") from error
    except (EOFError, OverflowError, struct.error, OSError) as error:
        raise _invalid("is damaged") from error


def _invalid(fault: str) -> ProtocolError:
    return ProtocolError("package_invalid", f"this package {fault}")
