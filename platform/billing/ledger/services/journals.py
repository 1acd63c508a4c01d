"""Book money: the only place that writes journals, entries and balances."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F

from billing.ledger.errors import (
    AmountInvalidError,
    FundsInsufficientError,
    LedgerKeyReusedError,
)
from billing.ledger.models import Entry, Journal, LedgerAccount
from protocol.currency import EXPONENTS

if TYPE_CHECKING:
    from accounts.models import Holder

# Far above any price, far below what the columns hold.
MAX_AMOUNT = 10**15


def scoped_key(kind: str, holder: "Holder", key: str) -> str:
    """Return a caller's key as it is stored: no two holders' keys are ever the same."""
    return f"{kind}:{hashlib.sha256(f'{holder.pk}:{key}'.encode()).hexdigest()}"


def require_amount(amount: int, currency: str) -> None:
    """Accept an amount of minor units above zero.

    Raises:
        AmountInvalidError: it is none, or too large, or nobody knows the currency.
    """
    if not 0 < amount <= MAX_AMOUNT or currency not in EXPONENTS:
        raise AmountInvalidError


def account_of(holder: "Holder | None", kind: str, currency: str) -> LedgerAccount:
    """Return an account, made when it is used first; ``None`` is nobody's."""
    return LedgerAccount.objects.get_or_create(holder=holder, kind=kind, currency=currency)[0]


def lock(*accounts: LedgerAccount) -> dict[int, int]:
    """Lock accounts for the rest of the transaction; return the balance of each.

    Whoever books several journals at once locks all accounts first: always in the same order, so
    that two bookings never wait for each other.  SQLite has one writer at a time anyway.
    """
    rows = LedgerAccount.objects.filter(pk__in=[account.pk for account in accounts])
    return dict(rows.select_for_update().order_by("pk").values_list("pk", "balance"))


def book(
    *,
    kind: Journal.Kind,
    key: str,
    reference: bytes,
    changes: Mapping[LedgerAccount, int],
    now: datetime,
) -> Journal:
    """Write one journal, in the caller's transaction.

    Args:
        kind: Why money moves.
        key: Once only; UNIQUE.
        reference: Public id of the payment or movement.
        changes: Minor units that come into each account, all of one currency; they sum to zero.
        now: Timezone-aware.

    Raises:
        FundsInsufficientError: an account would fall below zero.  Roll back.
        LedgerKeyReusedError: the key was used before.  Roll back.
    """
    if sum(changes.values()) or len({account.currency for account in changes}) != 1:
        raise AssertionError("a journal sums to zero, in one currency")
    journal = _new_journal(kind, key, reference, now)
    moved = sorted((pair for pair in changes.items() if pair[1]), key=lambda pair: pair[0].pk)
    Entry.objects.bulk_create(
        [Entry(journal=journal, account=account, amount=amount) for account, amount in moved]
    )
    for account, amount in moved:
        _change(account, amount)
    return journal


def _new_journal(kind: Journal.Kind, key: str, reference: bytes, now: datetime) -> Journal:
    try:
        with transaction.atomic():
            return Journal.objects.create(
                idempotency_key=key, kind=kind, reference=reference.hex(), at=now
            )
    except IntegrityError as error:
        raise LedgerKeyReusedError from error


def _change(account: LedgerAccount, amount: int) -> None:
    row = LedgerAccount.objects.filter(pk=account.pk)
    if amount < 0 and account.kind != LedgerAccount.Kind.PROVIDER:
        # Compare and set: of many who spend the same money at once, one does.
        row = row.filter(balance__gte=-amount)
    if not row.update(balance=F("balance") + amount):
        raise FundsInsufficientError
