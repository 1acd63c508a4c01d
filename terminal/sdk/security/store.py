"""The storage layer: what the SDK knows, sealed under a key that the security chip holds.

The platform seals the first content to this device; the first start seals it anew, and from then
on the chip opens it.  Whatever does not open locks the store for good.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NoReturn, Self

from protocol import cbor
from protocol.application import NONCE_BYTES
from protocol.errors import ProtocolError
from protocol.fields import MAX_TIME, VERSION, check_bytes, check_list, check_uint, versioned
from protocol.files import locked_file, replace_file
from protocol.package import StoreContent, store_info
from protocol.sealing import Sealer

from ..layers import called_by
from ..terms import Place, SdkError

STORE_LOCKED = "store_locked"
MAX_NONCES = 100
_MAX_BYTES = 8192
_CONTEXT = b"countersign/sdk/1"


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """What the file holds: ``[1, …the platform's content, [[nonce, expires]…], counter]``.

    Attributes:
        content: What the platform preloaded.
        nonces: One-time numbers of the platform, each with the Unix time of its end.
        counter: The last that was used in place of one.
    """

    content: StoreContent
    nonces: tuple[tuple[bytes, int], ...] = ()
    counter: int = 0

    def to_bytes(self) -> bytes:
        """Return the file's content before it is sealed."""
        nonces = [list(each) for each in self.nonces]
        return cbor.encode([VERSION, *self.content.to_cbor(), nonces, self.counter])

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read it; ProtocolError for whatever rule it breaks."""
        value = cbor.decode(content, max_bytes=_MAX_BYTES)
        *preloaded, nonces, counter = versioned("store", value, 11)
        pairs = [
            check_list("nonce", each, 2) for each in check_list("nonces", nonces, 0, MAX_NONCES)
        ]
        check_uint("counter", counter)
        return cls(StoreContent(*preloaded), tuple((each[0], each[1]) for each in pairs), counter)


@called_by("security.core")
class Store:
    """The store of one installed build."""

    def __init__(self, place: Place) -> None:
        """Prepare; nothing is opened yet."""
        self._place = place
        self._file = place.state / "store"
        self._marker = place.state / "locked"
        self._preloaded = place.files / "store.sealed"

    def open(self) -> StoreContent:
        """Return what the platform preloaded.

        Raises:
            SdkError: ``store_locked``, or ``store_unusable`` when the disk is at fault.
        """
        with self._exclusively():
            return self._load().content

    def add_nonces(self, nonces: list[bytes], expires: int) -> None:
        """Keep one-time numbers of the platform.

        Args:
            nonces: 8 bytes each.
            expires: Unix time from which on they are of no use.

        Raises:
            SdkError: as :meth:`open`.
            ProtocolError: they are none.
        """
        for nonce in nonces:
            check_bytes("nonce", nonce, NONCE_BYTES)
        check_uint("expires", expires, high=MAX_TIME)
        with self._exclusively():
            kept = self._load()
            more = tuple((nonce, expires) for nonce in nonces)
            # Newest first: the platform forgets the oldest of those that nobody used.
            self._save(replace(kept, nonces=(more + self._left(kept))[:MAX_NONCES]))

    def count_nonces(self) -> int:
        """Return how many one-time numbers are left; errors as :meth:`open`."""
        with self._exclusively():
            return len(self._left(self._load()))

    def take_nonce(self) -> tuple[bytes, bool]:
        """Use up one number; it is gone from the disk before anything is made with it.

        Returns:
            The nonce, and whether it is counted: the pool is empty, so it is a counter that is
            above all before, and not below the clock, which serves all stores of a device.

        Raises:
            SdkError: as :meth:`open`.
        """
        with self._exclusively():
            kept = self._load()
            left = self._left(kept)
            if left:
                self._save(replace(kept, nonces=left[1:]))
                return left[0][0], False
            counter = max(kept.counter + 1, int(self._place.clock().timestamp() * 1000))
            self._save(replace(kept, nonces=(), counter=counter))
            return counter.to_bytes(NONCE_BYTES, "big"), True

    def _left(self, kept: Kept) -> tuple[tuple[bytes, int], ...]:
        now = self._place.clock().timestamp()
        return tuple(each for each in kept.nonces if each[1] > now)

    def _load(self) -> Kept:
        if self._marker.exists() or not (self._file.exists() or self._preloaded.exists()):
            self._lock()
        return self._opened() if self._file.exists() else self._taken_over()

    def _opened(self) -> Kept:
        sealer, sealed = self._sealer(), self._file.read_bytes()
        with self._locking():
            return Kept.from_bytes(sealer.open(sealed, self._context()))

    def _taken_over(self) -> Kept:
        """Open what the platform sealed to this device, once."""
        place, sealed = self._place, self._preloaded.read_bytes()
        info = store_info(place.package, place.build, place.keystore.thumbprint)
        with self._locking():
            kept = Kept(StoreContent.from_bytes(place.keystore.unseal(sealed, info)))
        self._save(kept)
        self._preloaded.unlink()
        return kept

    def _save(self, kept: Kept) -> None:
        replace_file(self._file, self._sealer().seal(kept.to_bytes(), self._context()))

    def _sealer(self) -> Sealer:
        return Sealer(self._place.keystore.storage_key(self._context()))

    def _context(self) -> bytes:
        return _CONTEXT + self._place.package + self._place.build.to_bytes(2, "big")

    @contextmanager
    def _locking(self) -> Iterator[None]:
        try:
            yield
        except ProtocolError:
            self._lock()

    def _lock(self) -> NoReturn:
        """Lock for good: what could be opened is gone, not only marked."""
        self._marker.touch()
        self._file.unlink(missing_ok=True)
        self._preloaded.unlink(missing_ok=True)
        raise SdkError(STORE_LOCKED, "this application was changed: download it anew")

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Keep other programs of this device from the store, and say what the disk refuses."""
        try:
            with locked_file(self._place.state / "lock"):
                yield
        except OSError as error:
            raise SdkError("store_unusable", "the SDK's store cannot be used") from error
