"""The chain of a receipt, rebuilt byte for byte (docs/protocol.md section 2)."""

from dataclasses import dataclass

from protocol import cose
from protocol.chain import place
from protocol.cose import Typ
from protocol.digests import link_digest, statement_digest, verdict_digest
from protocol.receipt import Receipt
from protocol.statement import Statement
from protocol.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One step with every byte that was signed for it, and its digests."""

    statement: Statement
    payload: bytes
    verdict: bytes
    s: bytes
    link: bytes


def rebuild(receipt: Receipt) -> list[Rebuilt]:
    """Return the steps in clear with their statement payloads and verdict messages.

    A pure function, and a verifier's only source of those bytes.

    Raises:
        ProtocolError: a rebuilt message breaks a rule of the protocol.
    """
    steps = []
    prev = receipt.anchor
    for pos, step in enumerate(receipt.steps, start=receipt.folded):
        statement = place(step, platform=receipt.platform, tx=receipt.tx, pos=pos, prev=prev)
        payload = statement.payload()
        s = statement_digest(payload)
        decided = Verdict(step.vk, s, receipt.reason, step.decided, step.seq)
        verdict = cose.assemble(
            typ=Typ.VERDICT, kid=step.vk, payload=decided.payload(), signature=step.signature
        )
        prev = link_digest(s, verdict_digest(verdict))
        steps.append(Rebuilt(statement, payload, verdict, s, prev))
    return steps
