"""Check the rows of the ledger against each other, and name those at fault.

1. Every journal sums to zero in each currency.
2. Every balance is the sum of its entries.
3. No wallet, earnings or held money is below zero.
4. Every payment has exactly the journals that its state and its refunds ask for.
5. So has every movement.
6. No journal stands without its payment or movement.
7. The triggers that keep journals as they are, are there.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import F, Model, QuerySet, Sum
from django.db.models.functions import Coalesce

from billing.ledger.models import Entry, Journal, LedgerAccount, Movement, Payment

# Holder and kind of each account that a journal changes, in one currency, with the amount.
_Shape = dict[tuple[int | None, str, str], int]
_Journals = dict[str, list[_Shape]]
_Row = TypeVar("_Row", Payment, Movement)
_AnyRow = TypeVar("_AnyRow", bound=Model)

_Kind = LedgerAccount.Kind
_BATCH = 500
_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'ledger_%'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled = 'O' AND tgname LIKE 'ledger_%'",
}
_EXPECTED = {
    "sqlite": {
        "ledger_entry_no_delete",
        "ledger_entry_no_replace",
        "ledger_entry_no_update",
        "ledger_journal_no_delete",
        "ledger_journal_no_replace",
        "ledger_journal_no_update",
    },
    "postgresql": {
        "ledger_entry_append_only",
        "ledger_entry_no_truncate",
        "ledger_journal_append_only",
        "ledger_journal_no_truncate",
    },
}


def faults() -> Iterator[str]:
    """Name every row at fault, by table and number, with what is wrong; else nothing."""
    with _one_moment():
        yield from _unbalanced_journals()
        yield from _wrong_balances()
        yield from _unlike(Payment.objects.all(), _journals_of_payment)
        yield from _unlike(Movement.objects.all(), _journals_of_movement)
        yield from _strays()
        yield from _missing_triggers()


@contextmanager
def _one_moment() -> Iterator[None]:
    """Read everything as it stood at one moment, while others go on booking."""
    is_nested = connection.in_atomic_block
    with transaction.atomic():
        # SQLite needs nothing: its transactions shut out every other writer.
        if connection.vendor == "postgresql" and not is_nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _unbalanced_journals() -> Iterator[str]:
    sums = Entry.objects.values("journal_id", "account__currency").annotate(total=Sum("amount"))
    for row in sums.exclude(total=0).order_by("journal_id"):
        yield (
            f"ledger_journal {row['journal_id']}: its entries come to"
            f" {row['total']} {row['account__currency']}, not to zero"
        )
    for number in Journal.objects.filter(entries=None).values_list("pk", flat=True):
        yield f"ledger_journal {number}: it has no entries"


def _wrong_balances() -> Iterator[str]:
    accounts = LedgerAccount.objects.annotate(total=Coalesce(Sum("entries__amount"), 0))
    for account in accounts.exclude(balance=F("total")).order_by("pk"):
        yield (
            f"ledger_ledgeraccount {account.pk}: its balance is {account.balance},"
            f" its entries come to {account.total}"
        )
    below = LedgerAccount.objects.filter(balance__lt=0).exclude(kind=_Kind.PROVIDER)
    for poor in below.order_by("pk"):
        yield f"ledger_ledgeraccount {poor.pk}: its balance is {poor.balance}, below zero"


def _unlike(rows: QuerySet[_Row], wanted: Callable[[_Row, _Journals], _Journals]) -> Iterator[str]:
    """Name the payments or movements whose journals are not as they should be."""
    for batch in _batches(rows):
        found = _journals_by_reference(bytes(row.uid).hex() for row in batch)
        for row in batch:
            own = found[bytes(row.uid).hex()]
            asked = wanted(row, own)
            for kind in sorted(asked.keys() | own.keys()):
                if asked.get(kind, []) != own.get(kind, []):
                    yield (
                        f"{row._meta.db_table} {row.pk} ({row}): it is {row.state},"
                        f" which its journals of the kind {kind} contradict"
                    )


def _journals_by_reference(references: Iterable[str]) -> dict[str, _Journals]:
    found: dict[str, _Journals] = defaultdict(lambda: defaultdict(list))
    journals = Journal.objects.filter(reference__in=list(references)).order_by("pk")
    for journal in journals.prefetch_related("entries__account"):
        shape = {
            (line.account.holder_id, line.account.kind, line.account.currency): line.amount
            for line in journal.entries.all()
        }
        found[journal.reference][journal.kind].append(shape)
    return found


def _journals_of_payment(payment: Payment, own: _Journals) -> _Journals:
    currency = payment.currency
    wallet = (payment.payer_id, _Kind.WALLET.value, currency)
    held = (payment.payer_id, _Kind.HELD.value, currency)
    earnings = (payment.payee_id, _Kind.EARNINGS.value, currency)
    wanted: _Journals = {Journal.Kind.HOLD: [{wallet: -payment.amount, held: payment.amount}]}
    if payment.state == Payment.State.CAPTURED:
        wanted[Journal.Kind.CAPTURE] = [{held: -payment.amount, earnings: payment.amount}]
    if payment.state == Payment.State.RELEASED:
        wanted[Journal.Kind.RELEASE] = [{held: -payment.amount, wallet: payment.amount}]
    # Of any sizes, but back the way the money came, and as much as the payment says.
    backs = [shape.get(wallet, 0) for shape in own.get(Journal.Kind.REFUND, [])]
    refunds: list[_Shape] = [{earnings: -back, wallet: back} for back in backs]
    if backs or payment.refunded:
        is_right = sum(backs) == payment.refunded
        wanted[Journal.Kind.REFUND] = refunds if is_right else [{wallet: payment.refunded}]
    return wanted


def _journals_of_movement(movement: Movement, own: _Journals) -> _Journals:
    amount, currency = movement.amount, movement.currency
    wallet = (movement.holder_id, _Kind.WALLET.value, currency)
    earnings = (movement.holder_id, _Kind.EARNINGS.value, currency)
    outside = (None, _Kind.PROVIDER.value, currency)
    if movement.direction == Movement.Direction.IN:
        is_done = movement.state == Movement.State.DONE
        return {Journal.Kind.TOP_UP: [{outside: -amount, wallet: amount}]} if is_done else {}
    # Whatever part came from the earnings, the rest came from the wallet.
    taken = own.get(Journal.Kind.PAYOUT, [{}])[0].get(earnings, 0)
    parts = {earnings: taken, wallet: -amount - taken, outside: amount}
    shape = {account: part for account, part in parts.items() if part}
    wanted: _Journals = {Journal.Kind.PAYOUT: [shape]}
    if movement.state == Movement.State.FAILED:
        wanted[Journal.Kind.RETURNED] = [{account: -part for account, part in shape.items()}]
    return wanted


def _strays() -> Iterator[str]:
    for batch in _batches(Journal.objects.all()):
        uids = {_uid(journal.reference) for journal in batch}
        known = {
            bytes(uid).hex()
            for rows in (Payment.objects, Movement.objects)
            for uid in rows.filter(uid__in=uids).values_list("uid", flat=True)
        }
        for journal in batch:
            if journal.reference not in known:
                yield f"ledger_journal {journal.pk}: what it is for, {journal.reference}, is gone"


def _missing_triggers() -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(_TRIGGERS[connection.vendor])
        found = {name for (name,) in cursor.fetchall()}
    for name in sorted(_EXPECTED[connection.vendor] - found):
        yield f"trigger {name}: it is missing, so journals can be changed"


def _uid(reference: str) -> bytes:
    """Return the public id that a journal names; empty where it is none."""
    try:
        return bytes.fromhex(reference)
    except ValueError:
        return b""


def _batches(rows: QuerySet[_AnyRow]) -> Iterator[list[_AnyRow]]:
    """Return all rows by their numbers, some at a time."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:_BATCH]):
        yield batch
        last = batch[-1].pk
