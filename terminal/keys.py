"""The keys of a device: one proves that it is this device, secrets are sealed to the other."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.files import replace_file
from protocol.jwk import thumbprint
from terminal.errors import TerminalError


@dataclass(frozen=True, slots=True, repr=False)
class DeviceKeys:
    """Both keys, made on the device and never sent.

    Attributes:
        signing: Ed25519; what the platform knows the device by.
        box: X25519; content keys are sealed to it.
    """

    signing: SigningKey
    box: X25519PrivateKey

    @classmethod
    def generate(cls) -> Self:
        """Make new keys from the operating system's randomness."""
        return cls(SigningKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the keys of a file.

        Raises:
            TerminalError: ``keys_unusable``.
        """
        try:
            kept = json.loads(path.read_text("ascii"))
            return cls(
                SigningKey.from_bytes(bytes.fromhex(kept["signing"])),
                X25519PrivateKey.from_private_bytes(bytes.fromhex(kept["box"])),
            )
        except (OSError, ValueError, KeyError, TypeError, ProtocolError):
            # Without its cause, which might show the file.
            raise TerminalError("keys_unusable", f"{path} holds no keys of a device") from None

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all; a new one is its owner's alone.

        Raises:
            TerminalError: ``keys_unusable``.
        """
        kept = {
            "signing": self.signing.to_bytes().hex(),
            "box": self.box.private_bytes_raw().hex(),
        }
        try:
            replace_file(path, json.dumps(kept).encode())
        except OSError as error:
            raise TerminalError("keys_unusable", f"{path} cannot be written") from error

    @property
    def box_key(self) -> bytes:
        """The public half of the box key, 32 bytes."""
        return self.box.public_key().public_bytes_raw()

    @property
    def thumbprint(self) -> bytes:
        """What the device is called wherever it must be told from others, 32 bytes."""
        return thumbprint(self.signing.public)

    def __repr__(self) -> str:
        return f"DeviceKeys({self.signing.kid.hex()})"
