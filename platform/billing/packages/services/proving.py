"""Have a verified request proved by its strategy, and charged then."""

from datetime import datetime

from django.db import transaction

from audit.services import record
from billing.packages.errors import (
    OnlineRequiredError,
    RequestClosedError,
    RequestExpiredError,
    StrategyUnavailableError,
)
from billing.packages.models import BillingRequest, Prompt
from billing.packages.selectors import require_on_sale
from billing.packages.services.charging import capture
from billing.packages.services.proving_token import step_of
from billing.packages.services.strategies import DIRECT_SMS, ONLINE, REGISTRY, Strategy
from billing.packages.services.strategies.base import Answer, State
from transactions.services import cancel_step

_BY_STATE: dict[str, Strategy] = {strategy.state: strategy for strategy in REGISTRY.values()}


def begin(request: BillingRequest, now: datetime) -> BillingRequest:
    """Let a verified request wait for its strategy, and ask the payer.  May be in a transaction.

    A strategy that is not open to it is replaced by the next stricter one that is; one as strict
    comes last.  One of ``direct_sms`` stays verified: :func:`charge_directly` goes on.

    Args:
        request: Verified; ``strategy`` is what the rules say.
        now: Timezone-aware.

    Returns:
        The request as it waits, with its strategy, state and expiry.

    Raises:
        StrategyUnavailableError: no strategy as strict is open to it.
        RequestClosedError: it is not verified, or waits already.
        SenderMismatchError, SimRecentlySwappedError: of ``direct_sms``.
        RateLimitedError: of ``sms_code``.
    """
    strategy = _first_open(request, now)
    with transaction.atomic():
        _wait(request, strategy, State.VERIFIED, now)
    return request


def prove(request: BillingRequest, name: str, answer: Answer, now: datetime) -> BillingRequest:
    """Judge an answer, and charge.  Never inside a transaction: a refusal must leave its count.

    Args:
        request: Which waits.
        name: Of the strategy that the answer is for.
        answer: As somebody gave it.
        now: Timezone-aware.

    Returns:
        The charged request.

    Raises:
        RequestClosedError, RequestExpiredError: it waits for nothing any more.
        StrategyUnavailableError, OnlineRequiredError: it waits for another strategy.
        BuildRevokedError, PackageUnknownError: it is not on sale any more.
        And as the strategy's ``prove`` and :func:`charging.capture`.
    """
    strategy = require_waiting(request, name, now)
    # Before it is judged: what cannot be charged uses no try up, and asks no carrier.
    require_on_sale(request.item.build)
    strategy.prove(request, answer, now)
    return capture(request.pk, from_state=strategy.state, now=now)


def charge_directly(request: BillingRequest, now: datetime) -> BillingRequest:
    """Charge a request of ``direct_sms``, once the carrier says that the SIM is the same.

    Raises:
        SenderMismatchError, SimRecentlySwappedError: the SIM is another, or too new.
        CarrierUnavailableError: there is no answer now; to be tried again.
        And as :func:`charging.capture`.
    """
    if request.strategy != DIRECT_SMS.name or request.state != State.VERIFIED:
        raise RequestClosedError
    DIRECT_SMS.prove(request, Answer(""), now)
    return capture(request.pk, from_state=State.VERIFIED, now=now)


def switch(request: BillingRequest, name: str, now: datetime) -> BillingRequest:
    """Let a request wait for another strategy, no laxer than the one that was asked for first.

    What was begun before goes on where it was left, with the tries and the time that were left.

    Raises:
        RequestClosedError, RequestExpiredError: it waits for nothing any more.
        StrategyUnavailableError: that one is laxer, not open to the request, or its time is over.
        RateLimitedError: of ``sms_code``.
    """
    require_waiting(request, request.strategy, now)
    if name not in {strategy.name for strategy in other_ways(request, now)}:
        raise StrategyUnavailableError
    with transaction.atomic():
        _wait(request, REGISTRY[name], request.state, now)
    return request


def other_ways(request: BillingRequest, now: datetime) -> list[Strategy]:
    """Return to which strategies a waiting request may be switched, the least strict first."""
    if request.transaction is not None:
        # A token is being asked; whatever it says ends the request.
        return []
    asked = request.prompts.order_by("pk").values_list("strategy", flat=True).first()
    return [
        strategy
        for strategy in _as_strict(REGISTRY[asked or request.strategy])
        if strategy.name not in (request.strategy, DIRECT_SMS.name)
        and _ends_at(strategy, _first_prompt(request, strategy), now) > now
        and strategy.is_open_to(request, now)
    ]


def cancel(request: BillingRequest, *, actor: str, now: datetime) -> BillingRequest:
    """End a request that waits, uncharged.  Never inside a transaction.

    Args:
        request: Which.
        actor: As audit rows name whoever wants it.
        now: Timezone-aware.

    Raises:
        RequestClosedError: it waits for nothing any more.
        StepClosingError: a token is asked, and its host gives no answer; to be tried again.
    """
    if request.state not in _BY_STATE or request.state == State.VERIFIED:
        raise RequestClosedError
    step = step_of(request)
    if step is not None:
        # Its end reaches the request by the signal; unless it was signed before.
        cancel_step(holder=request.payer, s=bytes(step.s), now=now)
        request.refresh_from_db()
        return request
    row = BillingRequest.objects.filter(pk=request.pk, state=request.state, transaction=None)
    with transaction.atomic():
        if not row.update(state=State.CANCELLED, ended_at=now):
            raise RequestClosedError
        record(action="charge.cancelled", actor=actor, subject=request.public_id, now=now)
    request.state, request.ended_at = State.CANCELLED, now
    return request


def require_waiting(request: BillingRequest, name: str, now: datetime) -> Strategy:
    """Return the strategy for which a request waits; errors as :func:`prove`."""
    strategy = _BY_STATE.get(request.state)
    if strategy is None or strategy is DIRECT_SMS:
        raise RequestClosedError
    if request.expires_at <= now:
        raise RequestExpiredError
    if strategy.name != name:
        raise OnlineRequiredError if strategy.name == "online" else StrategyUnavailableError
    return strategy


def _first_open(request: BillingRequest, now: datetime) -> Strategy:
    wanted = REGISTRY[request.strategy]
    if wanted is DIRECT_SMS and request.channel in wanted.channels:
        # A SIM that is too new is refused, not asked for something else.
        return wanted
    candidates = _as_strict(wanted)
    candidates.sort(key=lambda one: (one is not wanted, one.rank == wanted.rank, one.rank))
    for strategy in candidates:
        if request.channel in strategy.channels and strategy.is_open_to(request, now):
            return strategy
    raise StrategyUnavailableError


def _as_strict(wanted: Strategy) -> list[Strategy]:
    """Return a strategy, and what may stand in for it, the least strict first."""
    return [
        strategy
        for strategy in REGISTRY.values()
        # ONLINE stands in for nothing, and nothing for it: it proves the program, not the person.
        if strategy is wanted
        or (strategy.rank >= wanted.rank and ONLINE not in (wanted, strategy))
    ]


def _wait(request: BillingRequest, strategy: Strategy, from_state: str, now: datetime) -> None:
    """Let a request wait for a strategy; ask the payer, unless that was done before.

    Raises:
        RequestClosedError: it is not in that state any more.
    """
    # Nobody was asked anything before.
    begun = None if from_state == State.VERIFIED else _first_prompt(request, strategy)
    waits = {
        "state": strategy.state,
        "strategy": strategy.name,
        "expires_at": _ends_at(strategy, begun, now),
    }
    row = BillingRequest.objects.filter(pk=request.pk, state=from_state, transaction=None)
    if not row.update(**waits):
        raise RequestClosedError
    for field, value in waits.items():
        setattr(request, field, value)
    if begun is None:
        strategy.begin(request, now)


def _first_prompt(request: BillingRequest, strategy: Strategy) -> Prompt | None:
    return request.prompts.filter(strategy=strategy.name).order_by("pk").first()


def _ends_at(strategy: Strategy, begun: Prompt | None, now: datetime) -> datetime:
    """Return until when a request may wait for a strategy, counted from when it first did."""
    return (begun.created_at if begun else now) + strategy.life
