"""What the layers say to each other and to whoever runs the SDK."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from protocol.application import Channel
from protocol.errors import ProtocolError


class SdkError(ProtocolError):
    """The SDK refuses, with a stable code such as ``store_locked``."""


class Keystore(Protocol):
    """What the device holds and the SDK may use, but never see.

    Attributes:
        terminal: Public id of the device, 8 bytes.
        thumbprint: Of the device's key, 32 bytes.
    """

    @property
    def terminal(self) -> bytes: ...  # noqa: D102 (above)

    @property
    def thumbprint(self) -> bytes: ...  # noqa: D102 (above)

    def unseal(self, sealed: bytes, info: bytes) -> bytes:
        """Open what was sealed to the device's box key; ProtocolError when it does not open."""
        ...

    def agree(self, share: bytes) -> bytes:
        """Return X25519 of the device's box key and a share; ProtocolError for none."""
        ...

    def storage_key(self, context: bytes) -> bytes:
        """Return a key of the security chip for one use, 32 bytes, the same each time."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where an installed build is, and what it may use.

    Attributes:
        package: Public id of the package, 4 bytes.
        build: Number of the build.
        files: The unpacked package.
        state: A folder for what the store keeps; outside ``files``, which are measured.
        keystore: Of the device.
        clock: Gives the current time, timezone-aware.
    """

    package: bytes
    build: int
    files: Path
    state: Path
    keystore: Keystore
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What start-up found.

    Attributes:
        key_matches: The key comparison: the package's first key is the stored copy.
        files_match: The signature comparison: the files give the stored signature.
    """

    key_matches: bool
    files_match: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be billed; the payer has agreed to exactly this.

    Attributes:
        item: Its number.
        amount: Minor units.
        currency: ISO 4217.
        channel: How the request will travel.
    """

    item: int
    amount: int
    currency: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class SealedRequest:
    """A billing request that the platform alone can read.

    Attributes:
        package: Public id of the package, 4 bytes.
        channel: How it travels, and no other way.
        sealed: For the network; empty otherwise.
        text: The SMS; empty otherwise.
    """

    package: bytes
    channel: Channel
    sealed: bytes = b""
    text: str = ""
