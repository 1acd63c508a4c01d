"""Who may spend from a wallet: the payment password, and freezing."""

import unicodedata
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.db import transaction
from django.db.models import F, Q

from accounts.services import tell_holder
from audit.services import record
from billing.ledger.errors import (
    AccountFrozenError,
    PaypassLockedError,
    PaypassNotSetError,
    PaypassWeakError,
    PaypassWrongError,
)
from billing.ledger.models import Wallet
from billing.ledger.selectors import has_payment_password, is_frozen
from common.errors import DomainError

if TYPE_CHECKING:
    from accounts.models import Holder

MAX_WRONG = 5
FIRST_LOCK = timedelta(minutes=15)
# Doubled no further: ten days.
_MAX_LEVEL = 10
_CLEARED = {"failures": 0, "lock_level": 0, "locked_until": None}
_LENGTHS = range(6, 65)
_MAX_COMPARED = 1000
# OWASP Password Storage Cheat Sheet, Argon2id.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_PAGE = "/wallet"


def set_payment_password(*, holder: "Holder", password: str, now: datetime) -> None:
    """Set or change a payment password; it opens a locked one, and the holder is told by e-mail.

    Raises:
        PaypassWeakError: it is shorter than 6 or longer than 64 characters, or too simple.
    """
    plain = _normalised(password)
    if len(plain) not in _LENGTHS or is_simple_password(plain):
        raise PaypassWeakError
    fields = {
        "password": _HASHER.hash(plain),
        "password_set_at": now,
        **_CLEARED,
    }
    with transaction.atomic():
        Wallet.objects.update_or_create(holder=holder, defaults=fields)
        record(action="paypass.set", actor=holder.actor, subject=holder.account, now=now)
        tell_holder(holder, kind="paypass_set", page=_PAGE, now=now)


def change_payment_password(
    *, holder: "Holder", current: str, password: str, now: datetime
) -> None:
    """Set a payment password for whoever knows the one before, as programs ask for it.

    The first one takes the password of the sign-in: a key that somebody found sets none.

    Args:
        holder: Whose.
        current: The payment password that is set; for the first one, that of the sign-in.
        password: The new one.
        now: Timezone-aware.

    Raises:
        PaypassWrongError, PaypassLockedError: about ``current``, as
            :func:`check_payment_password`.
        PaypassWeakError: about the new one, as :func:`set_payment_password`.
    """
    Wallet.objects.get_or_create(holder=holder)
    _judge(holder, current, now)
    set_payment_password(holder=holder, password=password, now=now)


def check_payment_password(*, holder: "Holder", password: str, now: datetime) -> None:
    """Judge a payment password.  Never inside a transaction: a refusal must leave its count.

    Raises:
        PaypassNotSetError: there is none.
        PaypassLockedError: too many were wrong, this one among them or not; with ``until``.
        PaypassWrongError: it is wrong; with ``tries_left``.
    """
    if not has_payment_password(holder.pk):
        raise PaypassNotSetError
    _judge(holder, password, now)


def forget_payment_password(*, holder: "Holder") -> None:
    """Erase the payment password of a holder who leaves."""
    Wallet.objects.filter(holder=holder).update(password="", password_set_at=None, **_CLEARED)


def freeze(*, holder: "Holder", operator: "Holder", now: datetime) -> None:
    """Let nothing be paid from a holder's account nor used by it; again changes nothing."""
    _set_frozen(holder, operator, now, is_frozen=True)


def thaw(*, holder: "Holder", operator: "Holder", now: datetime) -> None:
    """Undo :func:`freeze`; again changes nothing."""
    _set_frozen(holder, operator, now, is_frozen=False)


def require_not_frozen(holder: "Holder") -> None:
    """Accept a holder whose account is not frozen.

    Raises:
        AccountFrozenError: it is.
    """
    if is_frozen(holder.pk):
        raise AccountFrozenError


def is_simple_password(plain: str) -> bool:
    """Tell whether a password is 111111, 123456, 987654 or another that everybody tries first."""
    steps = {ord(later) - ord(earlier) for earlier, later in pairwise(plain)}
    return len(steps) == 1 or plain.lower() in _common_passwords()


@cache
def _common_passwords() -> set[str]:
    # Each validator reads the whole list again.
    return CommonPasswordValidator().passwords


def _judge(holder: "Holder", password: str, now: datetime) -> None:
    """Count a try, then compare, in one transaction on the wallet's row.

    No crash and no race gives a try for nothing, and many right ones at once never lock.
    """
    with transaction.atomic(durable=True):
        wallet = _count_try(holder, now)
        is_right = _matches(holder, wallet.password, password)
        if is_right:
            Wallet.objects.filter(pk=wallet.pk).update(**_CLEARED)
    # Raised outside the block: raising inside would roll the count back.
    if not is_right:
        raise _wrong(holder, wallet, now)


def _count_try(holder: "Holder", now: datetime) -> Wallet:
    """Count a try, and lock with the last one, until it turns out to be right.

    Raises:
        PaypassLockedError: nothing may be tried now, so nothing was counted.
    """
    row = Wallet.objects.filter(holder=holder)
    is_open = Q(locked_until=None) | Q(locked_until__lte=now)
    # Compare and set; from here on the row is this transaction's alone.
    is_counted = row.filter(is_open).update(failures=F("failures") + 1)
    wallet = row.get()
    if not is_counted:
        raise _locked(wallet)
    if wallet.failures >= MAX_WRONG:
        level = min(wallet.lock_level, _MAX_LEVEL)
        wallet.locked_until = now + FIRST_LOCK * 2**level
        row.update(failures=0, locked_until=wallet.locked_until, lock_level=level + 1)
    return wallet


def _wrong(holder: "Holder", wallet: Wallet, now: datetime) -> DomainError:
    """Return the refusal of a wrong password; tell the holder when it locked."""
    if wallet.failures < MAX_WRONG:
        return PaypassWrongError(tries_left=MAX_WRONG - wallet.failures)
    with transaction.atomic():
        record(action="paypass.locked", actor=holder.actor, subject=holder.account, now=now)
        tell_holder(holder, kind="paypass_locked", page=_PAGE, now=now)
    return _locked(wallet)


def _locked(wallet: Wallet) -> PaypassLockedError:
    return PaypassLockedError(until=wallet.locked_until and int(wallet.locked_until.timestamp()))


def _matches(holder: "Holder", stored: str, password: str) -> bool:
    # Longer ones are never set, and must not be work.
    if len(password) > _MAX_COMPARED:
        return False
    if not stored:
        return holder.user.check_password(_encodable(password))
    try:
        return _HASHER.verify(stored, _normalised(password))
    except VerificationError:
        return False


def _normalised(password: str) -> str:
    # Two keyboards may write the same letter in two ways.
    return unicodedata.normalize("NFC", _encodable(password))


def _encodable(password: str) -> str:
    # JSON can hold half of a character, which has no bytes to hash.
    return password.encode("utf-8", "replace").decode()


def _set_frozen(holder: "Holder", operator: "Holder", now: datetime, *, is_frozen: bool) -> None:
    with transaction.atomic():
        Wallet.objects.get_or_create(holder=holder)
        row = Wallet.objects.filter(holder=holder, frozen_at__isnull=is_frozen)
        if not row.update(frozen_at=now if is_frozen else None):
            return
        action = "wallet.frozen" if is_frozen else "wallet.thawed"
        record(action=action, actor=operator.operator_actor, subject=holder.account, now=now)
        tell_holder(
            holder, kind="wallet_frozen" if is_frozen else "wallet_thawed", page=_PAGE, now=now
        )
