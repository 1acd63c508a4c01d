"""Read rules, fraud signals, and the terminals that operators have to look at."""

from datetime import date, datetime

from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.functions import TruncDate

from billing.packages.models import FraudSignal, Rule, Terminal
from binding.selectors import bound_phone, newest_of_number
from common.errors import NotFoundError

SIGNAL_REASONS = tuple(FraudSignal.Reason.values)


def rules_in_force() -> QuerySet[Rule]:
    """Return the rules that hold, newest first."""
    held = Rule.objects.filter(in_force_at__isnull=False, ended_at=None)
    return held.select_related("terminal__device", "package", "made_by").order_by("-pk")


def rule_of(number: int) -> Rule | None:
    """Return a rule, in force or not."""
    rules = Rule.objects.select_related("terminal__device", "package", "made_by")
    return rules.filter(pk=number).first()


def any_terminal(uid: bytes) -> Terminal:
    """Return somebody's terminal, for operators.

    Raises:
        NotFoundError: no terminal of this id is registered for billing.
    """
    found = Terminal.objects.select_related("device__holder").filter(device__uid=uid).first()
    if found is None:
        raise NotFoundError
    return found


def signals(
    *, reason: str = "", terminal: bytes = b"", fresh: bool = False
) -> QuerySet[FraudSignal]:
    """Return fraud signals, newest first.

    Args:
        reason: Only of this reason; all when empty.
        terminal: Only of the terminal of this id; all when empty.
        fresh: Only those that nobody has looked at.
    """
    found = FraudSignal.objects.select_related("terminal__device__holder", "package")
    if reason:
        found = found.filter(reason=reason)
    if terminal:
        found = found.filter(terminal__device__uid=terminal)
    if fresh:
        found = found.filter(reviewed_at=None)
    return found.order_by("-pk")


def signals_by_day(*, since: datetime) -> dict[date, int]:
    """Count the signals of each day (UTC)."""
    seen = FraudSignal.objects.filter(at__gte=since).annotate(on=TruncDate("at"))
    return dict(seen.values_list("on").annotate(count=Count("pk")))


def terminals_to_review(*, uid: bytes = b"") -> QuerySet[Terminal]:
    """Return the terminals that are raised, or have signals that nobody has looked at.

    Each has their number as ``fresh``, and the last one's id and time as ``newest``, ``last_at``;
    who has such signals comes first, the latest on top.

    Args:
        uid: The terminal of this id instead, whether there is something to look at or not.
    """
    new = Q(signals__reviewed_at=None, signals__isnull=False)
    found = Terminal.objects.select_related("device__holder").annotate(
        fresh=Count("signals", filter=new),
        newest=Max("signals", filter=new),
        last_at=Max("signals__at"),
    )
    found = found.filter(device__uid=uid) if uid else found.filter(~Q(raised="") | Q(fresh__gt=0))
    return found.order_by(F("newest").desc(nulls_last=True), "-raised_at")


def number_hash_of(terminal: Terminal) -> bytes | None:
    """Return the keyed hash of the number that is bound to a terminal; ``None`` without one."""
    bound = bound_phone(terminal.device)
    return None if bound is None else bytes(bound.number_hash)


def terminal_of_number(number: str) -> Terminal | None:
    """Return the terminal to which a number, E.164, is bound, for operators."""
    phone = newest_of_number(number)
    if phone is None or not phone.is_bound:
        return None
    return Terminal.objects.select_related("device__holder").filter(device=phone.device).first()
