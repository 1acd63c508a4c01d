"""Rules of security levels and strategies; and which of them wins for a terminal, and why."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.carrying_out import carry_out
from accounts.security import HolderRequest
from billing.packages import selectors, words
from billing.packages.selectors_rules import number_hash_of, rules_in_force
from billing.packages.services.rules import Decision, decide, make_rule, weight_of
from billing.packages.services.strategies import REGISTRY
from common.errors import DomainError
from common.pages import malformed
from common.paging import part_of
from console.rules_form import CaseForm, RuleForm
from console.security import operators_only
from console.views.acting import WAITS, ordered
from enrolment.selectors import waiting_approvals
from enrolment.services.approvals import Order

if TYPE_CHECKING:
    from billing.packages.models import Package, Rule

_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Line:
    """A rule in words.

    Attributes:
        rule: The row.
        kind: Level or strategy.
        says: What it sets.
        conditions: To what it applies: labels, and what stands behind them; none for everything.
        weight: How specific it is.
    """

    rule: "Rule"
    kind: Promise
    says: str
    conditions: list[tuple[str, str]]
    weight: int

    @classmethod
    def of(cls, rule: "Rule") -> "Line":
        """Put a rule in words."""
        said = words.value_words(rule.kind, rule.value)
        kind = words.KINDS[rule.kind]
        return cls(rule, kind, said, words.conditions(rule), weight_of(rule))


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds for a case, of one kind.

    Attributes:
        kind: Level or strategy, in words.
        says: What holds.
        decision: Which rule says so, and why.
        lines: All rules that fit, the winner first.
        is_open: Whether this strategy is possible on the channel at all.
    """

    kind: Promise
    says: str
    decision: Decision
    lines: list[Line]
    is_open: bool


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def rules(request: HolderRequest) -> HttpResponse:
    """Show rules, and what holds for the case in the address; POST ``action``: ask, make, end."""
    asked = {"channel": "network", **request.GET.dict()}
    rule_form, case_form = RuleForm(), CaseForm(asked if "terminal" in asked else None)
    refusal, status = None, int(HTTPStatus.OK)
    result: HttpResponse | DomainError | int = status
    if request.method == "POST":
        action = request.POST.get("action", "")
        if action == "ask":
            case_form = CaseForm(request.POST)
            result = _ask(request, case_form)
        elif action == "make":
            rule_form = RuleForm(request.POST)
            result = _make(request, rule_form)
        else:
            result = _end(request)
    if isinstance(result, HttpResponse):
        return result
    if isinstance(result, DomainError):
        refusal, status = result, result.status
    else:
        status = result
    part = part_of(rules_in_force(), request)
    is_asked = case_form.is_valid()
    context = {
        "rule_form": rule_form,
        "case_form": case_form,
        "case": case_form.cleaned_data if is_asked else None,
        "holdings": _holdings(case_form) if is_asked else [],
        "lines": [Line.of(rule) for rule in part.rows],
        "part": part,
        "default_level": words.LEVELS[settings.DEFAULT_LEVEL],
        "waiting": waiting_approvals().filter(action__startswith="rule."),
        "refusal": refusal,
    }
    return render(request, "console/rules.html", context, status=status)


def _ask(request: HolderRequest, form: CaseForm) -> HttpResponse | int:
    """Go to the page with the answer; the number is posted, since addresses are logged."""
    if not form.is_valid():
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return redirect(f"{request.path}?{urlencode(form.address())}")


def _make(request: HolderRequest, form: RuleForm) -> HttpResponse | int:
    made: list[Rule] = []

    def do(**_typed: object) -> None:
        now = timezone.now()
        made.append(make_rule(operator=request.holder, draft=form.draft(), now=now))

    if status := carry_out(request, form, do):
        return status
    messages.success(request, str(_("The rule holds.") if made[0].in_force_at else WAITS))
    return redirect(request.path)


def _end(request: HolderRequest) -> HttpResponse | DomainError:
    number = request.POST.get("end", "")
    if not (number.isascii() and number.isdecimal() and len(number) <= _MAX_DIGITS):
        return malformed(request)
    return ordered(request, Order("rule.end", number, {}), _("The rule has ended."))


def _holdings(form: CaseForm) -> list[Holding]:
    """Decide the case; an amount that was left out is the price of the item."""
    typed = form.cleaned_data
    terminal, package, item = typed["terminal"], typed["package"], typed["item"]
    asked: dict[str, Any] = {
        "terminal": terminal,
        "number_hash": number_hash_of(terminal),
        "package": package,
        "item": item,
        "amount": _price(package, item) if typed["amount"] is None else typed["amount"],
        "channel": typed["channel"],
    }
    return [_holding(kind, decide(kind, **asked), typed["channel"]) for kind in words.KINDS]


def _holding(kind: str, decision: Decision, channel: str) -> Holding:
    return Holding(
        kind=words.KINDS[kind],
        says=words.value_words(kind, decision.value),
        decision=decision,
        lines=[Line.of(candidate.rule) for candidate in decision.candidates],
        is_open=kind == "level" or channel in REGISTRY[decision.value].channels,
    )


def _price(package: "Package | None", item: int | None) -> int | None:
    if package is None or item is None:
        return None
    try:
        return selectors.item_of(selectors.newest_build(package), item).amount
    except DomainError:
        return None
