"""What an operator does, at once or after a second one agreed, as the policy says.

One asks, and another one approves: then it is done, once, in the name of who asked.  Both have a
row in the audit.  Whatever happens in between, nothing is done twice: the state leaves ``waiting``
by compare-and-set before anything is done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from accounts.selectors import holder_by_account, operators
from accounts.services import optional_name, tell_holder
from audit.services import record
from common.errors import DomainError, NotFoundError
from enrolment.errors import (
    ApprovalClosedError,
    ApprovalWaitsError,
    OwnApprovalError,
    SecondOperatorMissingError,
)
from enrolment.models import Approval
from enrolment.selectors import current_policy, token_by_serial
from enrolment.services.life import change_state, unlock_token
from enrolment.services.moving import move_token
from enrolment.services.placing import change_host_state, change_weight
from enrolment.services.policies import change_policy, checked_policy
from enrolment.services.stock import assign_token

if TYPE_CHECKING:
    from accounts.models import Holder
    from enrolment.models import Token

WAITS = timedelta(hours=24)
# Nothing that is done here takes as long: whoever did it is gone.
_DONE_WITHIN = timedelta(minutes=10)
_State = Approval.State


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    Attributes:
        action: Name of one of the actions below, or of an app above.
        subject: What it is done to: serial of a token, name of a host; or ``policy``.
        arguments: What else the action needs, as JSON.
    """

    action: str
    subject: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """How something is done.

    Attributes:
        do: Does it, for an actor, at a time.
        check: Refuses, before anybody is asked, what would be refused when it is done.
        always: Whether an order needs two operators even where the policy is content with one.
    """

    do: Callable[[Order, str, datetime], object]
    check: Callable[[Order], object] = lambda order: None
    always: Callable[[Order], bool] = lambda order: False


def register_action(name: str, action: Action) -> None:
    """Add something that operators do, from the ``ready()`` of an app above."""
    _ACTIONS[name] = action


def act(*, order: Order, operator: "Holder", now: datetime) -> Approval | None:
    """Do what an operator wants; or ask a second one, where the policy or the action wants two.

    Returns:
        What waits now; ``None`` when it is done.

    Raises:
        ApprovalWaitsError: the same was asked for before.
        SecondOperatorMissingError: there is nobody to ask.
        DomainError: as the action itself.
    """
    action = _ACTIONS[order.action]
    if action.always(order) or current_policy().second_person:
        action.check(order)
        return _ask(order, operator, now)
    action.do(order, operator.operator_actor, now)
    return None


def approve(*, number: int, operator: "Holder", now: datetime) -> Approval:
    """Agree to what another operator asked for, and have it done.

    Returns:
        The approval: ``done``, or ``failed`` with the code of what was in the way.

    Raises:
        OwnApprovalError: the same person asked for it.
        ApprovalClosedError: it does not wait any more, or who asked is no operator any more.
    """
    approval = _decide(number, operator, _State.APPROVED, now)
    order = Order(approval.action, approval.subject, approval.arguments)
    try:
        _ACTIONS[order.action].do(order, approval.asked_by.operator_actor, now)
    except DomainError as error:
        _end(approval, _State.FAILED, actor="system", now=now, code=error.code)
    else:
        _end(approval, _State.DONE, actor=approval.asked_by.operator_actor, now=now)
    return approval


def refuse(*, number: int, operator: "Holder", now: datetime) -> Approval:
    """Decide that what another operator asked for is not done; errors as :func:`approve`."""
    return _decide(number, operator, _State.REFUSED, now)


def withdraw(*, number: int, operator: "Holder", now: datetime) -> Approval:
    """Take back what one asked for.

    Raises:
        ApprovalClosedError: it does not wait any more, or somebody else asked for it.
    """
    with transaction.atomic():
        waiting = Approval.objects.filter(pk=number, state=_State.WAITING, asked_by=operator)
        if not waiting.update(state=_State.WITHDRAWN):
            raise ApprovalClosedError
        approval = Approval.objects.get(pk=number)
        _record(approval, operator.operator_actor, now)
    return approval


def end_overdue_approvals(*, now: datetime) -> None:
    """End what nobody decided in time, and what was cut off while it was being done."""
    for approval in Approval.objects.filter(state=_State.WAITING, expires_at__lte=now):
        _end(approval, _State.EXPIRED, actor="system", now=now)
    cut_off = Approval.objects.filter(state=_State.APPROVED, decided_at__lte=now - _DONE_WITHIN)
    for approval in cut_off:
        _end(approval, _State.FAILED, actor="system", now=now, code="interrupted")


def _ask(order: Order, operator: "Holder", now: datetime) -> Approval:
    others = [other for other in operators() if other != operator]
    if not others:
        raise SecondOperatorMissingError
    try:
        with transaction.atomic():
            approval = Approval.objects.create(
                action=order.action,
                subject=order.subject,
                arguments=order.arguments,
                asked_by=operator,
                asked_at=now,
                expires_at=now + WAITS,
            )
            record(
                action="approval.asked",
                actor=operator.operator_actor,
                subject=str(approval),
                now=now,
            )
            for other in others:
                tell_holder(other, kind="approval", approval=approval.pk, now=now)
    except IntegrityError as error:
        raise ApprovalWaitsError from error
    return approval


def _decide(number: int, operator: "Holder", state: str, now: datetime) -> Approval:
    """Take a decision if nobody has, and its time is not over."""
    waiting = Approval.objects.filter(
        pk=number, state=_State.WAITING, expires_at__gt=now, asked_by__in=operators()
    )
    with transaction.atomic():
        if not waiting.exclude(asked_by=operator).update(
            state=state, decided_by=operator, decided_at=now
        ):
            raise OwnApprovalError if waiting.exists() else ApprovalClosedError
        approval = Approval.objects.select_related("asked_by__user").get(pk=number)
        _record(approval, operator.operator_actor, now)
    return approval


def _end(approval: Approval, state: str, *, actor: str, now: datetime, code: str = "") -> None:
    with transaction.atomic():
        same = Approval.objects.filter(pk=approval.pk, state=approval.state)
        if same.update(state=state, code=code):
            approval.state, approval.code = state, code
            _record(approval, actor, now)


def _record(approval: Approval, actor: str, now: datetime) -> None:
    record(
        action=f"approval.{approval.state}",
        actor=actor,
        subject=str(approval),
        now=now,
        code=approval.code,
    )


def _token(order: Order) -> "Token":
    return token_by_serial(order.subject)


def _revoke(order: Order, actor: str, now: datetime) -> None:
    token = _token(order)
    change_state(holder=token.holder, serial=token.serial, action="revoke", now=now, actor=actor)


def _unlock(order: Order, actor: str, now: datetime) -> None:
    token = _token(order)
    unlock_token(holder=token.holder, serial=token.serial, proof="operator", now=now, actor=actor)


def _holder(order: Order) -> "Holder":
    holder = holder_by_account(order.arguments["account"])
    if holder is None:
        raise NotFoundError("There is no such holder.")
    return holder


def _check_assignment(order: Order) -> None:
    _holder(order)
    optional_name(order.arguments["name"])


def _assign(order: Order, actor: str, now: datetime) -> None:
    name = order.arguments["name"]
    assign_token(holder=_holder(order), serial=order.subject, name=name, now=now, actor=actor)


def _change_weight(order: Order, actor: str, now: datetime) -> None:
    change_weight(actor=actor, now=now, **order.arguments)


def _move(order: Order, actor: str, now: datetime) -> None:
    move_token(serial=order.subject, number=order.arguments["to"], actor=actor, now=now)


def _change_host(order: Order, actor: str, now: datetime) -> None:
    change_host_state(actor=actor, now=now, **order.arguments)


def _check_policy(order: Order) -> None:
    wanted = checked_policy(**order.arguments)
    if wanted.second_person and operators().count() <= 1:
        raise SecondOperatorMissingError


def _change_policy(order: Order, actor: str, now: datetime) -> None:
    _check_policy(order)
    change_policy(**order.arguments, actor=actor, now=now)


_ACTIONS: dict[str, Action] = {
    "policy.change": Action(_change_policy, _check_policy),
    "token.revoke": Action(_revoke, _token),
    "token.unlock": Action(_unlock, _token),
    "token.assign": Action(_assign, _check_assignment),
    "token.move": Action(_move, _token),
    "host.weight": Action(_change_weight),
    "host.state": Action(_change_host),
}
