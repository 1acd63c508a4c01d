"""The JSON of transactions, in and out."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from ninja import Schema
from pydantic import ConfigDict, Field, StrictInt, StringConstraints, model_validator

from common.schemas import Account, Email, Hex32, Input
from enrolment.schemas import Serial
from protocol.statement import Kind, Statement
from protocol.verdict import Reason
from transactions.models import Step, Transaction
from transactions.selectors_messages import challenge_text, receipt_text, typed_question
from transactions.services import Answer, Asked, Invited

# Wider than the caps of the protocol, which answers with the count; narrower than a flood.
Words = Annotated[str, Field(max_length=2000)]
# What is judged is judged by the authentication server; this only bounds it.
Response = Annotated[str, Field(max_length=64)]
Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,6000}$")]


class DemandIn(Input):
    """Demand information; ``amount`` in minor units of ``currency``."""

    kind: Literal["payment", "transfer", "order", "approval", "other"]
    amount: StrictInt | None = None
    currency: Words | None = None
    payee_account: Words | None = None
    payee_name: Words | None = None
    text: Words | None = None
    reference: Words | None = None
    due_days: StrictInt | None = None


class NextIn(Input):
    """Who is invited to continue: a holder's account, or an e-mail address."""

    account: Account | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _only_one(self) -> Self:
        if self.account and self.email:
            raise ValueError("name an account or an e-mail address, not both")
        return self


class StepIn(Input):
    """One party's part."""

    demand: DemandIn
    remark: Words
    token: Serial
    next: NextIn = NextIn()
    ttl: StrictInt | None = None

    def asked(self) -> Asked:
        """Return the part as the services take it."""
        return Asked(
            demand=self.demand.model_dump(),
            remark=self.remark,
            serial=self.token,
            next=Invited(self.next.account or "", self.next.email or ""),
            ttl=self.ttl,
        )


class TransactionIn(StepIn):
    """The first party's part, and the rules it sets for the rest."""

    is_open_to_anyone: bool = True
    may_repeat_holder: bool = False
    last_signer_may_close: bool = False


class ContinueIn(StepIn):
    """A later party's part, with the scanned receipt as text or as base64url."""

    receipt: Annotated[str, Field(max_length=12_000)]


class ResponseIn(Input):
    """The digits the token shows."""

    response: Response


class UnlockIn(Input):
    """Which of the caller's other tokens answers."""

    by: Serial


class AnsweredIn(ResponseIn):
    """A step, and the digits that the token showed for it."""

    step: Hex32


class AnswersIn(Input):
    """Two responses, in the order in which the token gave them."""

    answers: Annotated[list[AnsweredIn], Field(min_length=2, max_length=2)]


class ProofIn(Input):
    """Digits that the token shows, for its server to answer."""

    challenge: Response


class ProofOut(Schema):
    """What the server answers: the token must expect the same."""

    answer: str


class DeclineIn(Input):
    """Why the statement is wrong, in the holder's words."""

    reason: Words


class PostedIn(Input):
    """What a token posts by itself: a response, or the words with which it declines."""

    s: Hex32
    tag: Base64
    response: Response | None = None
    decline: Words | None = None


class PartyOut(Schema):
    """User information."""

    account: str
    name: str | None
    remark: str


class StepOut(Schema):
    """A step: its content, how it stands, and its receipt once it has ended."""

    id: str
    transaction: str
    position: int
    state: str
    reason: str | None
    note: str
    party: PartyOut
    demand: dict[str, str | int]
    token: str
    sight: str
    issued_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    receipt_id: str | None
    proof: str | None = Field(description="Where its proof from the receipt log is.")

    @classmethod
    def of(cls, step: Step) -> "StepOut":
        """Describe a step."""
        return cls(**_described(step))


class ChallengeOut(StepOut):
    """A step with its challenge: the text of the QR code, and the digits for a typed token."""

    challenge: str
    question: str | None

    @classmethod
    def of(cls, step: Step) -> "ChallengeOut":
        """Describe a step and its challenge."""
        question = typed_question(step)
        return cls(**_described(step), challenge=challenge_text(step), question=question)


class AnswerOut(Schema):
    """How a response was judged; a wrong one is an answer, not an error."""

    accepted: bool
    state: str
    reason: str | None = None
    tries_left: int | None = None
    locked_until: int | None = None
    verdict: str | None = None
    receipt: str | None = None
    receipt_id: str | None = None

    @classmethod
    def of(cls, answer: Answer) -> "AnswerOut":
        """Describe an answer."""
        step = answer.step
        ended = step.receipt is not None
        return cls(
            accepted=answer.accepted,
            state=step.state,
            reason=_reason(step) if ended else "response_wrong",
            tries_left=answer.tries_left,
            locked_until=answer.locked_until,
            verdict=bytes(step.verdict).hex() if step.verdict else None,
            receipt=receipt_text(step),
            receipt_id=_hex(step.receipt_id),
        )


class TransactionOut(Schema):
    """A chain and its state."""

    model_config = ConfigDict(populate_by_name=True)

    id: str = Field(validation_alias="public_id")
    state: str
    owner: str = Field(validation_alias="owner.account")
    is_open_to_anyone: bool
    may_repeat_holder: bool
    last_signer_may_close: bool
    created_at: datetime

    @classmethod
    def of(cls, chain: Transaction) -> "TransactionOut":
        """Describe a transaction without its steps."""
        return cls.from_orm(chain)


class ChainOut(TransactionOut):
    """A transaction with its steps, those that came to nothing included."""

    steps: list[StepOut]


def _described(step: Step) -> dict[str, Any]:
    statement = step.content
    return {
        "id": bytes(step.s).hex(),
        "transaction": str(step.transaction),
        "position": step.position,
        "state": step.state,
        "reason": _reason(step),
        "note": step.note,
        "party": {
            "account": statement.party.account,
            "name": statement.party.name,
            "remark": statement.party.remark,
        },
        "demand": _demand(statement),
        "token": statement.serial,
        "sight": statement.sight.name.lower(),
        "issued_at": step.issued_at,
        "expires_at": step.expires_at,
        "decided_at": step.decided_at,
        "receipt_id": _hex(step.receipt_id),
        "proof": step.receipt_id and f"/api/v1/log/receipts/{_hex(step.receipt_id)}/proof.cbor",
    }


def _demand(statement: Statement) -> dict[str, str | int]:
    demand = statement.demand
    fields = {
        name: getattr(demand, name)
        for name in (
            "amount",
            "currency",
            "payee_account",
            "payee_name",
            "text",
            "reference",
            "due_days",
        )
    }
    present = {name: value for name, value in fields.items() if value is not None}
    return {"kind": Kind(demand.kind).name.lower(), **present}


def _reason(step: Step) -> str | None:
    return None if step.reason is None else Reason(step.reason).name.lower()


def _hex(value: bytes | memoryview | None) -> str | None:
    return None if value is None else bytes(value).hex()
