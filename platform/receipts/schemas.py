"""The JSON of verification."""

from datetime import UTC, datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field

from common.schemas import Input
from protocol.charge import Charge
from protocol.currency import format_amount
from protocol.outcome import Report
from protocol.statement import Statement


class ReceiptIn(Input):
    """A receipt: its QR text, or its COSE bytes in base64url."""

    receipt: Annotated[str, Field(max_length=12_000)]


class CheckOut(Schema):
    """One line of a report."""

    number: int
    outcome: str
    code: str
    text: str
    step: int | None


class SignedStepOut(Schema):
    """What one step says."""

    position: int
    account: str
    name: str | None
    remark: str
    kind: str
    amount: str | None
    payee_account: str | None
    payee_name: str | None
    text: str | None
    reference: str | None
    token: str
    sight: str
    issued_at: datetime

    @classmethod
    def of(cls, statement: Statement) -> "SignedStepOut":
        """Describe a statement."""
        demand, party = statement.demand, statement.party
        amount = None
        if demand.amount is not None and demand.currency is not None:
            amount = format_amount(demand.amount, demand.currency)
        return cls(
            position=statement.pos,
            account=party.account,
            name=party.name,
            remark=party.remark,
            kind=demand.kind.name.lower(),
            amount=amount,
            payee_account=demand.payee_account,
            payee_name=demand.payee_name,
            text=demand.text,
            reference=demand.reference,
            token=statement.serial,
            sight=statement.sight.words,
            issued_at=datetime.fromtimestamp(statement.issued, UTC),
        )


class SignedChargeOut(Schema):
    """What the receipt of a charge says; ``amount`` is ``None`` where nothing was paid."""

    id: str
    payer_account: str
    payer_name: str | None
    payee_account: str
    payee_name: str | None
    text: str
    amount: str | None
    way: str
    way_words: str
    digest: str
    captured_at: datetime

    @classmethod
    def of(cls, charge: Charge) -> "SignedChargeOut":
        """Describe a charge."""
        return cls(
            id=charge.uid.hex(),
            payer_account=charge.payer.account,
            payer_name=charge.payer.name,
            payee_account=charge.payee.account,
            payee_name=charge.payee.name,
            text=charge.text,
            amount=charge.paid,
            way=charge.way,
            way_words=charge.way_words,
            digest=charge.digest.hex(),
            captured_at=datetime.fromtimestamp(charge.captured, UTC),
        )


class ReportOut(Schema):
    """A report: one line per check, and what the receipt says.

    ``is_complete`` only when every line passed; ``is_valid`` when none failed; ``is_refusal`` when
    none failed but the last, since it is the sound record of a refused step.  ``always`` is to be
    said beside every receipt.  ``charge`` is set where it is the receipt of a charge, which has no
    steps.
    """

    is_valid: bool
    is_complete: bool
    is_refusal: bool
    transaction: str | None
    length: int | None
    checks: list[CheckOut]
    steps: list[SignedStepOut]
    charge: SignedChargeOut | None
    always: list[str]

    @classmethod
    def of(cls, report: Report) -> "ReportOut":
        """Describe a report."""
        receipt = report.receipt
        return cls(
            is_valid=report.is_valid,
            is_complete=report.is_complete,
            is_refusal=report.is_refusal,
            transaction=receipt.tx.hex() if receipt else None,
            length=receipt.length if receipt else None,
            checks=[
                CheckOut(
                    number=check.number,
                    outcome=check.outcome,
                    code=check.code,
                    text=check.text,
                    step=check.step,
                )
                for check in report.checks
            ],
            steps=[SignedStepOut.of(step.statement) for step in report.steps],
            charge=SignedChargeOut.of(report.charge) if report.charge else None,
            always=list(report.always),
        )


class FoldedStepOut(Schema):
    """One step's statement payload and verdict, base64url."""

    statement: str
    verdict: str
