"""Many who spend the same money at once: how each try ended, what is left, what is at fault."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from unittest.mock import patch

from django.db.models import Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.services import holder_for
from billing.ledger import selectors, services
from billing.ledger.errors import FundsInsufficientError
from billing.ledger.models import LedgerAccount
from billing.ledger.services import journals, payments
from billing.ledger.verification import faults
from tests.concurrency.racing import at_once

AT_ONCE = 50
PRICE = 300


def pay() -> dict[str, Any]:
    """Pay fifty times from a wallet that suffices for one."""
    return _pay()


def _pay() -> dict[str, Any]:
    buyer, seller = _holder(), _holder()
    _fill(buyer, 2 * PRICE)
    # Makes all accounts: whoever makes one has the others wait, and the race would be none.
    services.pay(**_asked(buyer, seller, "first"))

    def once(number: int) -> None:
        services.pay(**_asked(buyer, seller, f"k{number}"))

    return {"ended": at_once(once, AT_ONCE), "buyer": _money(buyer), "seller": _money(seller)}


def pay_unguarded() -> dict[str, Any]:
    """As :func:`pay`, without locks and without compare-and-set: it must go wrong."""

    def change(account: LedgerAccount, amount: int) -> None:
        account.refresh_from_db()
        if account.kind != "provider" and account.balance + amount < 0:
            raise FundsInsufficientError
        account.balance += amount
        account.save()

    with (
        patch.object(journals, "_change", change),
        patch.object(payments, "lock", lambda *_: {}),
    ):
        return _pay()


def same_key() -> dict[str, Any]:
    """Pay fifty times by one key."""
    buyer, seller = _holder(), _holder()
    _fill(buyer, AT_ONCE * PRICE)

    def once(_number: int) -> None:
        services.pay(**_asked(buyer, seller, "one"))

    return {"ended": at_once(once, AT_ONCE), "buyer": _money(buyer), "seller": _money(seller)}


def crosswise() -> dict[str, Any]:
    """Pay to and fro, and give back, all at once: nobody waits for ever."""
    one, other = _holder(), _holder()
    _fill(one, AT_ONCE * PRICE)
    _fill(other, AT_ONCE * PRICE)
    given = services.pay(**_asked(one, other, "first"))

    def once(number: int) -> None:
        if number % 3 == 2:
            services.refund(bytes(given.uid), amount=1, key=f"r{number}", now=_now())
        elif number % 3:
            services.pay(**_asked(one, other, f"k{number}"))
        else:
            services.pay(**_asked(other, one, f"k{number}"))

    return {"ended": at_once(once, AT_ONCE)}


def refund() -> dict[str, Any]:
    """Give a fifth of one payment back, fifty times."""
    buyer, seller = _holder(), _holder()
    _fill(buyer, 3 * PRICE)
    paid = services.pay(**_asked(buyer, seller, "k"))
    # There is more to take than this payment brought.
    services.pay(**_asked(buyer, seller, "another"))

    def once(number: int) -> None:
        services.refund(bytes(paid.uid), amount=PRICE // 5, key=f"r{number}", now=_now())

    return {"ended": at_once(once, AT_ONCE), "buyer": _money(buyer), "seller": _money(seller)}


def end() -> dict[str, Any]:
    """Capture and release one payment, many times at once."""
    buyer, seller = _holder(), _holder()
    _fill(buyer, PRICE)
    held = services.hold(**_asked(buyer, seller, "k"))

    def once(number: int) -> None:
        (services.capture if number % 2 else services.release)(bytes(held.uid), now=_now())

    return {"ended": at_once(once, AT_ONCE), "buyer": _money(buyer), "seller": _money(seller)}


def guess() -> dict[str, Any]:
    """Try fifty wrong payment passwords at once."""
    buyer = _holder()
    services.set_payment_password(holder=buyer, password="violet-otter-3", now=_now())

    def once(number: int) -> None:
        services.check_payment_password(holder=buyer, password=f"guess-{number}", now=_now())

    return {"ended": at_once(once, AT_ONCE)}


def know() -> dict[str, Any]:
    """Show the right payment password twenty times at once."""
    buyer = _holder()
    services.set_payment_password(holder=buyer, password="violet-otter-3", now=_now())

    def once(_number: int) -> None:
        services.check_payment_password(holder=buyer, password="violet-otter-3", now=_now())

    return {"ended": at_once(once, 20)}


def _holder() -> Any:
    return holder_for(User.objects.create_user(f"{secrets.token_hex(8)}@example.com"))


def _fill(holder: Any, amount: int, key: str = "fill") -> None:
    services.top_up(holder=holder, amount=amount, currency="EUR", key=key, now=_now())


def _asked(payer: Any, payee: Any, key: str) -> dict[str, Any]:
    return {
        "payer": payer,
        "payee": payee,
        "amount": PRICE,
        "currency": "EUR",
        "reference": "race",
        "key": key,
        "now": _now(),
    }


def _money(holder: Any) -> dict[str, int]:
    return {one.kind: one.balance for one in selectors.balances(holder.pk)}


def _now() -> datetime:
    return datetime.now(UTC)


def _mend() -> None:
    """Make the books right again after a race without guards: others use this database, too."""
    accounts = LedgerAccount.objects.annotate(total=Coalesce(Sum("entries__amount"), 0))
    for account in accounts:
        if account.total < 0 and account.holder:
            _fill(account.holder, -account.total, "mended")
    for account in accounts.all():
        LedgerAccount.objects.filter(pk=account.pk).update(balance=account.total)


def _checked(race: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run a race; say which rows are at fault after it, and whether that could be mended."""
    outcome = {**race(), "faults": list(faults())}
    if outcome["faults"]:
        _mend()
    return {**outcome, "mended": not list(faults())}


RACES: dict[str, Callable[[], dict[str, Any]]] = {
    race.__name__: partial(_checked, race)
    for race in (pay, pay_unguarded, same_key, crosswise, refund, end, guess, know)
}
