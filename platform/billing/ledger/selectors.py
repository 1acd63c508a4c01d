"""Read wallets, payments and statements."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from billing.ledger.models import Entry, LedgerAccount, Movement, Payment, Wallet
from common.errors import NotFoundError

if TYPE_CHECKING:
    from accounts.models import Holder

_Kind = LedgerAccount.Kind


@dataclass(frozen=True, slots=True)
class Money:
    """What a holder has in one currency, in minor units."""

    currency: str
    wallet: int = 0
    earnings: int = 0
    held: int = 0

    @property
    def free(self) -> int:
        """What can be paid out."""
        return self.wallet + self.earnings


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement.

    Attributes:
        number: Of the entry.
        at: When it was booked.
        kind: Of the journal: why money moved.
        account: Wallet or earnings.
        amount: Minor units; above zero came in.
        currency: ISO 4217.
        other: The other party of a payment; ``None`` for top-ups and payouts.
        subject: Public id of the payment or movement.
        reference: Public id of what was paid; empty for top-ups and payouts.
    """

    number: int
    at: datetime
    kind: str
    account: str
    amount: int
    currency: str
    other: "Holder | None"
    subject: str
    reference: str


def payment(uid: bytes) -> Payment:
    """Return a payment.

    Raises:
        NotFoundError: there is none of this public id.
    """
    found = Payment.objects.select_related("payer", "payee").filter(uid=uid).first()
    if found is None:
        raise NotFoundError("There is no such payment.")
    return found


def payment_of(uid: bytes, *, holder: "Holder") -> Payment:
    """Return a payment that a holder made or got.

    Raises:
        NotFoundError: there is none of this public id, or it is others'.
    """
    found = payment(uid)
    if holder.pk not in (found.payer_id, found.payee_id):
        raise NotFoundError("There is no such payment.")
    return found


def is_frozen(holder_id: int) -> bool:
    """Tell whether an operator froze a holder's account."""
    return frozen_at(holder_id) is not None


def frozen_at(holder_id: int) -> datetime | None:
    """Return since when a holder's account is frozen; ``None`` when it is not."""
    return Wallet.objects.filter(holder=holder_id).values_list("frozen_at", flat=True).first()


def has_payment_password(holder_id: int) -> bool:
    """Tell whether a holder has set a payment password."""
    return Wallet.objects.filter(holder=holder_id).exclude(password="").exists()


def balances(holder_id: int) -> list[LedgerAccount]:
    """Return a holder's accounts: wallet, earnings and held, of each currency."""
    found = LedgerAccount.objects.filter(holder=holder_id)
    return list(found.order_by("currency", "-kind"))


def money_of(holder_id: int) -> list[Money]:
    """Return what a holder has, by currency; nothing for currencies never used."""
    found: dict[str, dict[str, int]] = {}
    for account in balances(holder_id):
        found.setdefault(account.currency, {})[account.kind] = account.balance
    return [Money(currency, **kinds) for currency, kinds in found.items()]


def statement(holder_id: int) -> QuerySet[Entry]:
    """Return what came into a holder's wallet and earnings and what left them, newest first.

    Money held for a payment has left the wallet; where it is held is nobody's concern.
    """
    found = Entry.objects.filter(account__holder=holder_id).exclude(account__kind=_Kind.HELD)
    return found.select_related("journal", "account").order_by("-pk")


def lines(entries: Iterable[Entry]) -> list[Line]:
    """Return entries of a statement with what they were for, by one query more."""
    listed = list(entries)
    uids = {bytes.fromhex(entry.journal.reference) for entry in listed}
    paid = {
        bytes(found.uid).hex(): found
        for found in Payment.objects.filter(uid__in=uids).select_related("payer", "payee")
    }
    return [_line(entry, paid.get(entry.journal.reference)) for entry in listed]


def daily_balances(holder_id: int, currency: str, *, until: date, days: int) -> dict[date, int]:
    """Return what was in a holder's wallet at the end of each of the last days."""
    wallet = LedgerAccount.objects.filter(
        holder=holder_id, kind=_Kind.WALLET, currency=currency
    ).first()
    if wallet is None:
        return {}
    changes = dict(_changes(wallet, until - timedelta(days=days - 1)))
    left, found = wallet.balance, {}
    for past in range(days):
        day = until - timedelta(days=past)
        found[day] = left
        left -= changes.get(day, 0)
    return found


def totals() -> list[tuple[str, str, int]]:
    """Return all money by kind and currency: (currency, kind, minor units)."""
    sums = LedgerAccount.objects.values("currency", "kind").annotate(total=Sum("balance"))
    return [
        (row["currency"], row["kind"], int(row["total"]))
        for row in sums.order_by("currency", "kind")
    ]


def has_money(holder_id: int) -> bool:
    """Tell whether a holder has money here, or money on its way."""
    owned = LedgerAccount.objects.filter(~Q(balance=0), holder=holder_id)
    moving = Movement.objects.filter(holder=holder_id, state=Movement.State.PENDING)
    return owned.exists() or moving.exists()


def frozen_accounts() -> QuerySet[Wallet]:
    """Return the wallets that operators froze, newest first."""
    found = Wallet.objects.filter(frozen_at__isnull=False)
    return found.select_related("holder").order_by("-frozen_at")


def _line(entry: Entry, paid: Payment | None) -> Line:
    other = None
    if paid:
        other = paid.payee if paid.payer_id == entry.account.holder_id else paid.payer
    return Line(
        number=entry.pk,
        at=entry.journal.at,
        kind=entry.journal.kind,
        account=entry.account.kind,
        amount=entry.amount,
        currency=entry.account.currency,
        other=other,
        subject=entry.journal.reference,
        reference=paid.reference if paid else "",
    )


def _changes(account: LedgerAccount, since: date) -> Iterator[tuple[date, int]]:
    entries = Entry.objects.filter(account=account, journal__at__date__gte=since)
    by_day = entries.annotate(day=TruncDate("journal__at")).values("day")
    for row in by_day.annotate(total=Sum("amount")).order_by("day"):
        yield row["day"], int(row["total"])
