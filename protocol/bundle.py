"""The challenge bundle: a statement with the content of the last earlier steps (section 5)."""

from dataclasses import dataclass
from typing import Any, Self

from protocol import cbor, cose
from protocol.chain import place
from protocol.cose import Typ
from protocol.digests import link_digest
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    VERSION,
    check_bytes,
    check_enum,
    check_list,
    versioned,
)
from protocol.statement import Demand, Party, Sight, Statement, check_asked

MAX_CONTEXT = 2


@dataclass(frozen=True, slots=True)
class Context:
    """The content of one earlier step, enough to recompute its S and, with V, its L."""

    party: Party
    demand: Demand
    serial: str
    vk: bytes
    sight: Sight
    nonce: bytes
    issued: int
    ttl: int
    v: bytes

    def __post_init__(self) -> None:
        check_bytes("vk", self.vk, ID_BYTES)
        object.__setattr__(self, "sight", check_enum("sight", self.sight, Sight))
        check_asked(serial=self.serial, nonce=self.nonce, issued=self.issued, ttl=self.ttl)
        check_bytes("V", self.v, DIGEST_BYTES)

    def to_cbor(self) -> list[Any]:
        """Return ``[party, demand, serial, vk, sight, nonce, issued, ttl, V]``."""
        return [
            self.party.to_cbor(),
            self.demand.to_cbor(),
            self.serial,
            self.vk,
            int(self.sight),
            self.nonce,
            self.issued,
            self.ttl,
            self.v,
        ]

    @classmethod
    def from_cbor(cls, value: object) -> Self:
        """Read the array; errors as the constructor and :func:`check_list`."""
        party, demand, *rest = check_list("context", value, 9)
        return cls(Party.from_cbor(party), Demand.from_cbor(demand), *rest)

    @classmethod
    def of(cls, statement: Statement, v: bytes) -> Self:
        """Take the content of an earlier step's statement."""
        return cls(
            statement.party,
            statement.demand,
            statement.serial,
            statement.vk,
            statement.sight,
            statement.nonce,
            statement.issued,
            statement.ttl,
            v,
        )


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a challenge QR carries: ``[1, statement COSE, anchor, [0*2 context]]``.

    Attributes:
        message: The statement as the platform signed it.
        anchor: ``prev`` of the oldest step in clear; ``None`` exactly when nothing is folded.
        context: Up to two earlier steps, oldest first.
    """

    message: bytes
    anchor: bytes | None
    context: tuple[Context, ...] = ()

    def encode(self) -> bytes:
        """Return the bundle's bytes."""
        context = [step.to_cbor() for step in self.context]
        return cbor.encode([VERSION, self.message, self.anchor, context])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a bundle, strictly; nothing in it is trusted yet.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        message, anchor, context = versioned("bundle", cbor.decode(data), 4)
        if type(message) is not bytes:
            raise ProtocolError("type_wrong", "the statement must be a signed message")
        if anchor is not None:
            check_bytes("anchor", anchor, DIGEST_BYTES)
        steps = check_list("context", context, 0, MAX_CONTEXT)
        return cls(message, anchor, tuple(Context.from_cbor(step) for step in steps))

    @property
    def signed(self) -> cose.Sign1:
        """The statement message, parsed; errors as :func:`protocol.cose.parse`."""
        return cose.parse(self.message)

    def open(self, key: bytes) -> tuple[Statement, list[Statement]]:
        """Return the statement and the earlier ones in clear, each proved.

        The statement by this key's signature; the earlier ones because hashing their content
        leads to the statement's ``prev``.

        Raises:
            ProtocolError: ``previous_content_changed`` when it leads elsewhere, or whatever
                other rule is broken.
        """
        statement = Statement.from_payload(
            cose.open_signed(self.message, typ=Typ.STATEMENT, key=key)
        )
        folded = statement.pos - len(self.context)
        if folded < 0 or (self.anchor is None) != (folded == 0):
            raise ProtocolError("chain_broken", "the bundle does not fit the statement's place")
        link = self.anchor
        earlier = []
        for pos, step in enumerate(self.context, start=folded):
            before = place(step, platform=statement.platform, tx=statement.tx, pos=pos, prev=link)
            link = link_digest(before.digest, step.v)
            earlier.append(before)
        if link != statement.prev:
            raise ProtocolError(
                "previous_content_changed", "the earlier steps are not what was signed"
            )
        return statement, earlier
