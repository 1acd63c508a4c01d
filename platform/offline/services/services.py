"""What owners offer to clients without a network, and to whom."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.selectors import holder_by_account
from accounts.services import tell_holder
from audit.services import record
from common.errors import InputInvalidError
from offline.errors import AccountUnknownError, ServiceEndedError
from offline.models import Grant, Service
from offline.services.relays import end_relays
from protocol.cbor import MAX_INT
from protocol.currency import EXPONENTS
from protocol.errors import ProtocolError
from protocol.fields import check_uint, check_word
from protocol.offline import MAX_TITLE
from protocol.text import check_text, normalise

if TYPE_CHECKING:
    from accounts.models import Holder

_CHECKOUT = Service.Kind.CHECKOUT


def create_service(
    *, owner: "Holder", title: str, kind: str, currency: str = "", now: datetime
) -> Service:
    """Make a service; it is open to everybody, at the ordinary level.

    Args:
        owner: Whose it is; who is paid.
        title: At most 60 bytes; clients show it.
        kind: ``gate``, ``checkout`` or ``approval``.
        currency: ISO 4217 of a checkout, for good; empty for the others.
        now: Timezone-aware.

    Raises:
        InputInvalidError: a field breaks a rule.
    """
    try:
        kind = check_word("kind", kind, Service.Kind)
        title = _checked_title(title)
        _check_currency(kind, currency)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    with transaction.atomic():
        service = Service.objects.create(
            owner=owner, title=title, kind=kind, currency=currency, created_at=now
        )
        _record("service.created", service, owner.actor, now)
    return service


def change_service(
    *,
    service: Service,
    title: str,
    is_open: bool,
    is_high: bool,
    high_from: int | None,
    takes_codes: bool,
    now: datetime,
) -> Service:
    """Change what holds at a service from now on.

    Args:
        service: Which.
        title: At most 60 bytes.
        is_open: To everybody; otherwise to those granted.
        is_high: Whether it always takes the offline password.
        high_from: From which amount on, in minor units, a checkout takes it; ``None`` leaves it
            to the settings of the platform.
        takes_codes: Whether a checkout takes one-way codes.
        now: Timezone-aware.

    Raises:
        InputInvalidError: a field breaks a rule.
        ServiceEndedError: it ended.
    """
    is_checkout = service.kind == _CHECKOUT
    try:
        title = _checked_title(title)
        if high_from is not None:
            check_uint("high_from", high_from, low=1, high=MAX_INT)
        for field, is_set in (("high_from", high_from is not None), ("takes_codes", takes_codes)):
            if is_set and not is_checkout:
                raise ProtocolError("field_unexpected", f"only a checkout has {field}", field)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    fields = {
        "title": title,
        "is_open": is_open,
        "is_high": is_high,
        "high_from": high_from,
        "takes_codes": takes_codes,
    }
    with transaction.atomic():
        if not Service.objects.filter(pk=service.pk, ended_at=None).update(**fields):
            raise ServiceEndedError
        _record("service.changed", service, service.owner.actor, now)
    service.refresh_from_db(fields=[*fields])
    return service


def end_service(*, service: Service, now: datetime) -> Service:
    """Offer a service no more, for good; its devices relay no more.  Again changes nothing."""
    actor = service.owner.actor
    with transaction.atomic():
        if Service.objects.filter(pk=service.pk, ended_at=None).update(ended_at=now):
            _record("service.ended", service, actor, now)
            end_relays(service=service, actor=actor, now=now)
    service.refresh_from_db(fields=["ended_at"])
    return service


def suspend_service(*, service: Service, operator: "Holder", now: datetime) -> Service:
    """Let nothing be authorized at a service, and tell its owner; again changes nothing."""
    return _set_suspended(service, operator, now, is_suspended=True)


def resume_service(*, service: Service, operator: "Holder", now: datetime) -> Service:
    """Undo :func:`suspend_service`; again changes nothing."""
    return _set_suspended(service, operator, now, is_suspended=False)


def grant(*, service: Service, account: str, now: datetime) -> Grant:
    """Let a service be there for a holder, also when it is not open; again changes nothing.

    Raises:
        AccountUnknownError: nobody has this account.
        ServiceEndedError: it ended.
    """
    holder = _holder(account)
    if service.ended_at is not None:
        raise ServiceEndedError
    with transaction.atomic():
        row, is_new = Grant.objects.get_or_create(
            service=service, holder=holder, defaults={"created_at": now}
        )
        if is_new:
            _record("service.granted", service, service.owner.actor, now, holder)
    return row


def ungrant(*, service: Service, account: str, now: datetime) -> None:
    """Undo :func:`grant`; again changes nothing.

    Raises:
        AccountUnknownError: nobody has this account.
    """
    holder = _holder(account)
    with transaction.atomic():
        if Grant.objects.filter(service=service, holder=holder).delete()[0]:
            _record("service.ungranted", service, service.owner.actor, now, holder)


def _set_suspended(
    service: Service, operator: "Holder", now: datetime, *, is_suspended: bool
) -> Service:
    row = Service.objects.filter(pk=service.pk, suspended_at__isnull=is_suspended, ended_at=None)
    verb = "suspended" if is_suspended else "resumed"
    with transaction.atomic():
        # Compare and set: of two operators, one tells the owner.
        if row.update(suspended_at=now if is_suspended else None):
            _record(f"service.{verb}", service, operator.operator_actor, now)
            page = f"/offline/services/{service.public_id}"
            tell_holder(service.owner, kind=f"service_{verb}", page=page, now=now)
    service.refresh_from_db(fields=["suspended_at", "ended_at"])
    return service


def _holder(account: str) -> "Holder":
    # No database is asked for what cannot be an account number.
    holder = holder_by_account(account) if account.isdecimal() else None
    if holder is None:
        raise AccountUnknownError(field="account")
    return holder


def _checked_title(title: str) -> str:
    title = normalise(title)
    check_text("title", title, MAX_TITLE)
    return title


def _check_currency(kind: str, currency: str) -> None:
    if kind != _CHECKOUT:
        if currency:
            raise ProtocolError("field_unexpected", "only a checkout has a currency", "currency")
    elif currency not in EXPONENTS:
        raise ProtocolError("currency_unknown", "currency is not in ISO 4217", "currency")


def _record(
    action: str, service: Service, actor: str, now: datetime, holder: "Holder | None" = None
) -> None:
    subject = service.public_id if holder is None else f"{service.public_id} {holder.account}"
    record(action=action, actor=actor, subject=subject, now=now)
