"""The operators' pages of the policy and of what two of them have to agree to."""

from typing import Any

import pytest
from django.test import Client

from audit.models import AuditRow
from common import words
from console import ordered
from enrolment.authserver_client import AuthserverClient
from enrolment.models import Approval, AuthserverHost, Policy, Token
from enrolment.selectors import current_policy
from enrolment.services import approvals
from protocol.verdict import Reason
from tests.platform.operators import auditor, browser_of, operator, text, text_of
from tests.platform.policies import set_policy
from tests.platform.world import DEFAULT_SUITE, Person, everything_stored

pytestmark = pytest.mark.django_db

POLICY, APPROVALS = "/console/policy", "/console/approvals"


def filled(**changes: Any) -> dict[str, Any]:
    """The form of the policy, as a browser sends it."""
    return {
        "version": str(current_policy().version),
        "suites": [DEFAULT_SUITE],
        "further": "GMT0021:SM3-8:T60-Q64",
        "min_digits": "8",
        "typed_kinds": ["payment", "approval"],
        "typed_limits": "EUR 1,250.50\nJPY 5000",
        "ttl_seconds": "90",
        "max_ttl_seconds": "300",
        "open_challenges": "2",
        "max_failures": "3",
        "locks": "60, 600, 3600, 86400",
        "budget": "20",
        "self_assignment": "on",
        "token_at_sign_in": "required",
        "permits": ["step"],
        "offline_steps": "on",
        **changes,
    }


@pytest.fixture
def otto(db: None) -> Client:
    """Another operator's browser."""
    return browser_of(operator("Otto"))


# The policy.


def test_form_saves_all_that_the_policy_says(console: Client) -> None:
    assert console.post(POLICY, filled())["Location"] == POLICY
    saved = Policy.objects.values().get()
    assert saved == {
        "id": 1,
        "version": 1,
        "suites": [DEFAULT_SUITE, "GMT0021:SM3-8:T60-Q64"],
        "min_digits": 8,
        "typed_limits": {"EUR": 125_050, "JPY": 5000},
        "typed_kinds": ["payment", "approval"],
        "ttl_seconds": 90,
        "max_ttl_seconds": 300,
        "open_challenges": 2,
        "max_failures": 3,
        "locks": [60, 600, 3600, 86400],
        "budget": 20,
        "second_person": False,
        "self_assignment": True,
        "token_at_sign_in": "required",
        "permits": ["step"],
        "offline_steps": True,
    }


def test_form_that_is_sent_back_as_it_is_shown_changes_nothing(console: Client) -> None:
    console.post(POLICY, filled())
    before = Policy.objects.values().get()
    form = console.get(POLICY).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in shown.items() if value not in (None, False)}
    console.post(POLICY, sent)
    assert Policy.objects.values().get() == {**before, "version": 2}
    assert not AuditRow.objects.filter(subject__startswith="2:").exists()


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"typed_limits": "EUR"}, "typed_limits", "each currency once"),
        ({"typed_limits": "EUR 5\nEUR 6"}, "typed_limits", "each currency once"),
        ({"typed_limits": "EUR 1.250"}, "typed_limits", "can be read in two ways"),
        ({"typed_limits": "XXY 5"}, "typed_limits", "currency is not known"),
        ({"locks": "soon"}, "locks", "four numbers"),
        ({"locks": "1, 2, 3, 4"}, "locks", "not among the values"),
        ({"ttl_seconds": "9"}, "ttl_seconds", "not among the values"),
        ({"further": "nonsense"}, "suites", "not a suite"),
        ({"version": "7"}, "__all__", "Somebody else changed the policy"),
    ],
)
def test_what_cannot_be_saved_is_said_beside_its_field(
    console: Client, changes: dict[str, Any], field: str, told: str
) -> None:
    before = everything_stored()
    answer = console.post(POLICY, filled(**changes))
    assert answer.status_code in (409, 422)
    assert told in " ".join(answer.context["form"].errors[field])
    assert everything_stored() == before


def test_form_says_what_each_number_may_be(console: Client) -> None:
    page = text(console.get(POLICY))
    assert "Seconds, from 30 to 600." in page
    assert "From 1 to 5." in page


def test_page_says_which_host_knows_the_policy(
    console: Client, host: AuthserverHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_policy(version=3)
    assert "Is to be told yet" in text_of(console.get(POLICY))
    monkeypatch.setattr(AuthserverClient, "put_policy", lambda *_, **__: {})
    assert console.post(POLICY, {"tell": "all"})["Location"] == POLICY
    assert "Knows this version" in text_of(console.get(POLICY))


def test_page_shows_who_changed_what(console: Client, olga: Person) -> None:
    console.post(POLICY, filled())
    page = text(console.get(POLICY))
    assert "policy.changed" in page
    assert f"operator:{olga.account}" in page


# Two operators.


def test_page_says_that_a_second_operator_was_asked(console: Client, otto: Client) -> None:
    set_policy(second_person=True)
    page = text(console.post(POLICY, filled(second_person="on"), follow=True))
    assert "A second operator was asked. Nothing has changed yet." in page
    assert "This waits for a second operator" in page
    assert current_policy().ttl_seconds == 180

    waits = text(otto.get(APPROVALS))
    assert "Usual life" in waits
    assert "180 > 90" in waits
    number = Approval.objects.get().pk
    otto.post(APPROVALS, {"number": number, "decision": "approve"})
    assert current_policy().ttl_seconds == 90
    assert "Nothing waits for a second operator." in text(console.get(APPROVALS))


def test_navigation_counts_what_waits(console: Client, otto: Client) -> None:
    set_policy(second_person=True)
    assert '<span class="count">' not in text_of(console.get(APPROVALS)).split("subnav")[1]
    console.post(POLICY, filled())
    assert '<span class="count">1</span>' in text_of(otto.get("/console/tokens"))


def test_who_asked_may_take_it_back_and_is_offered_no_approval(
    console: Client, otto: Client
) -> None:
    set_policy(second_person=True)
    console.post(POLICY, filled())
    number = Approval.objects.get().pk
    page = text_of(console.get(APPROVALS))
    assert 'value="approve"' not in page
    refused = console.post(APPROVALS, {"number": number, "decision": "approve"})
    assert "You asked for this yourself" in text_of(refused, 403)
    console.post(APPROVALS, {"number": number, "decision": "withdraw"})
    assert Approval.objects.get().state == "withdrawn"


def test_one_person_in_two_browsers_is_one_person(
    console: Client, olga: Person, otto: Client
) -> None:
    set_policy(second_person=True)
    console.post(POLICY, filled())
    number = Approval.objects.get().pk
    elsewhere = browser_of(olga)
    assert elsewhere.post(APPROVALS, {"number": number, "decision": "approve"}).status_code == 403
    assert Approval.objects.get().state == "waiting"


@pytest.mark.parametrize(
    "sent", [{}, {"number": "x", "decision": "approve"}, {"number": "1", "decision": "do"}]
)
def test_decision_that_is_none_is_refused(console: Client, sent: dict[str, str]) -> None:
    assert console.post(APPROVALS, sent).status_code == 400


def test_token_page_asks_a_second_operator_to_revoke(
    console: Client, otto: Client, anna: Person
) -> None:
    set_policy(second_person=True)
    path = f"/console/tokens/{anna.token.serial}"
    page = text(console.post(path, {"action": "revoke"}, follow=True))
    assert "This waits for a second operator" in page
    assert "Asked of a second operator" in page
    assert Token.objects.get(serial=anna.token.serial).state == "active"
    again = console.post(path, {"action": "revoke"})
    assert "waits for a second operator already" in text_of(again, 409)


# Auditors.


@pytest.mark.parametrize("path", [POLICY, APPROVALS, "/console/tokens", "/console/stock"])
def test_auditors_see_pages_without_anything_to_do(otto: Client, olga: Person, path: str) -> None:
    set_policy(second_person=True)
    browser_of(olga).post(POLICY, filled())
    page = text_of(browser_of(auditor("Rita")).get(path)).split("<main")[1].split("</main")[0]
    assert 'method="post"' not in page.replace('<form method="post" novalidate>', "", 1)
    assert 'value="approve"' not in page


@pytest.mark.parametrize("path", [POLICY, APPROVALS, "/console/stock/ABC"])
def test_what_auditors_send_is_refused_and_noted(db: None, path: str) -> None:
    reader = auditor("Rita")
    assert browser_of(reader).post(path, filled()).status_code == 403
    row = AuditRow.objects.get(action="request.refused")
    assert (row.actor, row.subject, row.code) == (reader.holder.actor, path, "forbidden")


# Words.


def test_search_finds_what_audit_rows_call_an_approval(console: Client, otto: Client) -> None:
    set_policy(second_person=True)
    console.post(POLICY, filled())
    approval = Approval.objects.get()
    found = console.get("/console/", {"q": str(approval)})
    assert found["Location"] == f"{APPROVALS}#approval-{approval.pk}"
    for nothing in ("approval:", "approval:x", f"approval:{'9' * 30}", "approval:99"):
        assert "Nothing here is called so" in text(console.get("/console/", {"q": nothing}))


def test_everything_that_needs_two_operators_has_words() -> None:
    assert set(ordered.WORDS) == set(approvals._ACTIONS)


def test_every_reason_of_a_verdict_has_words() -> None:
    assert set(words.REASONS) == {reason.name.lower() for reason in Reason}


def test_code_of_a_refusal_stands_with_its_sentence(console: Client, dora: Person) -> None:
    assert dora.call("GET", "/policy").refusal == (403, "forbidden")
    page = text(console.get("/console/audit"))
    assert "forbidden" in page
    assert "This page is not for you." in page
    assert "This page is not for you." in text(console.get("/console/"))
