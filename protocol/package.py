"""Application packages: what is signed, what is sold, and what the SDK keeps.

docs/protocol.md section 18; what is measured is in :mod:`protocol.measuring`, the file all of it
travels in, in :mod:`protocol.package_file`.
"""

from dataclasses import dataclass
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import cbor, cose, hpke
from protocol.cose import Typ
from protocol.currency import EXPONENTS
from protocol.ed25519 import KEY_BYTES, SigningKey
from protocol.errors import ProtocolError
from protocol.fields import DIGEST_BYTES, VERSION, check_bytes, check_list, check_uint, versioned
from protocol.measuring import MAX_FILES, MeasuredFile, check_paths, root_of
from protocol.text import check_origin, check_text

PACKAGE_BYTES = 4
SALT_BYTES = 32
MAX_BUILD = 2**16 - 1
MAX_NUMBER = 2**32 - 1
MAX_MANIFEST_BYTES = 2**20
MAX_BILLING_BYTES = 2**18
MAX_ITEMS = 1000
# 80 characters of four bytes.
MAX_TITLE_BYTES = 320


@dataclass(frozen=True, slots=True)
class Manifest:
    """The package signature covers this: ``[1, package, build, [[path, sha256, size]…], root]``.

    Attributes:
        package: Public id of the package, 4 bytes.
        build: Number of the build, from 1.
        files: The measured files, in path order.
    """

    package: bytes
    build: int
    files: tuple[MeasuredFile, ...]

    def __post_init__(self) -> None:
        _check_build(self.package, self.build)
        if list(self.files) != sorted(self.files):
            raise ProtocolError("value_out_of_range", "the files are not in path order", "files")
        check_paths(file.path for file in self.files)

    @property
    def root(self) -> bytes:
        """The Merkle root of the files."""
        return root_of(self.files)

    @property
    def size(self) -> int:
        """Bytes of the measured content."""
        return sum(file.size for file in self.files)

    def sign(self, first_key: SigningKey) -> bytes:
        """Return the package signature: COSE_Sign1, typ cs-package."""
        files = [[file.path, file.digest, file.size] for file in self.files]
        payload = cbor.encode([VERSION, self.package, self.build, files, self.root])
        return cose.sign(first_key, Typ.PACKAGE, payload, max_bytes=MAX_MANIFEST_BYTES)

    @classmethod
    def open(cls, message: bytes, *, key: bytes) -> Self:
        """Read a manifest that this first key signed.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        payload = cose.open_signed(message, typ=Typ.PACKAGE, key=key, max_bytes=MAX_MANIFEST_BYTES)
        value = cbor.decode(payload, max_bytes=MAX_MANIFEST_BYTES)
        package, build, files, root = versioned("manifest", value, 5)
        parts = [check_list("file", each, 3) for each in check_list("files", files, 0, MAX_FILES)]
        manifest = cls(package, build, tuple(MeasuredFile(*each) for each in parts))
        if manifest.root != root:
            raise ProtocolError("value_out_of_range", "the root is not that of the files", "root")
        return manifest


@dataclass(frozen=True, slots=True)
class Item:
    """What a build sells: ``[number, title, amount]``.

    Attributes:
        number: From 0, 32 bits.
        title: What a payer reads.
        amount: Minor units, 32 bits, above zero.
    """

    number: int
    title: str
    amount: int

    def __post_init__(self) -> None:
        check_uint("item", self.number, high=MAX_NUMBER)
        check_text("title", self.title, MAX_TITLE_BYTES)
        check_uint("amount", self.amount, low=1, high=MAX_NUMBER)


@dataclass(frozen=True, slots=True)
class BillingFile:
    """What a build sells, for whom and by whom.

    ``[1, package, build, title, payee, currency, platform, [[number, title, amount]…]]``

    Attributes:
        package: Public id of the package, 4 bytes.
        build: Number of the build, from 1.
        title: Of the application.
        payee: Who is paid, by name.
        currency: ISO 4217, of every price.
        platform: Origin of the platform that bills.
        items: By rising number.
    """

    package: bytes
    build: int
    title: str
    payee: str
    currency: str
    platform: str
    items: tuple[Item, ...]

    def __post_init__(self) -> None:
        _check_build(self.package, self.build)
        check_text("title", self.title, MAX_TITLE_BYTES)
        check_text("payee", self.payee, MAX_TITLE_BYTES)
        if self.currency not in EXPONENTS:
            raise ProtocolError("value_out_of_range", "the currency is unknown", "currency")
        check_origin("platform", self.platform)
        numbers = [item.number for item in self.items]
        if numbers != sorted({*numbers}) or not 1 <= len(numbers) <= MAX_ITEMS:
            raise ProtocolError("value_out_of_range", "items go by rising number", "items")

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        items = [[item.number, item.title, item.amount] for item in self.items]
        head = [self.package, self.build, self.title, self.payee, self.currency, self.platform]
        return cbor.encode([VERSION, *head, items])

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the file's content; the package signature is what proves it.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        value = cbor.decode(content, max_bytes=MAX_BILLING_BYTES)
        uid, build, title, payee, currency, platform, items = versioned("billing file", value, 8)
        if type(currency) is not str:
            raise ProtocolError("type_wrong", "currency must be text", "currency")
        parts = [check_list("item", each, 3) for each in check_list("items", items, 1, MAX_ITEMS)]
        listed = tuple(Item(*each) for each in parts)
        return cls(uid, build, title, payee, currency, platform, listed)


@dataclass(frozen=True, slots=True, repr=False)
class StoreContent:
    """What the platform preloads the SDK's store with, sealed to one device.

    ``[1, package, build, platform, first key, app signature, salt, third key, share]``

    Attributes:
        package: Public id of the package, 4 bytes.
        build: Number of the build, from 1.
        platform: Origin of the platform that bills.
        first_key: Ed25519, public: the copy to compare with.
        signature: The app signature of the build's files.
        salt: The second key.
        third_key: X25519, public; requests are sealed to it.
        share: X25519, public; the platform's, of the agreement on the evidence key.
    """

    package: bytes
    build: int
    platform: str
    first_key: bytes
    signature: bytes
    salt: bytes
    third_key: bytes
    share: bytes

    def __post_init__(self) -> None:
        _check_build(self.package, self.build)
        check_origin("platform", self.platform)
        check_bytes("first key", self.first_key, KEY_BYTES)
        check_bytes("signature", self.signature, DIGEST_BYTES)
        check_bytes("salt", self.salt, SALT_BYTES)
        check_bytes("third key", self.third_key, KEY_BYTES)
        check_bytes("share", self.share, KEY_BYTES)

    def to_cbor(self) -> list[Any]:
        """Return the array, without its version."""
        head: list[Any] = [self.package, self.build, self.platform, self.first_key]
        return [*head, self.signature, self.salt, self.third_key, self.share]

    def seal(self, box_key: bytes, thumbprint: bytes) -> bytes:
        """Return ``store.sealed`` for a device.

        Args:
            box_key: Of the device, X25519.
            thumbprint: Of the device's key, 32 bytes.

        Raises:
            ProtocolError: ``key_invalid``.
        """
        content = cbor.encode([VERSION, *self.to_cbor()])
        return hpke.seal(content, box_key, store_info(self.package, self.build, thumbprint))

    @classmethod
    def open(
        cls, sealed: bytes, key: X25519PrivateKey, *, package: bytes, build: int, thumbprint: bytes
    ) -> Self:
        """Read ``store.sealed`` of a package on the device that it is for.

        Raises:
            ProtocolError: ``sealed_invalid``, or whatever rule the content breaks.
        """
        return cls.from_bytes(hpke.unseal(sealed, key, store_info(package, build, thumbprint)))

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the content that was sealed; ProtocolError for whatever rule it breaks."""
        return cls(*versioned("store", cbor.decode(content), 9))


def store_info(package: bytes, build: int, thumbprint: bytes) -> bytes:
    """Return the HPKE info of a store: it opens for this build and device alone.

    Raises:
        ProtocolError: the build is none.
    """
    _check_build(package, build)
    return b"countersign/store/1" + package + build.to_bytes(2, "big") + thumbprint


def _check_build(package: object, build: object) -> None:
    check_bytes("package", package, PACKAGE_BYTES)
    check_uint("build", build, low=1, high=MAX_BUILD)
