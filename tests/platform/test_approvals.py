"""What two operators have to agree to: asked by one, approved by another, done once."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from audit.models import AuditRow
from enrolment.live import ask_server
from enrolment.models import Approval, AuthserverHost, Token
from enrolment.selectors import current_policy
from enrolment.services import approvals
from enrolment.services.approvals import Order, act, end_overdue_approvals
from notices.models import Notice
from tests.platform.operators import auditor, operator
from tests.platform.policies import set_policy
from tests.platform.world import Answer, Person, everything_stored, now, unreachable

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(olga: Person, otto: Person) -> None:
    """A platform where two operators have to agree."""
    set_policy(second_person=True)


def ask(who: Person, action: str = "policy.change", subject: str = "policy") -> Approval:
    """Ask for something; by default for a policy that only differs in one number."""
    arguments: dict[str, Any] = {}
    if action == "policy.change":
        shown = who.get("/policy")
        arguments = {"version": shown.pop("version"), "fields": {**shown, "ttl_seconds": 90}}
    order = Order(action, subject, arguments)
    waits = act(order=order, operator=who.holder, now=now())
    assert waits is not None
    return waits


def decide(who: Person, approval: Approval, decision: str) -> Answer:
    return who.call("POST", f"/approvals/{approval.pk}/{decision}", {})


def rows_of(approval: Approval) -> list[tuple[str, str, str]]:
    rows = AuditRow.objects.filter(subject=str(approval)).order_by("pk")
    return list(rows.values_list("action", "actor", "code"))


# Asking and approving.


def test_change_of_the_policy_waits_and_is_done_when_another_operator_approves(
    two: None, olga: Person, otto: Person
) -> None:
    answer = olga.call("PUT", "/policy", {**olga.get("/policy"), "ttl_seconds": 90})
    assert (answer.status, answer.body["state"]) == (202, "waiting")
    assert current_policy().ttl_seconds == 180

    answer = otto.call("POST", f"/approvals/{answer.body['id']}/approve", {})
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert (answer.body["asked_by"], answer.body["decided_by"]) == (olga.account, otto.account)
    assert current_policy().ttl_seconds == 90


def test_both_people_stand_in_the_audit_and_who_asked_has_done_it(
    two: None, olga: Person, otto: Person
) -> None:
    approval = ask(olga)
    decide(otto, approval, "approve")
    asked, approved = f"operator:{olga.account}", f"operator:{otto.account}"
    assert rows_of(approval) == [
        ("approval.asked", asked, ""),
        ("approval.approved", approved, ""),
        ("approval.done", asked, ""),
    ]
    assert AuditRow.objects.get(action="policy.changed").actor == asked


def test_token_is_revoked_when_a_second_operator_approves(
    two: None, olga: Person, otto: Person, anna: Person
) -> None:
    approval = ask(olga, "token.revoke", anna.token.serial)
    token = Token.objects.get(serial=anna.token.serial)
    assert token.state == ask_server(token).state == "active"
    assert decide(otto, approval, "approve").body["state"] == "done"
    token.refresh_from_db()
    assert token.state == ask_server(token).state == "revoked"


def test_without_the_rule_it_is_done_at_once(olga: Person, otto: Person) -> None:
    answer = olga.call("PUT", "/policy", {**olga.get("/policy"), "ttl_seconds": 90})
    assert (answer.status, current_policy().ttl_seconds) == (200, 90)
    assert not Approval.objects.exists()


def test_other_operators_are_told_by_inbox_and_mail_and_who_asked_is_not(
    two: None, olga: Person, otto: Person, dora: Person
) -> None:
    approval = ask(olga)
    notices = Notice.objects.filter(kind="approval")
    assert [(notice.email, notice.approval) for notice in notices] == [(otto.email, approval.pk)]
    assert notices[0].path == "/console/approvals"


# Who may not.


def test_nobody_approves_or_refuses_what_the_same_person_asked_for(
    two: None, olga: Person
) -> None:
    approval = ask(olga)
    before = everything_stored()
    assert decide(olga, approval, "approve").refusal == (403, "own_approval")
    assert decide(olga, approval, "refuse").refusal == (403, "own_approval")
    assert everything_stored() == before


def test_database_itself_refuses_one_person_in_both_places(two: None, olga: Person) -> None:
    approval = ask(olga)
    rows = Approval.objects.filter(pk=approval.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(state="approved", decided_by=olga.holder)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(state="approved")


@pytest.mark.parametrize("decision", ["approve", "refuse", "withdraw"])
def test_holders_and_auditors_decide_nothing(
    two: None, olga: Person, dora: Person, decision: str
) -> None:
    approval = ask(olga)
    for somebody in (dora, auditor("Rita")):
        assert decide(somebody, approval, decision).refusal == (403, "forbidden")
    assert Approval.objects.get().state == "waiting"


def test_auditors_read_what_waits_and_holders_do_not(
    two: None, olga: Person, dora: Person
) -> None:
    ask(olga)
    assert [row["state"] for row in auditor("Rita").get("/approvals")] == ["waiting"]
    assert dora.call("GET", "/approvals").refusal == (403, "forbidden")


def test_nothing_is_done_for_an_operator_who_is_none_any_more(
    two: None, olga: Person, otto: Person
) -> None:
    approval = ask(olga)
    olga.holder.user.is_staff = False
    olga.holder.user.save()
    assert decide(otto, approval, "approve").refusal == (409, "approval_closed")


def test_only_who_asked_withdraws(two: None, olga: Person, otto: Person) -> None:
    approval = ask(olga)
    assert decide(otto, approval, "withdraw").refusal == (409, "approval_closed")
    assert decide(olga, approval, "withdraw").body["state"] == "withdrawn"
    assert rows_of(approval)[-1] == ("approval.withdrawn", f"operator:{olga.account}", "")


# Once.


@pytest.mark.parametrize("decision", ["approve", "refuse", "withdraw"])
def test_what_is_decided_stays_decided(
    two: None, olga: Person, otto: Person, decision: str
) -> None:
    approval = ask(olga)
    decide(olga if decision == "withdraw" else otto, approval, decision)
    before = everything_stored()
    for who, again in ((otto, "approve"), (otto, "refuse"), (olga, "withdraw")):
        assert decide(who, approval, again).refusal == (409, "approval_closed")
    assert everything_stored() == before


def test_what_is_being_done_is_not_done_by_a_second_approver(
    two: None, olga: Person, otto: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval, udo = ask(olga), operator("Udo")
    late: list[Answer] = []
    done: list[Order] = []

    def slowly(order: Order, *_: Any) -> None:
        done.append(order)
        late.append(decide(udo, approval, "approve"))

    monkeypatch.setitem(approvals._ACTIONS, "policy.change", approvals.Action(slowly))
    assert decide(otto, approval, "approve").body["state"] == "done"
    assert late[0].refusal == (409, "approval_closed")
    assert len(done) == 1


def test_same_thing_is_asked_for_once_until_it_is_decided(
    two: None, olga: Person, otto: Person
) -> None:
    approval = ask(olga)
    changed = {**otto.get("/policy"), "budget": 20}
    assert otto.call("PUT", "/policy", changed).refusal == (409, "approval_waits")
    decide(otto, approval, "refuse")
    assert otto.call("PUT", "/policy", changed).status == 202


# Time and failure.


def test_what_nobody_decided_within_a_day_expires(two: None, olga: Person, otto: Person) -> None:
    approval = ask(olga)
    Approval.objects.update(expires_at=now() - timedelta(seconds=1))
    assert decide(otto, approval, "approve").refusal == (409, "approval_closed")
    end_overdue_approvals(now=now())
    assert Approval.objects.get().state == "expired"
    assert rows_of(approval)[-1] == ("approval.expired", "system", "")


def test_what_cannot_be_done_fails_with_its_code(
    two: None, olga: Person, otto: Person, anna: Person, host: AuthserverHost
) -> None:
    approval = ask(olga, "token.revoke", anna.token.serial)
    with unreachable(host):
        answer = decide(otto, approval, "approve")
    assert (answer.status, answer.body["state"]) == (200, "failed")
    assert answer.body["code"] == "authserver_unavailable"
    assert Token.objects.get(serial=anna.token.serial).state == "active"


def test_policy_that_moved_on_meanwhile_is_not_overwritten(
    two: None, olga: Person, otto: Person
) -> None:
    approval = ask(olga)
    set_policy(version=7)
    assert decide(otto, approval, "approve").body["code"] == "policy_changed"
    assert current_policy().ttl_seconds == 180


def test_what_was_cut_off_while_it_was_done_is_never_done_again(
    two: None, olga: Person, otto: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = ask(olga)

    def cut_off(*_: Any) -> None:
        raise SystemExit

    monkeypatch.setitem(approvals._ACTIONS, "policy.change", approvals.Action(cut_off))
    with pytest.raises(SystemExit):
        approvals.approve(number=approval.pk, operator=otto.holder, now=now())
    end_overdue_approvals(now=now())
    assert Approval.objects.get().state == "approved", "somebody may still be at it"
    end_overdue_approvals(now=now() + timedelta(minutes=11))
    assert (Approval.objects.get().state, Approval.objects.get().code) == ("failed", "interrupted")


# The rule itself.


def test_rule_needs_two_operators(olga: Person) -> None:
    changed = {**olga.get("/policy"), "second_person": True}
    assert olga.call("PUT", "/policy", changed).refusal == (409, "second_operator_missing")
    operator("Otto")
    assert olga.call("PUT", "/policy", changed).status == 200


def test_rule_is_not_ended_by_one_operator_alone(two: None, olga: Person) -> None:
    changed = {**olga.get("/policy"), "second_person": False}
    assert olga.call("PUT", "/policy", changed).status == 202
    assert current_policy().second_person


def test_what_would_be_refused_is_refused_before_anybody_is_asked(two: None, olga: Person) -> None:
    changed = {**olga.get("/policy"), "ttl_seconds": 1}
    assert olga.call("PUT", "/policy", changed).refusal == (422, "value_out_of_range")
    assert not Approval.objects.exists()


def test_rule_is_ended_at_the_machine_when_no_second_operator_is_left(
    two: None, olga: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("end_second_person")
    assert not current_policy().second_person
    assert "one operator acts alone" in capsys.readouterr().out
    row = AuditRow.objects.get(action="policy.changed")
    assert (row.actor, row.subject) == ("system", "1: second_person true > false")
