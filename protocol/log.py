"""The receipt log: what it signs, and the file that proves a receipt to be in it.

docs/protocol.md section 22.
"""

from dataclasses import dataclass
from typing import Self

from protocol import cbor, cose, merkle
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.ended import KEY_COMPROMISED, EndedKey
from protocol.errors import ProtocolError
from protocol.fields import (
    DIGEST_BYTES,
    MAX_TIME,
    VERSION,
    check_bytes,
    check_list,
    check_uint,
    versioned,
)
from protocol.keys import Directory, Purpose, find_signer
from protocol.receipt import identity
from protocol.text import check_origin

# So many stand in a proof file, of hosts whose keys a directory has.
MAX_COSIGNATURES = 10


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The platform's word for its whole log at a time: ``[1, origin, size, root, time]``.

    Attributes:
        origin: Of the platform, as its directory says.
        size: Number of entries; never 0.
        root: Root hash over them (RFC 9162 section 2.1.1).
        time: Unix seconds.
    """

    origin: str
    size: int
    root: bytes
    time: int

    def __post_init__(self) -> None:
        check_origin("origin", self.origin)
        check_uint("size", self.size, low=1)
        check_bytes("root", self.root, DIGEST_BYTES)
        check_uint("time", self.time, high=MAX_TIME)

    def sign(self, key: SigningKey, typ: Typ = Typ.CHECKPOINT) -> bytes:
        """Return the checkpoint as COSE_Sign1; a host's word for it has another typ."""
        payload = cbor.encode([VERSION, self.origin, self.size, self.root, self.time])
        return cose.sign(key, typ, payload)

    @classmethod
    def from_signed(cls, signed: cose.Sign1, typ: Typ = Typ.CHECKPOINT) -> Self:
        """Read a parsed checkpoint; its signature is not checked here.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        cose.require_typ(signed, typ)
        return cls(*versioned("checkpoint", cbor.decode(signed.payload), 5))

    @classmethod
    def open(cls, message: bytes, directory: Directory) -> Self:
        """Read a checkpoint that the platform of a directory signed.

        Raises:
            ProtocolError: whatever rule it breaks; ``signature_invalid`` when no log key of that
                platform signed it on a day of its certificate, or one that had ended.
        """
        checkpoint, end = cls.open_with_end(message, directory)
        checkpoint.refuse_over(end)
        return checkpoint

    @classmethod
    def open_with_end(cls, message: bytes, directory: Directory) -> tuple[Self, EndedKey | None]:
        """Do as :meth:`open`, but whenever the key that signed it ended; return how, if it did."""
        signed = cose.parse(message)
        checkpoint = cls.from_signed(signed)
        current = [key for key in directory.keys(Purpose.LOG) if key.covers(checkpoint.time)]
        signer = find_signer(signed, current)
        if signer is None:
            raise ProtocolError("signature_invalid", "no log key of the platform signed it")
        return checkpoint, directory.end_of(signer.key)

    def refuse_over(self, end: EndedKey | None) -> None:
        """Refuse it when the key that signed it had ended by its time.

        Raises:
            ProtocolError: ``signature_invalid``.
        """
        if end is not None and end.is_over(self.time):
            raise ProtocolError("signature_invalid", "the key of the log had ended")


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof file: ``[1, checkpoint, index, [* hash], ? [* cosignature]]``.

    Attributes:
        checkpoint: COSE_Sign1, typ cs-checkpoint.
        index: Of the receipt's entry, from 0.
        path: From the entry up to the root.
        cosignatures: Of hosts on that checkpoint, protocol.cosignature; often none.
    """

    checkpoint: bytes
    index: int
    path: tuple[bytes, ...]
    cosignatures: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if type(self.checkpoint) is not bytes:
            raise ProtocolError("type_wrong", "the checkpoint must be bytes", "checkpoint")
        check_uint("index", self.index)
        for each in self.path:
            check_bytes("hash", each, DIGEST_BYTES)
        if not all(type(each) is bytes for each in self.cosignatures):
            raise ProtocolError("type_wrong", "the cosignatures must be bytes", "cosignatures")

    def to_bytes(self) -> bytes:
        """Return the file."""
        # Left out where there are none, so that a file has one form.
        more = [list(self.cosignatures)] if self.cosignatures else []
        return cbor.encode([VERSION, self.checkpoint, self.index, list(self.path), *more])

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read a file; nothing in it is checked against any key here.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        read = cbor.decode(content)
        count = 5 if type(read) is list and len(read) == 5 else 4
        checkpoint, index, path, *more = versioned("proof", read, count)
        return cls(
            checkpoint,
            index,
            tuple(check_list("path", path, 0, merkle.MAX_PATH)),
            *(tuple(check_list("cosignatures", each, 1, MAX_COSIGNATURES)) for each in more),
        )


def check_logged(receipt: bytes, proof: Proof, directory: Directory) -> Checkpoint:
    """Check that a receipt is in the log of a directory's platform.

    Args:
        receipt: COSE_Sign1 bytes; what it says is not looked at.
        proof: As read from its file.
        directory: The keys the reader installed.

    Returns:
        The checkpoint under which it stands.

    Raises:
        ProtocolError: that of the checkpoint, or ``proof_invalid``; ``key_compromised`` when it
            cannot be told.
    """
    checkpoint, end = Checkpoint.open_with_end(proof.checkpoint, directory)
    checkpoint.refuse_over(end)
    root = merkle.root_of_path(identity(receipt), proof.index, checkpoint.size, proof.path)
    if root != checkpoint.root:
        raise ProtocolError("proof_invalid", "the proof is not for this receipt")
    # Whoever has the key can write any time, so that alone it says nothing any more.
    if end is not None and end.compromised_at is not None:
        raise ProtocolError(KEY_COMPROMISED, "the key of the log was compromised")
    return checkpoint
