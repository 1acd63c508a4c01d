"""The billing verdict: whether a resource may be operated, this once (section 15)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from protocol import cbor, cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_TIME,
    VERSION,
    check_bytes,
    check_uint,
    check_word,
    versioned,
)
from protocol.text import check_ascii

RNONCE_BYTES = 16
ALLOWED = "allowed"


class Operation(StrEnum):
    """What a user asks of a resource."""

    OPEN = "open"
    PLAY = "play"
    APPLY = "apply"
    INSTALL = "install"
    VIEW = "view"


@dataclass(frozen=True, slots=True)
class BillingVerdict:
    """The answer to one request of one copy.  Test ``allowed``; a verdict has no truth value.

    Attributes:
        code: ``allowed``, or the code of the refusal; result on the wire is 1 for the first.
        resource: Public id of the resource, 8 bytes.
        version: Number of its version.
        operation: What was asked.
        rnonce: What the copy drew for this one request, 16 bytes.
        device: Thumbprint of the device's key, 32 bytes.
        key_digest: SHA-256 of the sealed content key that comes along; ``None`` when refused.
        issued: Unix seconds.
        expires: Unix seconds; nothing is opened after it.
    """

    code: str
    resource: bytes
    version: int
    operation: Operation
    rnonce: bytes
    device: bytes
    key_digest: bytes | None
    issued: int
    expires: int

    def __post_init__(self) -> None:
        check_ascii("code", self.code, 32)
        check_bytes("resource", self.resource, ID_BYTES)
        check_uint("version", self.version, high=2**32 - 1)
        operation = check_word("operation", self.operation, Operation)
        object.__setattr__(self, "operation", operation)
        check_bytes("rnonce", self.rnonce, RNONCE_BYTES)
        check_bytes("device", self.device, DIGEST_BYTES)
        if self.key_digest is not None:
            check_bytes("key digest", self.key_digest, DIGEST_BYTES)
        if self.allowed != (self.key_digest is not None):
            raise ProtocolError("value_out_of_range", "a key comes with leave alone", "key digest")
        check_uint("issued", self.issued, high=MAX_TIME)
        check_uint("expires", self.expires, low=self.issued, high=MAX_TIME)

    def __bool__(self) -> bool:
        raise TypeError("a BillingVerdict has no truth value; test .allowed")

    @property
    def allowed(self) -> bool:
        """Whether the resource may be operated."""
        return self.code == ALLOWED

    def payload(self) -> bytes:
        """Return the bytes the platform signs.

        ``[1, result, code, resource, version, operation, rnonce, device, key digest, issued,
        expires]``
        """
        return cbor.encode(
            [
                VERSION,
                int(self.allowed),
                self.code,
                self.resource,
                self.version,
                str(self.operation),
                self.rnonce,
                self.device,
                self.key_digest,
                self.issued,
                self.expires,
            ]
        )

    def sign(self, key: SigningKey) -> bytes:
        """Return the verdict as COSE_Sign1, typ cs-billing-verdict."""
        return cose.sign(key, Typ.BILLING_VERDICT, self.payload())

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Read a verdict's payload, strictly.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        result, *fields = versioned("billing verdict", cbor.decode(payload), 11)
        verdict = cls(*fields)
        check_uint("result", result, high=1)
        if result != verdict.allowed:
            raise ProtocolError("value_out_of_range", "result and code disagree", "result")
        return verdict

    @classmethod
    def open(cls, message: bytes, *, key: bytes) -> Self:
        """Read a verdict that this billing key signed.

        Raises:
            ProtocolError: as :func:`protocol.cose.open_signed` and :meth:`from_payload`.
        """
        return cls.from_payload(cose.open_signed(message, typ=Typ.BILLING_VERDICT, key=key))
