"""Top-ups and payouts: money that comes from or goes to the world outside, by a provider."""

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from audit.services import record
from billing.ledger.errors import FundsInsufficientError, LedgerKeyReusedError
from billing.ledger.models import Journal, LedgerAccount, Movement
from billing.ledger.providers import Order, Outcome, provider
from billing.ledger.services.journals import account_of, book, lock, require_amount, scoped_key
from billing.ledger.services.wallets import require_not_frozen
from common.ids import new_uid

if TYPE_CHECKING:
    from accounts.models import Holder

logger = logging.getLogger(__name__)

# Whoever began a movement has this long to hear from the provider itself.
_LEFT_ALONE = timedelta(minutes=1)
_Kind = LedgerAccount.Kind


def top_up(*, holder: "Holder", amount: int, currency: str, key: str, now: datetime) -> Movement:
    """Bring money into a holder's wallet.

    With the built-in provider, which needs no network, also inside the caller's transaction.

    Args:
        holder: Whose wallet.
        amount: Minor units.
        currency: ISO 4217.
        key: The caller's own, once for each holder; a repetition returns the first movement.
        now: Timezone-aware.

    Returns:
        The movement: done, failed, or pending until :func:`finish_movements` hears of it.

    Raises:
        AmountInvalidError: the amount is none.
        LedgerKeyReusedError: the key named another movement before.
    """
    return _move(_asked(holder, Movement.Direction.IN, amount, currency, key, now), now)


def pay_out(*, holder: "Holder", amount: int, currency: str, key: str, now: datetime) -> Movement:
    """Pay a holder's money out: earnings first, then the wallet.

    The money leaves the accounts before the provider is asked, and comes back if that fails.

    Args, Returns:
        As :func:`top_up`.

    Raises:
        AmountInvalidError: the amount is none.
        AccountFrozenError: the holder's account is frozen.
        FundsInsufficientError: earnings and wallet together hold less.
        LedgerKeyReusedError: the key named another movement before.
    """
    return _move(_asked(holder, Movement.Direction.OUT, amount, currency, key, now), now)


def finish_movements(*, now: datetime, limit: int = 100) -> int:
    """Ask the provider again about what is pending; return how many ended."""
    pending = Movement.objects.filter(
        state=Movement.State.PENDING, created_at__lte=now - _LEFT_ALONE
    )
    ended = 0
    for movement in pending.select_related("holder").order_by("pk")[:limit]:
        _ask_provider(movement, now)
        ended += movement.state != Movement.State.PENDING
    return ended


def _asked(
    holder: "Holder",
    direction: Movement.Direction,
    amount: int,
    currency: str,
    key: str,
    now: datetime,
) -> Movement:
    require_amount(amount, currency)
    uid = new_uid()
    return Movement(
        uid=uid,
        idempotency_key=scoped_key(direction, holder, key),
        holder=holder,
        direction=direction,
        amount=amount,
        currency=currency,
        provider=provider().name,
        provider_reference=uid.hex(),
        state=Movement.State.PENDING,
        created_at=now,
    )


def _move(asked: Movement, now: datetime) -> Movement:
    movement = _begin(asked, now)
    if movement.state == Movement.State.PENDING:
        _ask_provider(movement, now)
    return movement


def _begin(asked: Movement, now: datetime) -> Movement:
    """Store a movement before the provider hears of it; a repetition finds the first one."""
    with transaction.atomic():
        values = {
            field.attname: getattr(asked, field.attname)
            for field in Movement._meta.concrete_fields
            if field.attname not in ("id", "idempotency_key")
        }
        movement, is_new = Movement.objects.get_or_create(
            idempotency_key=asked.idempotency_key, defaults=values
        )
        if is_new and movement.direction == Movement.Direction.OUT:
            _take_out(movement, now)
    if any(getattr(movement, name) != getattr(asked, name) for name in ("amount", "currency")):
        raise LedgerKeyReusedError
    return movement


def _take_out(movement: Movement, now: datetime) -> None:
    holder, currency = movement.holder, movement.currency
    require_not_frozen(holder)
    earnings = account_of(holder, _Kind.EARNINGS, currency)
    wallet = account_of(holder, _Kind.WALLET, currency)
    outside = account_of(None, _Kind.PROVIDER, currency)
    held = lock(earnings, wallet, outside)
    earned = min(held[earnings.pk], movement.amount)
    if held[wallet.pk] < movement.amount - earned:
        raise FundsInsufficientError
    book(
        kind=Journal.Kind.PAYOUT,
        key=f"payout:{bytes(movement.uid).hex()}",
        reference=bytes(movement.uid),
        changes={
            earnings: -earned,
            wallet: earned - movement.amount,
            outside: movement.amount,
        },
        now=now,
    )


def _ask_provider(movement: Movement, now: datetime) -> None:
    """Have a pending movement carried out, with no transaction of ours open; store the outcome."""
    order = Order(
        uid=bytes(movement.uid),
        direction=Movement.Direction(movement.direction),
        account=movement.holder.account,
        amount=movement.amount,
        currency=movement.currency,
    )
    try:
        outcome = provider().carry_out(order)
    except OSError:
        logger.warning("movement.provider_unreachable", extra={"movement": order.uid.hex()})
        return
    with transaction.atomic():
        _end(movement, outcome, now)
    movement.refresh_from_db(fields=["state", "provider_reference", "ended_at"])


def _end(movement: Movement, outcome: Outcome, now: datetime) -> None:
    """Book what the provider said, once."""
    row = Movement.objects.filter(pk=movement.pk, state=Movement.State.PENDING)
    is_pending = outcome.state == Movement.State.PENDING
    is_ours = row.update(
        state=outcome.state,
        provider_reference=outcome.reference,
        ended_at=None if is_pending else now,
    )
    if not is_ours or is_pending:
        return
    is_in = movement.direction == Movement.Direction.IN
    is_done = outcome.state == Movement.State.DONE
    if is_in and is_done:
        _put_in(movement, now)
    elif not is_in and not is_done:
        _give_back(movement, now)
    action = "movement.done" if is_done else "movement.failed"
    subject = bytes(movement.uid).hex()
    record(action=action, actor=movement.holder.actor, subject=subject, now=now)


def _put_in(movement: Movement, now: datetime) -> None:
    wallet = account_of(movement.holder, _Kind.WALLET, movement.currency)
    outside = account_of(None, _Kind.PROVIDER, movement.currency)
    book(
        kind=Journal.Kind.TOP_UP,
        key=f"top_up:{bytes(movement.uid).hex()}",
        reference=bytes(movement.uid),
        changes={outside: -movement.amount, wallet: movement.amount},
        now=now,
    )


def _give_back(movement: Movement, now: datetime) -> None:
    """Undo the booking of a payout, to where each part came from."""
    uid = bytes(movement.uid)
    taken = Journal.objects.get(idempotency_key=f"payout:{uid.hex()}")
    book(
        kind=Journal.Kind.RETURNED,
        key=f"returned:{uid.hex()}",
        reference=uid,
        changes={line.account: -line.amount for line in taken.entries.select_related("account")},
        now=now,
    )
