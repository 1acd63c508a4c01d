"""The verdict: what the paired server decided about one statement."""

from dataclasses import dataclass
from enum import IntEnum
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
    check_enum,
    check_uint,
    versioned,
)


class Reason(IntEnum):
    """Why a verdict is as it is."""

    ACCEPTED = 0
    ATTEMPTS_EXHAUSTED = 1
    DECLINED = 2
    CANCELLED = 3
    EXPIRED = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """A terminal outcome.  Test ``accepted``; a verdict has no truth value.

    Attributes:
        vk: The server that decided, 8 bytes.
        s: Digest S of the statement, 32 bytes.
        reason: ``ACCEPTED``, or why not; outcome on the wire is 1 for it and 0 for the rest.
        decided: Unix seconds, by the authserver's clock.
        seq: Sequence number at this server: generation·2^32 + n.
    """

    vk: bytes
    s: bytes
    reason: Reason
    decided: int
    seq: int

    def __post_init__(self) -> None:
        check_bytes("vk", self.vk, ID_BYTES)
        check_bytes("S", self.s, DIGEST_BYTES)
        object.__setattr__(self, "reason", check_enum("reason", self.reason, Reason))
        check_uint("decided", self.decided, high=MAX_TIME)
        check_uint("seq", self.seq)

    def __bool__(self) -> bool:
        raise TypeError("a Verdict has no truth value; test .accepted")

    @property
    def accepted(self) -> bool:
        """Whether the step is countersigned."""
        return self.reason is Reason.ACCEPTED

    def payload(self) -> bytes:
        """Return the bytes the paired server signs."""
        return cbor.encode(
            [
                VERSION,
                self.vk,
                self.s,
                int(self.accepted),
                int(self.reason),
                self.decided,
                self.seq,
            ]
        )

    def sign(self, key: SigningKey) -> bytes:
        """Return the verdict as COSE_Sign1."""
        return cose.sign(key, Typ.VERDICT, self.payload())

    @classmethod
    def from_payload(cls, payload: bytes) -> Self:
        """Read a verdict's payload, strictly.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        vk, s, outcome, reason, decided, seq = versioned("verdict", cbor.decode(payload), 7)
        verdict = cls(vk, s, reason, decided, seq)
        check_uint("outcome", outcome, high=1)
        if outcome != verdict.accepted:
            raise ProtocolError("value_out_of_range", "outcome and reason disagree", "outcome")
        return verdict
