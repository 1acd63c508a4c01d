"""Key-encryption keys in a file (``AUTHSERVER_KEK_FILE``) or in the environment.

Each is base64 of 32 bytes; of several, one a line, the first wraps new data keys and the others
still open old ones.  The file is read anew each time, which is seldom: a key put into it is
known without a restart.
"""

import base64
import secrets
from collections.abc import Collection
from pathlib import Path

from django.conf import settings

from authserver.errors import KeyProviderError
from protocol.errors import ProtocolError
from protocol.files import replace_file
from protocol.sealing import KEK_BYTES, Sealer

_NAME_BYTES = 8


class EnvironmentProvider:
    """Keys are named by a keyed hash of nothing, which gives nothing of them away."""

    def fresh(self, used: Collection[str]) -> str:
        """Return the first key if it is new; else write a new one in front of it."""
        keys = self._keys()
        name = next(iter(keys))
        if name not in used:
            return name
        if self._path is None:
            raise KeyProviderError(
                "The key in AUTHSERVER_KEK is in use, and the environment of a running service "
                "cannot be changed. Put the key into a file that AUTHSERVER_KEK_FILE names, or a "
                "new key in front of it; restart; and repeat this."
            )
        key = secrets.token_bytes(KEK_BYTES)
        self._write([key, *(sealer.kek for sealer in keys.values())])
        return _name(Sealer(key))

    def wrap(self, name: str, secret: bytes, context: bytes) -> bytes:
        """Wrap under a key derived from the named one."""
        return self._wrapper(name).seal(secret, context)

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        """Unwrap."""
        try:
            return self._wrapper(name).open(wrapped, context)
        except ProtocolError as error:
            raise KeyProviderError("A data key does not open: its row was altered.") from error

    def drop(self, name: str) -> str:
        """Take a key out of the file; out of the environment only a person can."""
        keys = self._keys()
        if name not in keys:
            return ""
        if self._path is None:
            return "Take the old key out of AUTHSERVER_KEK: nothing needs it any more."
        try:
            self._write([sealer.kek for other, sealer in keys.items() if other != name])
        except KeyProviderError:
            return f"Take the old key out of {self._path}: nothing needs it any more."
        return ""

    def problem(self) -> str:
        """Say why there is no key."""
        try:
            self._keys()
        except KeyProviderError as error:
            return str(error)
        return ""

    def first(self) -> tuple[str, bytes]:
        """Return name and bytes of the first key."""
        name, sealer = next(iter(self._keys().items()))
        return name, sealer.kek

    @property
    def _path(self) -> Path | None:
        path: Path | None = settings.AUTHSERVER_KEK_FILE
        return path

    def _keys(self) -> dict[str, Sealer]:
        try:
            text = self._path.read_text("ascii") if self._path else settings.AUTHSERVER_KEK
            sealers = [Sealer.from_base64(line) for line in text.split() or [""]]
        except ProtocolError as error:
            raise KeyProviderError(f"AUTHSERVER_KEK: {error.detail}.") from error
        except (OSError, UnicodeDecodeError):
            # Without its cause, which may quote what the file holds.
            raise KeyProviderError(f"{self._path} cannot be read.") from None
        return {_name(sealer): sealer for sealer in sealers}

    def _wrapper(self, name: str) -> Sealer:
        sealer = self._keys().get(name)
        if sealer is None:
            raise KeyProviderError(
                f"The key-encryption key {name} is missing in {self._path or 'AUTHSERVER_KEK'}."
            )
        return Sealer(sealer.keyed_hash("wrap", b""))

    def _write(self, keys: list[bytes]) -> None:
        if self._path is None:
            raise KeyProviderError("The environment cannot be written.")
        lines = "".join(base64.b64encode(key).decode() + "\n" for key in keys)
        try:
            replace_file(self._path.resolve(), lines.encode())
        except OSError as error:
            raise KeyProviderError(
                f"{self._path} cannot be written ({error.strerror}). Put a new key in front by "
                "hand (openssl rand -base64 32) and repeat this."
            ) from error


def _name(sealer: Sealer) -> str:
    return sealer.keyed_hash("name", b"")[:_NAME_BYTES].hex()
