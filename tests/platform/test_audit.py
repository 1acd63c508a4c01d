"""The record of decisions: one row for each decision and each refused request, never changed."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from django.db import models

from audit.models import AppendOnlyError, AuditRow
from audit.services import record
from enrolment.models import AuthserverHost
from enrolment.suites import DEFAULT_SUITE
from tests.platform.composing import NEW, form
from tests.platform.operators import browser_of
from tests.platform.world import (
    Person,
    call,
    lose_the_answer,
    now,
    seconds_ago,
    to_base64,
    unreachable,
)
from transactions.services import reconcile_steps


def rows_of(doing: Callable[[], object]) -> list[tuple[str, str, str]]:
    """Return action, actor and code of the rows that something left."""
    last = AuditRow.objects.latest("pk").pk
    doing()
    rows = AuditRow.objects.filter(pk__gt=last).order_by("pk")
    return [(row.action, row.actor, row.code) for row in rows]


def test_a_signature_is_one_row(anna: Person) -> None:
    step = anna.open()
    me = f"holder:{anna.account}"

    assert rows_of(lambda: anna.sign(step)) == [("step.signed", me, "")]
    assert AuditRow.objects.latest("pk").subject == step["id"]


def test_the_same_answer_again_is_no_second_decision(anna: Person) -> None:
    step = anna.open()
    response = anna.response(step)
    anna.answer(step, response)

    assert rows_of(lambda: anna.answer(step, response)) == []


def test_a_wrong_response_is_one_row(anna: Person) -> None:
    step = anna.open()
    me = f"holder:{anna.account}"

    assert rows_of(lambda: anna.answer(step, anna.wrong(step))) == [
        ("response.refused", me, "response_wrong")
    ]


def test_a_lock_out_is_four_wrong_responses_a_refused_step_and_what_is_told(
    anna: Person,
) -> None:
    step = anna.open()
    me = f"holder:{anna.account}"

    assert rows_of(lambda: anna.lock(step)) == [
        *[("response.refused", me, "response_wrong")] * 4,
        ("token.last_try", "system", ""),
        ("step.refused", me, "attempts_exhausted"),
        ("token.locked", "system", ""),
    ]


@pytest.mark.parametrize(("way", "state"), [("cancel", "cancelled"), ("decline", "refused")])
def test_an_ended_step_is_one_row(anna: Person, way: str, state: str) -> None:
    step = anna.open()
    me = f"holder:{anna.account}"
    code = {"cancel": "cancelled", "decline": "declined"}[way]

    assert rows_of(
        lambda: anna.post(
            f"/steps/{step['id']}/{way}", {"reason": "no"} if way == "decline" else {}
        )
    ) == [(f"step.{state}", me, code)]


@pytest.mark.parametrize("way", ["close", "cancel", "dispute"])
def test_an_ended_transaction_is_one_row(anna: Person, way: str) -> None:
    step = anna.open()
    anna.sign(step)

    ((action, actor, _),) = rows_of(
        lambda: anna.post(f"/transactions/{step['transaction']}/{way}")
    )

    assert action.startswith("transaction.")
    assert actor == f"holder:{anna.account}"


def test_a_settled_step_is_the_system_s_row(anna: Person) -> None:
    with seconds_ago(600):
        anna.open()

    assert rows_of(lambda: reconcile_steps(now=now())) == [("step.expired", "system", "expired")]


def test_an_expired_challenge_that_is_answered_is_a_decision_and_a_refusal(anna: Person) -> None:
    with seconds_ago(600):
        step = anna.open()
        response = anna.response(step)
    me = f"holder:{anna.account}"

    assert rows_of(lambda: anna.answer(step, response)) == [
        ("step.expired", "system", "expired"),
        ("request.refused", me, "challenge_expired"),
    ]


REFUSED: dict[str, Callable[[Person], object]] = {
    "text_too_long": lambda anna: anna.try_open(remark="x" * 121),
    "input_invalid": lambda anna: anna.try_open(ttl="long"),
    "request_malformed": lambda anna: anna.call("POST", "/transactions", b"{"),
    "token_not_paired": lambda anna: anna.try_open(token="NOSUCH"),
    "receipt_not_ours": lambda anna: anna.call(
        "POST", f"/transactions/{'0' * 16}/steps", anna.part(receipt="x")
    ),
    "token_not_active": lambda anna: anna.call("POST", f"/tokens/{anna.token.serial}/resume"),
    "suite_invalid": lambda anna: anna.call("POST", "/tokens", {"suite": "x"}),
    "response_malformed": lambda anna: anna.answer(anna.open(), "1"),
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_refused_request_is_one_row(anna: Person, code: str) -> None:
    me = f"holder:{anna.account}"

    assert rows_of(lambda: REFUSED[code](anna)) == [("request.refused", me, code)]


def on_page(person: Person, path: str, **fields: object) -> object:
    return browser_of(person).post(path, fields)


REFUSED_ON_PAGES: dict[str, Callable[[Person], object]] = {
    "token_not_paired": lambda anna: on_page(anna, NEW, **form(anna, token="NOSUCH")),
    "not_your_turn": lambda anna: on_page(
        anna, f"/continue/{anna.answer(anna.open()).body['receipt_id']}", **form(anna)
    ),
    "response_malformed": lambda anna: on_page(
        anna, f"/steps/{anna.open()['id']}", action="respond", response="1"
    ),
    "transaction_closed": lambda anna: on_page(
        anna, f"/transactions/{anna.open()['transaction']}", action="close"
    ),
    "authserver_unavailable": lambda anna: on_page(
        anna, "/tokens/new", suite=DEFAULT_SUITE, name="x"
    ),
}


@pytest.mark.parametrize("code", REFUSED_ON_PAGES)
def test_a_form_that_is_refused_is_one_row(anna: Person, host: AuthserverHost, code: str) -> None:
    me = f"holder:{anna.account}"
    with unreachable(host) if code == "authserver_unavailable" else nullcontext():
        rows = rows_of(lambda: REFUSED_ON_PAGES[code](anna))

    assert [row for row in rows if row[0] == "request.refused"] == [("request.refused", me, code)]


def test_a_response_that_the_server_refuses_is_one_row(anna: Person) -> None:
    other = anna.open()
    anna.lock(anna.open())
    me = f"holder:{anna.account}"

    assert rows_of(lambda: anna.answer(other)) == [("request.refused", me, "token_locked")]


def test_an_outage_is_one_row(anna: Person, host: AuthserverHost) -> None:
    step = anna.open()
    me = f"holder:{anna.account}"

    with unreachable(host):
        rows = rows_of(lambda: anna.answer(step))

    assert rows == [("request.refused", me, "authserver_unavailable")]


@pytest.mark.parametrize("kind", ["response", "decline"])
def test_what_a_token_is_refused_is_one_row_in_its_own_name(anna: Person, kind: str) -> None:
    step = anna.open()
    body = {"s": step["id"], "tag": to_base64(bytes(32)), kind: "12345678"}

    assert rows_of(lambda: call("POST", "/responses", body)) == [
        ("request.refused", f"token:{anna.token.serial}", "tag_wrong")
    ]


def test_a_stranger_without_a_key_leaves_no_row(anna: Person) -> None:
    assert rows_of(lambda: call("POST", "/transactions", {})) == []


def test_looking_leaves_no_row(anna: Person) -> None:
    step = anna.open()

    assert rows_of(lambda: anna.get(f"/steps/{step['id']}")) == []


def test_a_lost_answer_is_one_row_when_it_is_found(anna: Person) -> None:
    step = anna.open()
    response = anna.response(step)
    lose_the_answer(step, response)

    assert rows_of(lambda: anna.answer(step, response)) == [
        ("step.signed", f"holder:{anna.account}", "")
    ]


def test_rows_hold_ids_and_no_text(anna: Person) -> None:
    step = anna.open(remark="very private")
    anna.post(f"/steps/{step['id']}/decline", {"reason": "quite secret"})

    kept = str(list(AuditRow.objects.values_list()))
    assert "private" not in kept
    assert "secret" not in kept


@pytest.fixture
def row(db: None) -> AuditRow:
    record(action="test.done", actor="system", subject="x", now=now())
    return AuditRow.objects.get()


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.save(),
        lambda row: row.delete(),
        lambda _: AuditRow.objects.update(actor="nobody"),
        lambda _: AuditRow.objects.all().delete(),
        lambda _: AuditRow.objects.filter(actor="system").delete(),
    ],
)
def test_a_row_is_never_changed(row: AuditRow, change: Callable[[models.Model], object]) -> None:
    with pytest.raises(AppendOnlyError):
        change(row)

    assert AuditRow.objects.get().actor == "system"
    assert str(row) == "test.done x by system"
