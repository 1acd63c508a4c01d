"""Uploaded files of tokens: on the disk for as long as they are read, and never there in clear."""

import io
import secrets
import tempfile
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class SealedFile(io.RawIOBase):
    """A file without a name, under a key that nothing but this object has; written, then read."""

    def __init__(self) -> None:
        super().__init__()
        # Once under this key and nonce, so that counter mode is safe; nobody reads a change in.
        cipher = Cipher(
            algorithms.AES(secrets.token_bytes(32)), modes.CTR(secrets.token_bytes(16))
        )
        self._seal, self._open = cipher.encryptor(), cipher.decryptor()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with this)
        self._read = 0

    def append(self, octets: bytes) -> None:
        """Write on."""
        self._file.write(self._seal.update(octets))

    def rewind(self) -> None:
        """Begin to read; once."""
        self._file.seek(0)

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read on."""
        octets = self._open.update(self._file.read(len(buffer)))
        buffer[: len(octets)] = octets
        self._read += len(octets)
        return len(octets)

    def tell(self) -> int:
        """Return how many octets were read."""
        return self._read

    def close(self) -> None:
        """Let go of it, for good."""
        self._file.close()
        super().close()


class SealedUpload(UploadedFile):  # type: ignore[type-arg]  # not generic when it runs
    """An upload that outlives its request, once taken."""

    def take(self) -> io.BufferedReader:
        """Return the file; whoever takes it closes it."""
        taken: Any = self.file
        self.file = None
        return io.BufferedReader(taken)

    def close(self) -> None:
        """Let go of a file that nobody took."""
        if self.file is not None:
            self.file.close()


class SealedUploadHandler(FileUploadHandler):
    """Takes every uploaded file in sealed."""

    _sealed: SealedFile

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file."""
        super().new_file(*args, **kwargs)
        self._sealed = SealedFile()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Take some octets."""
        self._sealed.append(raw_data)

    def file_complete(self, file_size: int) -> SealedUpload:
        """Hand the file on."""
        self._sealed.rewind()
        file: Any = self._sealed
        return SealedUpload(file, self.file_name, self.content_type, file_size)
