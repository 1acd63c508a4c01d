"""A simulated security chip: keys that do not leave it, and a counter that only rises."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.binding import ChipProof, Message, Purpose
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.files import locked_file, replace_file
from protocol.jwk import to_base64
from terminal.errors import TerminalError
from terminal.sim import Sim

Taken = TypeVar("Taken")

MANUFACTURER = "Countersign simulator"
_STORAGE = b"countersign/chip/storage/1"
LIST_HEADER = "serial,manufacturer,key,box_key"


@dataclass(frozen=True, slots=True, repr=False)
class Chip:
    """A chip, kept in a file that stands for its silicon; the owner's alone.

    Each method reads the file anew, so that whoever puts another chip in has another chip.

    Attributes:
        path: The file.
    """

    path: Path

    @classmethod
    def make(cls, path: Path, *, serial: str = "") -> Self:
        """Make a chip with keys of its own.

        Raises:
            TerminalError: ``chip_exists``, or ``chip_unusable``.
        """
        if path.exists():
            raise TerminalError("chip_exists", f"there is a chip in {path} already")
        content = {
            "serial": serial or f"CHIP-{secrets.token_hex(8).upper()}",
            "signing": SigningKey.generate().to_bytes().hex(),
            "box": X25519PrivateKey.generate().private_bytes_raw().hex(),
            "counter": 0,
        }
        with _usable(path):
            replace_file(path, json.dumps(content).encode())
        return cls(path)

    @property
    def serial(self) -> str:
        """Its serial number; errors as every use: ``no_chip``, or ``chip_unusable``."""
        return self._read(lambda content: str(content["serial"]))

    @property
    def listing(self) -> str:
        """Its line on the manufacturer's list, below ``LIST_HEADER``: what is public of it."""
        keys = (self._signing.public, self._box.public_key().public_bytes_raw())
        return ",".join([self.serial, MANUFACTURER, *map(to_base64, keys)])

    def prove(self, *, nonce: bytes, purpose: Purpose, sim: Sim, device: bytes) -> bytes:
        """Sign what the chip sees in the phone now; return COSE cs-chip-proof.

        Args:
            nonce: The platform's challenge, 16 bytes.
            purpose: What is to be done.
            sim: The SIM beside it, which it reads by itself.
            device: Thumbprint of the device's key, 32 bytes.

        Raises:
            TerminalError: ``no_chip``, ``no_sim``, ``chip_unusable`` or ``sim_unusable``.
            ProtocolError: the challenge is none.
        """
        card = sim.read()
        proof = ChipProof(
            nonce=nonce,
            purpose=purpose,
            sim=card.code,
            number=card.number,
            device=device,
            counter=self._count(),
        )
        return proof.sign(self._signing)

    def write(self, text: str, *, sender: str, recipient: str, box_key: bytes) -> bytes:
        """Seal a text to another chip and sign it; return COSE cs-message.

        Raises:
            TerminalError: as :meth:`prove`.
            ProtocolError: the text is empty or too long, or a number or the key is none.
        """
        message = Message.seal(
            text, sender=sender, recipient=recipient, counter=self._count(), box_key=box_key
        )
        return message.sign(self._signing)

    def read(self, message: bytes, *, key: bytes) -> tuple[Message, str]:
        """Open a message to this chip; return it with its text.

        Args:
            message: COSE cs-message.
            key: Ed25519 key of the chip that must have signed it.

        Raises:
            TerminalError: as :meth:`prove`.
            ProtocolError: that chip did not sign it, or it is for another.
        """
        opened = Message.open(message, key=key)
        return opened, opened.read(self._box)

    def storage_key(self, context: bytes) -> bytes:
        """Return a key for what lies outside the chip, 32 bytes: the same for one context.

        Raises:
            TerminalError: ``no_chip``, or ``chip_unusable``.

        Source:
            RFC 5869.
        """
        info = _STORAGE + context
        return HKDF(SHA256(), 32, salt=None, info=info).derive(self._box.private_bytes_raw())

    @property
    def _signing(self) -> SigningKey:
        return self._read(lambda content: SigningKey.from_bytes(bytes.fromhex(content["signing"])))

    @property
    def _box(self) -> X25519PrivateKey:
        return self._read(
            lambda content: X25519PrivateKey.from_private_bytes(bytes.fromhex(content["box"]))
        )

    def _count(self) -> int:
        """Return the next value of the counter, on the disk before anything is signed with it."""
        with self._locked():
            content = self._read(lambda content: {**content, "counter": content["counter"] + 1})
            with _usable(self.path):
                replace_file(self.path, json.dumps(content).encode())
        return int(content["counter"])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other programs of this phone from counting at once."""
        with _usable(self.path), locked_file(self.path.with_suffix(".lock")):
            yield

    def _read(self, take: Callable[[Any], Taken]) -> Taken:
        try:
            return take(json.loads(self.path.read_text("ascii")))
        except FileNotFoundError:
            raise TerminalError("no_chip", "there is no security chip in this phone") from None
        except (OSError, ValueError, KeyError, TypeError, ProtocolError):
            # Without its cause, which might show the file.
            raise TerminalError("chip_unusable", f"{self.path} holds no chip") from None


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TerminalError("chip_unusable", f"{path} cannot be written") from error
