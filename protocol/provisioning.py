"""Enrolment of a token without a network: all of it in one QR code of the host (section 11)."""

from dataclasses import astuple, dataclass
from typing import Self

from protocol import cbor, cose, qrtext
from protocol.cose import Typ
from protocol.ed25519 import KEY_BYTES
from protocol.enrolment import TICKET_BYTES, Vouchers
from protocol.errors import ProtocolError
from protocol.fields import VERSION, check_bytes, versioned
from protocol.qrtext import Link
from protocol.text import check_origin

_MESSAGES = (
    ("enrol", Typ.ENROL),
    ("host_certificate", Typ.KEY),
    ("platform_certificate", Typ.KEY),
    ("server_certificate", Typ.SERVER),
)


@dataclass(frozen=True, slots=True, repr=False)
class Provision:
    """What a provisioning QR holds: a secret, and what a host answers to a token's share.

    The token's own share is drawn by the host, which has no other way to agree on a seed with a
    token that cannot answer.  Whoever reads the code has the seed.

    Attributes:
        origin: The host's origin.
        private: The token's ephemeral X25519 key, 32 bytes; secret.
        ticket: That of the invitation, 16 bytes.
        vouchers: What the host would answer to the share of that key.
    """

    origin: str
    private: bytes
    ticket: bytes
    vouchers: Vouchers

    def __post_init__(self) -> None:
        check_origin("host origin", self.origin)
        check_bytes("private", self.private, KEY_BYTES)
        check_bytes("ticket", self.ticket, TICKET_BYTES)
        for field in ("host_root", "platform_root"):
            check_bytes(field, getattr(self.vouchers, field), KEY_BYTES)
        for field, typ in _MESSAGES:
            message = getattr(self.vouchers, field)
            if type(message) is not bytes:
                raise ProtocolError("type_wrong", f"{field} must be bytes", field)
            cose.require_typ(cose.parse(message), typ)

    def to_link(self) -> str:
        """Return the QR text; it is as secret as the seed."""
        content = cbor.encode([VERSION, self.private, self.ticket, *astuple(self.vouchers)])
        return qrtext.encode(self.origin, Link.PROVISION, content)

    @classmethod
    def from_link(cls, text: str) -> Self:
        """Read the QR text; nothing in it is proved.

        Raises:
            ProtocolError: as :func:`protocol.qrtext.decode`, or of the fields.
        """
        origin, content = qrtext.decode(text, Link.PROVISION)
        private, ticket, *vouchers = versioned("provision", cbor.decode(content), 9)
        return cls(origin, private, ticket, Vouchers(*vouchers))

    def __repr__(self) -> str:
        return f"Provision({self.origin})"
