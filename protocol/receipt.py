"""The receipt of a signed step, and of a refused one (docs/protocol.md section 3)."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Self

from protocol import cbor, cose
from protocol.chain import CertifiedServer, Step, check_anchor
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.fields import (
    ID_BYTES,
    VERSION,
    check_bytes,
    check_enum,
    check_list,
    check_uint,
    versioned,
)
from protocol.statement import DEFAULT_TTL_SECONDS, Demand, Party, Platform
from protocol.verdict import Reason

MAX_STEPS = 4


@dataclass(frozen=True, slots=True)
class Receipt:
    """Steps of a chain, newest last, with the platform's word for those folded away.

    On the wire ``[1, platform, tx, base, folded, anchor, [1*4 step]]``, and for a refused step
    (typ cs-refusal) its reason behind that.  ``base`` is the earliest ``issued`` of the steps.

    Attributes:
        platform: Who signs.
        tx: Transaction id, 8 bytes.
        folded: Number of earlier steps not in clear; the oldest one in clear has this position.
        anchor: ``prev`` of the oldest step in clear; ``None`` exactly when nothing is folded.
        steps: One to four steps in clear.
        reason: ``ACCEPTED``, or why the only step was refused.
    """

    platform: Platform
    tx: bytes
    folded: int
    anchor: bytes | None
    steps: tuple[Step, ...]
    reason: Reason = Reason.ACCEPTED

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", check_enum("reason", self.reason, Reason))
        check_bytes("tx", self.tx, ID_BYTES)
        check_anchor(self.folded, self.anchor)
        if not 1 <= len(self.steps) <= (MAX_STEPS if self.is_accepted else 1):
            raise ProtocolError("type_wrong", "wrong number of steps", "steps")

    @property
    def is_accepted(self) -> bool:
        """Whether this is the receipt of a signed step, not of a refused one."""
        return self.reason is Reason.ACCEPTED

    @property
    def typ(self) -> Typ:
        """``cs-receipt`` or ``cs-refusal``."""
        return Typ.RECEIPT if self.is_accepted else Typ.REFUSAL

    @property
    def length(self) -> int:
        """Number of steps in the chain, those folded included."""
        return self.folded + len(self.steps)

    @property
    def decided(self) -> int:
        """The receipt's date: ``decided`` of its newest step, Unix seconds."""
        return self.steps[-1].decided

    def payload(self) -> bytes:
        """Return the bytes the platform signs."""
        base = min(step.issued for step in self.steps)
        parts: list[Any] = [
            VERSION,
            self.platform.to_cbor(),
            self.tx,
            base,
            self.folded,
            self.anchor,
            [_step_to_cbor(step, base) for step in self.steps],
        ]
        return cbor.encode(parts if self.is_accepted else [*parts, int(self.reason)])

    def sign(self, key: SigningKey) -> bytes:
        """Return the receipt as COSE_Sign1."""
        return cose.sign(key, self.typ, self.payload())

    def without_certificates(self, keep_newest: int = 0) -> Self:
        """Return the same receipt with certificates on only the newest steps."""
        bare = len(self.steps) - keep_newest
        steps = (
            replace(step, by=step.vk) if place < bare else step
            for place, step in enumerate(self.steps)
        )
        return replace(self, steps=tuple(steps))

    @classmethod
    def from_signed(cls, signed: cose.Sign1) -> Self:
        """Read a parsed receipt or refusal, strictly; its signature is not checked here.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        cose.require_typ(signed, Typ.RECEIPT, Typ.REFUSAL)
        refused = signed.typ == Typ.REFUSAL
        parts = versioned("receipt", cbor.decode(signed.payload), 8 if refused else 7)
        platform, tx, base, folded, anchor, steps = parts[:6]
        check_uint("base", base)
        receipt = cls(
            platform=Platform.from_cbor(platform),
            tx=tx,
            folded=folded,
            anchor=anchor,
            steps=tuple(
                _step_from_cbor(step, base) for step in check_list("steps", steps, 1, MAX_STEPS)
            ),
            reason=parts[6] if refused else Reason.ACCEPTED,
        )
        if receipt.typ != signed.typ:
            raise ProtocolError("value_out_of_range", "a refusal has a reason", "reason")
        if base != min(step.issued for step in receipt.steps):
            raise ProtocolError("encoding_invalid", "base is not the earliest issue", "base")
        return receipt


def identity(receipt: bytes) -> bytes:
    """Return a receipt's identity: SHA-256 of its COSE bytes, never of its text."""
    return hashlib.sha256(receipt).digest()


def _step_to_cbor(step: Step, base: int) -> list[Any]:
    by: Any = step.by
    if isinstance(by, CertifiedServer):
        by = [by.key, by.host, by.from_day, by.to_day, by.signature]
    return [
        step.party.to_cbor(),
        step.demand.to_cbor(),
        step.serial,
        int(step.sight),
        step.nonce,
        step.issued - base,
        0 if step.ttl == DEFAULT_TTL_SECONDS else step.ttl,
        step.decided - step.issued,
        step.seq,
        step.signature,
        by,
    ]


def _step_from_cbor(value: object, base: int) -> Step:
    parts = check_list("step", value, 11)
    party, demand, serial, sight, nonce, issued, ttl, decided, seq, signature, by = parts
    check_uint("issued", issued)
    check_uint("decided", decided, low=-cbor.MAX_INT)
    if ttl == DEFAULT_TTL_SECONDS:
        raise ProtocolError("encoding_invalid", "a life of 180 seconds is written as 0", "ttl")
    return Step(
        party=Party.from_cbor(party),
        demand=Demand.from_cbor(demand),
        serial=serial,
        sight=sight,
        nonce=nonce,
        issued=base + issued,
        ttl=DEFAULT_TTL_SECONDS if ttl == 0 else ttl,
        decided=base + issued + decided,
        seq=seq,
        signature=signature,
        by=by if type(by) is bytes else CertifiedServer(*check_list("by", by, 5)),
    )
