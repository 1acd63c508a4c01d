"""Steps as receipts carry them to readers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from protocol.ed25519 import SIGNATURE_BYTES
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_TIME,
    check_bytes,
    check_enum,
    check_uint,
)
from protocol.keys import ServerCertificate
from protocol.statement import (
    CLOCK_LEEWAY_SECONDS,
    Demand,
    Party,
    Platform,
    Sight,
    Statement,
    check_asked,
)
from protocol.verdict import Reason

if TYPE_CHECKING:
    from protocol.bundle import Context


@dataclass(frozen=True, slots=True)
class CertifiedServer:
    """A paired server's key with its host's certificate, serial left to the step.

    Attributes:
        key: The server's public key, 32 bytes.
        host: Number of the host in the directory.
        from_day: First day of the certificate.
        to_day: Last day.
        signature: The host key's signature, 64 bytes.
    """

    key: bytes
    host: int
    from_day: int
    to_day: int
    signature: bytes

    def __post_init__(self) -> None:
        check_uint("host", self.host)
        check_bytes("csig", self.signature, SIGNATURE_BYTES)
        self.certificate("-")

    def certificate(self, serial: str) -> ServerCertificate:
        """Return the certificate for the token of this serial."""
        return ServerCertificate(self.key, serial, self.from_day, self.to_day)


@dataclass(frozen=True, slots=True)
class Step:
    """One signed step as a receipt carries it; times in Unix seconds.

    Attributes:
        signature: The verdict's signature, 64 bytes.
        by: The server with its certificate, or its bare ``vk`` of 8 bytes.
    """

    party: Party
    demand: Demand
    serial: str
    sight: Sight
    nonce: bytes
    issued: int
    ttl: int
    decided: int
    seq: int
    signature: bytes
    by: CertifiedServer | bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "sight", check_enum("sight", self.sight, Sight))
        check_asked(serial=self.serial, nonce=self.nonce, issued=self.issued, ttl=self.ttl)
        check_uint("decided", self.decided, high=MAX_TIME)
        check_uint("seq", self.seq)
        check_bytes("vsig", self.signature, SIGNATURE_BYTES)
        if not isinstance(self.by, CertifiedServer):
            check_bytes("vk", self.by, ID_BYTES)

    @classmethod
    def of(
        cls,
        statement: Statement,
        *,
        decided: int,
        seq: int,
        signature: bytes,
        by: CertifiedServer | bytes,
    ) -> Self:
        """Take the content of a statement, and how it was decided; errors as the constructor."""
        return cls(
            party=statement.party,
            demand=statement.demand,
            serial=statement.serial,
            sight=statement.sight,
            nonce=statement.nonce,
            issued=statement.issued,
            ttl=statement.ttl,
            decided=decided,
            seq=seq,
            signature=signature,
            by=by,
        )

    @property
    def vk(self) -> bytes:
        """The server id, 8 bytes."""
        return self.by if isinstance(self.by, bytes) else self.by.certificate(self.serial).vk

    @property
    def is_in_time(self) -> bool:
        """Whether the verdict fell within the challenge's life, by two honest clocks."""
        after = self.decided - self.issued
        return -CLOCK_LEEWAY_SECONDS <= after <= self.ttl + CLOCK_LEEWAY_SECONDS


def clock_faults(steps: Iterable[Step], reason: Reason = Reason.ACCEPTED) -> list[int]:
    """Return the places of steps whose times contradict themselves or the step before."""
    faults = []
    earliest = 0
    for place, step in enumerate(steps):
        # A refusal may come long after the challenge ran out, when nobody ended it sooner.
        in_time = step.is_in_time or (
            reason is not Reason.ACCEPTED and step.decided > step.issued + step.ttl
        )
        if step.issued < earliest or not in_time:
            faults.append(place)
        earliest = step.decided - CLOCK_LEEWAY_SECONDS
    return faults


def place(
    part: "Step | Context", *, platform: Platform, tx: bytes, pos: int, prev: bytes | None
) -> Statement:
    """Return the statement of one party's part at its place in a chain.

    Raises:
        ProtocolError: the part does not fit there.
    """
    return Statement(
        platform=platform,
        tx=tx,
        pos=pos,
        prev=prev,
        party=part.party,
        demand=part.demand,
        serial=part.serial,
        vk=part.vk,
        sight=part.sight,
        nonce=part.nonce,
        issued=part.issued,
        ttl=part.ttl,
    )


def check_anchor(folded: int, anchor: bytes | None) -> None:
    """Refuse an anchor that is null when steps are folded, or present when none are.

    Raises:
        ProtocolError: ``chain_broken``.
    """
    check_uint("folded", folded)
    if (anchor is None) != (folded == 0):
        raise ProtocolError("chain_broken", "anchor is null exactly when nothing is folded")
    if anchor is not None:
        check_bytes("anchor", anchor, DIGEST_BYTES)
