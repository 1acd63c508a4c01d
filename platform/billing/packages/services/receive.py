"""The receive module of the platform: billing requests, by the network and by SMS."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from audit.services import record
from billing.packages.errors import DecryptFailedError, NonceReusedError, PackageUnknownError
from billing.packages.models import BillingRequest
from billing.packages.services import finish, proving, send
from billing.packages.services.asked import (
    Asked,
    named,
    open_network,
    open_sms,
    repeated,
    use_number,
)
from billing.packages.services.charging import (
    note_rejection,
    reason_of,
    reject,
    require_refusal,
)
from billing.packages.services.rules import level_of, strategy_of
from billing.packages.services.verify import verify
from binding.services import permit_if_policy_asks, require_slow
from common.errors import DomainError
from common.ids import new_uid
from protocol.application import read_sms
from protocol.binding import Purpose
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from binding.models import Device

_State = BillingRequest.State


def receive_network(
    device: "Device",
    package_uid: bytes,
    sealed: bytes,
    now: datetime,
    *,
    permit: str | None = None,
) -> BillingRequest:
    """Take a request from a terminal that proved who it is; return it as it waits.

    Args:
        device: Whose key proved the call.
        package_uid: Public id of the application, 4 bytes.
        sealed: To the application's third key.
        now: Timezone-aware.
        permit: Of the holder's bound phone, where the policy asks for one; ``None`` for any
            fresh one.

    Raises:
        RateLimitedError: the device called too often within a minute.
        NonceReusedError: it was made before, or its nonce is none.
        PermitRequiredError: the policy asks for a permit, and there is none.
        And as :func:`asked.open_network`, :func:`verify.verify` and :func:`proving.begin`; what
        is refused by the last two is stored as rejected.
    """
    require_slow(device, now=now)
    try:
        asked = open_network(device, package_uid, sealed, now)
    except PackageUnknownError as error:
        # The API leaves no row of what is not found.
        _note_refusal(device.actor, error, now, subject="network")
        raise
    ask_permit = partial(
        permit_if_policy_asks,
        holder=device.holder,
        purpose=Purpose.BILLING,
        permit=permit,
        now=now,
    )
    request, refusal = _stored(asked, now, ask_permit)
    if refusal is not None:
        raise refusal
    return request


def receive_sms(sender: str, text: str, now: datetime) -> bool:
    """Take an SMS if it is a billing request; in a transaction, and nothing is raised.

    What becomes of it is told to the terminal by SMS; one that no bound number sent gets no
    answer, since anybody could have others written to.

    Returns:
        Whether it is one, be it refused.
    """
    try:
        envelope = read_sms(text)
    except ProtocolError:
        _note_refusal("system", DecryptFailedError(), now)
        return True
    if envelope is None:
        return False
    try:
        opened = open_sms(sender, envelope, now)
    except DomainError as error:
        _note_refusal("system", error, now)
        return True
    device = opened.terminal.device
    try:
        request, refusal = _stored(named(opened, now), now)
    except DomainError as error:
        _note_refusal(device.actor, error, now)
        send.refuse(device, error, now)
        return True
    if refusal is not None:
        send.refuse(device, refusal, now)
    elif request.state == _State.VERIFIED:
        # The carrier is asked outside of this transaction; should this process end, by the worker.
        transaction.on_commit(partial(finish.finish_request, request.pk, now), robust=True)
    else:
        send.ask(request, now)
    return True


def _stored(
    asked: Asked, now: datetime, ask_permit: Callable[[], object] = lambda: None
) -> tuple[BillingRequest, DomainError | None]:
    """Store a request and what it is refused with, if it is; both stay.

    Raises:
        NonceReusedError, PermitRequiredError: nothing is stored.
        DomainError: of our own trouble; nothing is stored, and it may come again.
    """
    try:
        with transaction.atomic():
            use_number(asked, now)
            ask_permit()
            return _judged(asked, now)
    except NonceReusedError as error:
        raise repeated(asked, now) from error


def _judged(asked: Asked, now: datetime) -> tuple[BillingRequest, DomainError | None]:
    message = asked.message
    request = BillingRequest(
        uid=new_uid(),
        terminal=asked.terminal,
        payer=asked.terminal.device.holder,
        item=asked.item,
        channel=message.channel.value,
        amount=message.amount,
        currency=message.currency,
        nonce=message.nonce,
        key_matches=message.key_matches,
        files_match=message.files_match,
        level=level_of(**asked.facts),
        digest=asked.digest,
        created_at=now,
        expires_at=now,
    )
    try:
        verify(asked, request.level, now)
    except DomainError as error:
        require_refusal(error)
        request.state = _State.REJECTED
        request.reason = reason_of(error)
        request.ended_at = now
        request.save()
        note_rejection(request, now)
        return request, error
    request.state = _State.VERIFIED
    request.strategy = strategy_of(**asked.facts)
    request.save()
    try:
        return proving.begin(request, now), None
    except DomainError as error:
        reject(request, error, now)
        return request, error


def _note_refusal(actor: str, error: DomainError, now: datetime, *, subject: str = "sms") -> None:
    """Leave the audit row that the API leaves of most that is refused there."""
    record(action="request.refused", actor=actor, subject=subject, now=now, code=error.code)
