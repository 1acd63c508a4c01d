"""What the SDK of an application may use of the device, and never see."""

from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from protocol import hpke
from protocol.errors import ProtocolError
from terminal.binding.phone import hardware_of
from terminal.chip import Chip
from terminal.home import Home
from terminal.keys import DeviceKeys


@dataclass(frozen=True, slots=True, repr=False)
class DeviceKeystore:
    """The device's box key and the security chip, behind what the SDK asks of them.

    Attributes:
        terminal: Public id of the device, 8 bytes.
        keys: Of the device.
        chip: In the phone.
    """

    terminal: bytes
    keys: DeviceKeys
    chip: Chip

    @classmethod
    def of(cls, home: Home) -> Self:
        """Return the keystore of a terminal's folder.

        Raises:
            TerminalError: the terminal is no device of an account yet.
        """
        return cls(bytes.fromhex(home.pins().device), home.keys(), hardware_of(home).chip)

    @property
    def thumbprint(self) -> bytes:
        """Of the device's key, 32 bytes."""
        return self.keys.thumbprint

    def unseal(self, sealed: bytes, info: bytes) -> bytes:
        """Open what was sealed to the device; ProtocolError ``sealed_invalid``."""
        return hpke.unseal(sealed, self.keys.box, info)

    def agree(self, share: bytes) -> bytes:
        """Return X25519 of the box key and a share; ProtocolError ``key_invalid``."""
        try:
            return self.keys.box.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError as error:
            raise ProtocolError("key_invalid", "nothing can be agreed with this key") from error

    def storage_key(self, context: bytes) -> bytes:
        """Return a key of the chip, 32 bytes; TerminalError when there is none in the phone."""
        return self.chip.storage_key(context)
