"""Which security level, and which strategy, holds for a request; and the rules that say so.

The most specific rule wins; ties go to the stricter.  What may lower security, two operators have
to want: :data:`enrolment.services.approvals.Action.always`.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from audit.services import record
from billing.packages.errors import ItemUnknownError, RuleEndedError, RuleInvalidError
from billing.packages.models import BillingRequest, Item, Rule, Terminal
from binding.identifiers import number_hash as hash_of
from common.numbers import normalise
from enrolment.services.approvals import Action, Order, act, register_action

if TYPE_CHECKING:
    from accounts.models import Holder
    from billing.packages.models import Package
    from enrolment.models import Approval

# How strict each level is; a strategy has a rank of its own.
LEVELS = {"low": 0, "high": 1}
# What holds where no rule fits.
DEFAULT_STRATEGIES: dict[str, str] = {
    BillingRequest.Channel.NETWORK: "payment_password",
    BillingRequest.Channel.SMS: "direct_sms",
}
# How specific a condition is: each outweighs all that come after it together.
_WEIGHTS = {"terminal_id": 16, "number_hash": 8, "item": 4, "amount_from": 2, "package_id": 1}
_MOST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that fits, and how specific it is."""

    rule: Rule
    weight: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What holds for a request.

    Attributes:
        value: A level, or the name of a strategy.
        rule: Which rule says so; ``None`` when none does.
        candidates: All rules that fit, the winner first.
        is_raised: Whether the terminal was raised, which no rule outdoes.
    """

    value: str
    rule: Rule | None
    candidates: tuple[Candidate, ...] = ()
    is_raised: bool = False

    @property
    def why(self) -> str:
        """Say, in the reader's language, why this holds."""
        if self.is_raised:
            return gettext("The terminal was raised to HIGH, whatever the rules say.")
        if self.rule is None:
            return gettext("No rule fits, so the default holds.")
        if len(self.candidates) == 1:
            return gettext("No other rule fits.")
        first, second = self.candidates[:2]
        if first.weight > second.weight:
            return gettext("It is the most specific of the rules that fit.")
        if _rank(first.rule) > _rank(second.rule):
            return gettext("Another rule is as specific, and this one is stricter.")
        return gettext("Another rule is as specific and says as much; this one is older.")


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """A rule to make; no repr shows the number.

    Attributes:
        kind, value: What it says.
        terminal: Of a terminal; ``None`` for all.
        number: Of a phone number, as people write it; empty for all.
        package: Of an application; ``None`` for all.
        item: Of one of the package's items, by its number.
        amount_from: Of amounts from this one on, in minor units.
    """

    kind: str
    value: str
    terminal: Terminal | None = None
    number: str = ""
    package: "Package | None" = None
    item: int | None = None
    amount_from: int | None = None


def decide(
    kind: str,
    *,
    terminal: Terminal | None,
    number_hash: bytes | None,
    package: "Package | None",
    item: int | None,
    amount: int | None,
    channel: str = BillingRequest.Channel.NETWORK,
) -> Decision:
    """Decide a level or a strategy.

    Args:
        kind: Of :class:`Rule.Kind`.
        terminal: Which asks.
        number_hash: Keyed, of the number bound to it; ``None`` when there is none.
        package: Whose item it is.
        item: Its number.
        amount: In minor units.
        channel: On which the request came: each has a default strategy of its own.
    """
    fits = (
        Q(terminal=None) | Q(terminal=terminal),
        Q(number_hash=None) | Q(number_hash=number_hash),
        Q(package=None) | Q(package=package),
        Q(item=None) | Q(item=item),
        Q(amount_from=None) | Q(amount_from__lte=-1 if amount is None else amount),
    )
    rules = Rule.objects.filter(*fits, kind=kind, in_force_at__isnull=False, ended_at=None)
    found = [Candidate(rule, weight_of(rule)) for rule in rules.select_related(*_NAMED)]
    found.sort(key=lambda one: (-one.weight, -_rank(one.rule), one.rule.pk))
    if kind == Rule.Kind.LEVEL and terminal is not None and terminal.raised:
        return Decision("high", None, tuple(found), is_raised=True)
    if found:
        return Decision(found[0].rule.value, found[0].rule, tuple(found))
    is_level = kind == Rule.Kind.LEVEL
    return Decision(settings.DEFAULT_LEVEL if is_level else DEFAULT_STRATEGIES[channel], None)


_NAMED = ("terminal__device", "package", "made_by")


def level_of(**request: Any) -> str:
    """Return the security level that holds: ``high`` or ``low``; arguments as :func:`decide`."""
    return decide(Rule.Kind.LEVEL, **request).value


def strategy_of(**request: Any) -> str:
    """Return the name of the strategy that holds; arguments as :func:`decide`."""
    return decide(Rule.Kind.STRATEGY, **request).value


def weight_of(rule: Rule) -> int:
    """Return how specific a rule is."""
    return sum(weight for name, weight in _WEIGHTS.items() if getattr(rule, name) is not None)


def make_rule(*, operator: "Holder", draft: Draft, now: datetime) -> Rule:
    """Make a rule; unless it is the strictest there can be, another operator has to agree first.

    Returns:
        The rule; ``in_force_at`` is empty while it waits.

    Raises:
        RuleInvalidError, ItemUnknownError: it says nothing, or of nothing.
        NumberInvalidError: the phone number is none.
    """
    _check(draft)
    fields = {name: getattr(draft, name) for name in asdict(draft) if name != "number"}
    if draft.number:
        number = normalise(draft.number)
        fields |= {"number_hash": hash_of(number), "number_tail": number[-4:]}
    with transaction.atomic():
        rule = Rule.objects.create(made_by=operator, created_at=now, **fields)
        order = Order("rule.make", str(rule.pk), {})
        act(order=order, operator=operator, now=now)
    rule.refresh_from_db()
    return rule


def end_rule(*, operator: "Holder", number: int, now: datetime) -> "Approval | None":
    """End a rule; unless it is the laxest there can be, another operator has to agree first.

    Returns:
        What waits now; ``None`` when it has ended.

    Raises:
        RuleEndedError: there is no such rule in force.
        ApprovalWaitsError: this was asked for before.
    """
    return act(order=Order("rule.end", str(number), {}), operator=operator, now=now)


def _check(draft: Draft) -> None:
    if draft.value not in _ranks(draft.kind):
        raise RuleInvalidError("There is no such level or strategy.")
    if draft.package is None and (draft.item, draft.amount_from) != (None, None):
        raise RuleInvalidError("Items and amounts are those of an application: name it.")
    if draft.amount_from is not None and not 1 <= draft.amount_from <= _MOST:
        raise RuleInvalidError("The amount is out of range.")
    if draft.item is not None and not (
        0 <= draft.item <= _MOST
        and Item.objects.filter(build__package=draft.package, number=draft.item).exists()
    ):
        raise ItemUnknownError


def _ranks(kind: str) -> dict[str, int]:
    """Return how strict each value of a kind is."""
    if kind == Rule.Kind.STRATEGY:
        # Not above: one of them asks for the level again.
        from billing.packages.services.strategies import REGISTRY

        return {name: strategy.rank for name, strategy in REGISTRY.items()}
    return LEVELS if kind == Rule.Kind.LEVEL else {}


def _rank(rule: Rule) -> int:
    return _ranks(rule.kind)[rule.value]


def _may_lower_when_made(order: Order) -> bool:
    """Tell whether something stricter could hold without it."""
    rule = Rule.objects.get(pk=int(order.subject))
    return _rank(rule) < max(_ranks(rule.kind).values())


def _may_lower_when_ended(order: Order) -> bool:
    """Tell whether something laxer could hold without it."""
    rule = _in_force(order)
    return _rank(rule) > min(_ranks(rule.kind).values())


def _in_force(order: Order) -> Rule:
    rule = Rule.objects.filter(pk=int(order.subject), in_force_at__isnull=False, ended_at=None)
    if found := rule.first():
        return found
    raise RuleEndedError


def _make(order: Order, actor: str, now: datetime) -> None:
    with transaction.atomic():
        rule = Rule.objects.filter(pk=int(order.subject), in_force_at=None)
        if not rule.update(in_force_at=now):
            raise RuleEndedError
        record(action="rule.made", actor=actor, subject=f"rule:{order.subject}", now=now)


def _end(order: Order, actor: str, now: datetime) -> None:
    with transaction.atomic():
        rule = Rule.objects.filter(pk=int(order.subject), in_force_at__isnull=False, ended_at=None)
        if not rule.update(ended_at=now):
            raise RuleEndedError
        record(action="rule.ended", actor=actor, subject=f"rule:{order.subject}", now=now)


def register() -> None:
    """Let operators make and end rules; called once, when the site starts."""
    register_action("rule.make", Action(_make, always=_may_lower_when_made))
    register_action("rule.end", Action(_end, always=_may_lower_when_ended))
