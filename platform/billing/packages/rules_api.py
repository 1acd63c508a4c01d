"""Endpoints for operators: rules, which of them wins and why, and fraud signals."""

from typing import TYPE_CHECKING, Annotated, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Status
from ninja.pagination import CursorPagination, paginate

from accounts.security import HOLDER_AUTH, console_actor, console_reader
from billing.packages.models import FraudSignal, Rule, Terminal
from billing.packages.rules_schemas import (
    DecisionsOut,
    Hex4,
    RaisedOut,
    ReviewIn,
    RuleIn,
    RuleOut,
    SignalOut,
)
from billing.packages.selectors import package_by_uid
from billing.packages.selectors_rules import (
    any_terminal,
    number_hash_of,
    rule_of,
    rules_in_force,
    signals,
)
from billing.packages.services.rules import Decision, decide, end_rule, make_rule
from billing.packages.services.signals import lower_terminal, raise_by_operator, review_terminal
from common.schemas import Hex8
from enrolment.operator_api import ApprovalOut

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from enrolment.models import Approval

router = Router(auth=HOLDER_AUTH, tags=["operators"])
Asked = Annotated[int | None, Query(ge=0, lt=2**32)]


@router.get("/billing/rules", response=list[RuleOut])
@paginate(CursorPagination, ordering=("-id",))
def list_rules(request: HttpRequest) -> "QuerySet[Rule]":
    """List the rules that are in force, newest first."""
    console_reader(request)
    return rules_in_force()


@router.post("/billing/rules", response={201: RuleOut, 202: RuleOut})
def make(request: HttpRequest, body: RuleIn) -> Status[Rule]:
    """Make a rule; with 202 a second operator has to approve it first."""
    operator = console_actor(request)
    rule = make_rule(operator=operator, draft=body.draft(), now=timezone.now())
    return Status(201 if rule.in_force_at else 202, rule)


@router.post("/billing/rules/{number}/end", response={200: RuleOut, 202: ApprovalOut})
def end(request: HttpRequest, number: int) -> "Status[Rule | Approval | None]":
    """End a rule; with 202 a second operator has to approve it first."""
    operator, number = console_actor(request), min(max(number, 0), 2**62)
    waits = end_rule(operator=operator, number=number, now=timezone.now())
    return Status(200, rule_of(number)) if waits is None else Status(202, waits)


@router.get("/billing/terminals/{uid}/decision", response=DecisionsOut)
def show_decision(
    request: HttpRequest,
    uid: Hex8,
    package: Hex4 | None = None,
    item: Asked = None,
    amount: Asked = None,
    channel: Literal["network", "sms"] = "network",
) -> dict[str, Decision]:
    """Say which level and which strategy hold for a terminal, by which rule, and why."""
    console_reader(request)
    terminal = any_terminal(bytes.fromhex(uid))
    named = package_by_uid(bytes.fromhex(package)) if package else None
    return {
        kind: decide(
            kind,
            terminal=terminal,
            number_hash=number_hash_of(terminal),
            package=named,
            item=item,
            amount=amount,
            channel=channel,
        )
        for kind in Rule.Kind.values
    }


@router.get("/billing/signals", response=list[SignalOut])
@paginate(CursorPagination, ordering=("-id",))
def list_signals(
    request: HttpRequest,
    reason: FraudSignal.Reason | None = None,
    terminal: Hex8 | None = None,
    *,
    fresh: bool = False,
) -> "QuerySet[FraudSignal]":
    """List fraud signals, newest first; ``fresh``: only those that nobody has looked at."""
    console_reader(request)
    return signals(reason=reason or "", terminal=bytes.fromhex(terminal or ""), fresh=fresh)


@router.post("/billing/terminals/{uid}/raise", response=RaisedOut)
def raise_one(request: HttpRequest, uid: Hex8) -> Terminal:
    """Hold a terminal to HIGH, at once."""
    operator, terminal = console_actor(request), any_terminal(bytes.fromhex(uid))
    raise_by_operator(terminal=terminal, operator=operator, now=timezone.now())
    return terminal


@router.post("/billing/terminals/{uid}/lower", response={202: ApprovalOut})
def lower_one(request: HttpRequest, uid: Hex8) -> "Status[Approval | None]":
    """Ask for a terminal to be held to the rules again; another operator has to approve it."""
    operator, terminal = console_actor(request), any_terminal(bytes.fromhex(uid))
    return Status(202, lower_terminal(terminal=terminal, operator=operator, now=timezone.now()))


@router.post("/billing/terminals/{uid}/review", response=RaisedOut)
def review_one(request: HttpRequest, uid: Hex8, body: ReviewIn) -> Terminal:
    """Note that a terminal's signals were looked at, up to one of them."""
    operator, terminal = console_actor(request), any_terminal(bytes.fromhex(uid))
    review_terminal(terminal=terminal, until=body.until, operator=operator, now=timezone.now())
    return terminal
