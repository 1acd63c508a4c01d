"""The JSON of wallets and payments, in and out."""

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field, StrictInt, StringConstraints

from billing.ledger.models import Movement, Payment
from billing.ledger.selectors import Line, Money
from common.schemas import Input

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
# What the database can number.
RowNumber = Annotated[int, Field(ge=1, lt=2**63)]
Password = Annotated[str, Field(max_length=1000)]


class AmountIn(Input):
    """How much: minor units."""

    amount: StrictInt
    currency: Currency


class PaymentPasswordIn(Input):
    """The payment password of whoever wants something."""

    payment_password: Password


class PayoutIn(AmountIn, PaymentPasswordIn):
    """How much, and the payment password."""


class RefundIn(Input):
    """How much is given back, in minor units of the payment's currency."""

    amount: StrictInt


class NewPasswordIn(Input):
    """A new payment password, and the one before; for the first one, that of the sign-in."""

    password: Password
    current: Password


class MoneyOut(Schema):
    """Minor units of one currency."""

    currency: str
    wallet: int
    earnings: int
    held: int


class WalletOut(Schema):
    """A wallet.  ``is_play_money``: nothing here is worth anything."""

    balances: list[MoneyOut]
    is_play_money: bool
    is_frozen: bool
    has_payment_password: bool

    @classmethod
    def of(cls, balances: list[Money], **more: bool) -> "WalletOut":
        """Return it as JSON has it."""
        return cls(balances=[MoneyOut.from_orm(money) for money in balances], **more)


class EntryOut(Schema):
    """One line of the statement; ``other`` is the account number of the other party."""

    id: int
    at: datetime
    kind: str
    account: str
    amount: int
    currency: str
    other: str | None
    subject: str
    reference: str

    @classmethod
    def of(cls, line: Line) -> "EntryOut":
        """Return it as JSON has it."""
        return cls(
            id=line.number,
            at=line.at,
            kind=line.kind,
            account=line.account,
            amount=line.amount,
            currency=line.currency,
            other=line.other.account if line.other else None,
            subject=line.subject,
            reference=line.reference,
        )


class MovementOut(Schema):
    """A top-up or payout; ``state`` is done, failed, or pending."""

    id: str
    direction: str
    amount: int
    currency: str
    state: str
    created_at: datetime

    @classmethod
    def of(cls, movement: Movement) -> "MovementOut":
        """Return it as JSON has it."""
        return cls(
            id=bytes(movement.uid).hex(),
            direction=movement.direction,
            amount=movement.amount,
            currency=movement.currency,
            state=movement.state,
            created_at=movement.created_at,
        )


class PaymentOut(Schema):
    """A payment, in minor units; ``state`` is held, captured or released."""

    id: str
    payer: str
    payee: str
    amount: int
    refunded: int
    currency: str
    state: str
    reference: str
    created_at: datetime
    captured_at: datetime | None

    @classmethod
    def of(cls, payment: Payment) -> "PaymentOut":
        """Return it as JSON has it."""
        return cls(
            id=bytes(payment.uid).hex(),
            payer=payment.payer.account,
            payee=payment.payee.account,
            amount=payment.amount,
            refunded=payment.refunded,
            currency=payment.currency,
            state=payment.state,
            reference=payment.reference,
            created_at=payment.created_at,
            captured_at=payment.captured_at,
        )
