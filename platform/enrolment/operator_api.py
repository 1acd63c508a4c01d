"""Endpoints for operators: the policy, and what waits for a second one of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field, StrictBool, StrictInt

from accounts.security import HOLDER_AUTH, console_actor, console_reader
from common.schemas import Input
from enrolment.models import Approval, Policy
from enrolment.selectors import approvals, current_policy
from enrolment.services.approvals import Order, act, approve, refuse, withdraw

router = Router(auth=HOLDER_AUTH, tags=["operators"])
_MOST = 100


class Rules(Schema):
    """What the policy says."""

    suites: list[str]
    min_digits: StrictInt
    typed_limits: dict[str, StrictInt]
    typed_kinds: list[str]
    ttl_seconds: StrictInt
    max_ttl_seconds: StrictInt
    open_challenges: StrictInt
    max_failures: StrictInt
    locks: list[StrictInt]
    budget: StrictInt
    second_person: StrictBool
    self_assignment: StrictBool
    token_at_sign_in: str
    permits: list[str]
    offline_steps: StrictBool


class PolicyOut(Rules):
    """The policy, and its number."""

    version: int


class PolicyIn(Input, Rules):
    """A policy to take the place of the one of this version."""

    version: StrictInt


class ApprovalOut(Schema):
    """What two operators have to agree to, and how that stands."""

    id: int
    action: str
    subject: str
    arguments: dict[str, Any]
    state: str
    code: str
    asked_by: str = Field(validation_alias="asked_by.account")
    asked_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None

    @staticmethod
    def resolve_decided_by(approval: Approval) -> str | None:
        """Return the account of whoever decided."""
        return approval.decided_by.account if approval.decided_by else None


@router.get("/policy", response=PolicyOut)
def show_policy(request: HttpRequest) -> Policy:
    """Return the policy as it stands."""
    console_reader(request)
    return current_policy()


@router.put("/policy", response={200: PolicyOut, 202: ApprovalOut})
def change_policy(request: HttpRequest, body: PolicyIn) -> Status[Policy | Approval]:
    """Change the policy; with 202 a second operator has to approve it first."""
    operator, fields = console_actor(request), body.model_dump()
    order = Order("policy.change", "policy", {"version": fields.pop("version"), "fields": fields})
    waits = act(order=order, operator=operator, now=timezone.now())
    return Status(200, current_policy()) if waits is None else Status(202, waits)


@router.get("/approvals", response=list[ApprovalOut])
def list_approvals(request: HttpRequest) -> list[Approval]:
    """List the newest hundred of what two operators have to agree to."""
    console_reader(request)
    return list(approvals()[:_MOST])


@router.post("/approvals/{number}/approve", response=ApprovalOut)
def approve_one(request: HttpRequest, number: int) -> Approval:
    """Agree to what another operator asked for: it is done at once."""
    return _decided(request, number, approve)


@router.post("/approvals/{number}/refuse", response=ApprovalOut)
def refuse_one(request: HttpRequest, number: int) -> Approval:
    """Decide that it is not done."""
    return _decided(request, number, refuse)


@router.post("/approvals/{number}/withdraw", response=ApprovalOut)
def withdraw_one(request: HttpRequest, number: int) -> Approval:
    """Take back what the caller asked for."""
    return _decided(request, number, withdraw)


def _decided(request: HttpRequest, number: int, decide: Callable[..., Approval]) -> Approval:
    operator = console_actor(request)
    return decide(number=min(number, 2**62), operator=operator, now=timezone.now())
