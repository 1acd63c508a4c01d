"""What an honest terminal would not do: written down; and terminals raised, lowered, reviewed."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from audit.services import record
from billing.packages.errors import NotRaisedError
from billing.packages.models import FraudSignal, Terminal
from enrolment.services.approvals import Action, Order, act, register_action

if TYPE_CHECKING:
    from accounts.models import Holder
    from billing.packages.models import Package
    from enrolment.models import Approval


def signal(
    terminal: Terminal, reason: str, package: "Package | None", now: datetime
) -> FraudSignal:
    """Write down what was seen, for operators to look at.

    Args:
        terminal: Whose it is.
        reason: Of :class:`FraudSignal.Reason`.
        package: Whose request it was, if any.
        now: Timezone-aware.
    """
    with transaction.atomic():
        seen = FraudSignal.objects.create(
            terminal=terminal, reason=FraudSignal.Reason(reason), package=package, at=now
        )
        subject = terminal.device.public_id
        record(action="fraud.seen", actor="system", subject=subject, now=now, code=reason)
    return seen


def raise_terminal(
    terminal: Terminal, reason: str, now: datetime, *, actor: str = "system"
) -> None:
    """Hold a terminal to HIGH from now on, whatever the rules say.

    Raising it again counts anew: an agreement to lower it that was asked for before is void.

    Args:
        terminal: Which.
        reason: Of :class:`Terminal.Raised`.
        now: Timezone-aware.
        actor: Who does it, for the audit.
    """
    terminal.raised, terminal.raised_at = Terminal.Raised(reason), now
    with transaction.atomic():
        terminal.save(update_fields=["raised", "raised_at"])
        subject = terminal.device.public_id
        record(action="terminal.raised", actor=actor, subject=subject, now=now, code=reason)


def raise_by_operator(*, terminal: Terminal, operator: "Holder", now: datetime) -> None:
    """Hold a terminal to HIGH because an operator wants it; one is enough."""
    raise_terminal(terminal, Terminal.Raised.OPERATOR, now, actor=operator.operator_actor)


def lower_terminal(*, terminal: Terminal, operator: "Holder", now: datetime) -> "Approval | None":
    """Ask for a terminal to be held to the rules again; another operator has to agree.

    Raises:
        NotRaisedError: it is not raised.
        ApprovalWaitsError: this was asked for before.
    """
    if terminal.raised_at is None:
        raise NotRaisedError
    order = Order(
        "terminal.lower",
        terminal.device.public_id,
        {"raised_at": terminal.raised_at.isoformat()},
    )
    return act(order=order, operator=operator, now=now)


def review_terminal(*, terminal: Terminal, until: int, operator: "Holder", now: datetime) -> int:
    """Note that an operator looked at a terminal's signals, up to the newest one that was shown.

    Returns:
        How many were new.
    """
    with transaction.atomic():
        fresh = FraudSignal.objects.filter(terminal=terminal, pk__lte=until, reviewed_at=None)
        count = fresh.update(reviewed_at=now, reviewed_by=operator)
        if count:
            subject = terminal.device.public_id
            actor = operator.operator_actor
            record(action="fraud.reviewed", actor=actor, subject=subject, now=now)
    return count


def _lower(order: Order, actor: str, now: datetime) -> None:
    # As it was when this was asked for: what was raised since then stays so.
    raised = Terminal.objects.filter(
        device__uid=bytes.fromhex(order.subject),
        raised_at=datetime.fromisoformat(order.arguments["raised_at"]),
    )
    with transaction.atomic():
        if not raised.update(raised="", raised_at=None):
            raise NotRaisedError
        record(action="terminal.lowered", actor=actor, subject=order.subject, now=now)


def register() -> None:
    """Let operators lower terminals, always two of them; called once, when the site starts."""
    register_action("terminal.lower", Action(_lower, always=lambda order: True))
