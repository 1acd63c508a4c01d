"""What operators find: by the one box, in lists, and among millions of audit rows."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.selectors import audit_rows
from audit.services import record
from enrolment.models import Token
from tests.platform.operators import LISTS, text_of
from tests.platform.world import (
    Person,
    now,
)
from transactions.models import Step
from transactions.search import transactions_matching


def holder_path(anna: Person, _: Step) -> str:
    return f"/console/holders/{anna.account}"


def token_path(anna: Person, _: Step) -> str:
    return f"/console/tokens/{anna.token.serial}"


def transaction_path(_: Person, step: Step) -> str:
    return f"/console/transactions/{step.transaction}"


def step_path(_: Person, step: Step) -> str:
    return f"/console/transactions/{step.transaction}#{step.public_id}"


def vk(anna: Person) -> str:
    return bytes(Token.objects.get(serial=anna.token.serial).vk).hex()


Key = Callable[[Person, Step], str]
KEYS: dict[str, tuple[Key, Key]] = {
    "an account number": (lambda anna, _: anna.account, holder_path),
    "the beginning of one": (lambda anna, _: anna.account[:9], holder_path),
    "an e-mail address": (lambda anna, _: anna.email.upper(), holder_path),
    "the beginning of it": (lambda anna, _: anna.email[:6], holder_path),
    "a part of a name": (lambda *_: "NN-MAR", holder_path),
    "a holder as audit rows have it": (lambda anna, _: f"holder:{anna.account}", holder_path),
    "a serial": (lambda anna, _: f" {anna.token.serial} ", token_path),
    "the beginning of a serial": (lambda anna, _: anna.token.serial[:10].lower(), token_path),
    "a server id": (lambda anna, _: vk(anna), token_path),
    "a token as audit rows have it": (lambda anna, _: f"token:{anna.token.serial}", token_path),
    "a transaction": (lambda _, step: str(step.transaction), transaction_path),
    "the beginning of its id": (lambda _, step: str(step.transaction)[:7], transaction_path),
    "a step": (lambda _, step: step.public_id, step_path),
    "the beginning of its S": (lambda _, step: step.public_id[:9], step_path),
    "a receipt": (lambda _, step: step.public_receipt_id, step_path),
    "a host": (lambda *_: "local h", lambda *_: "/console/hosts/1"),
}


@pytest.mark.parametrize("what", KEYS)
def test_the_one_box_goes_straight_to_what_it_finds(
    console: Client, anna: Person, signed: Step, what: str
) -> None:
    anna.post("/me", {"name": "Ann-Mari"})
    key, path = KEYS[what]

    answer = console.get("/console/", {"q": key(anna, signed)})

    assert answer.status_code == 302
    assert answer["Location"] == path(anna, signed)


def test_several_of_one_name_are_listed(console: Client, db: None) -> None:
    people = [Person.make("Anna"), Person.make("Annabel")]

    page = text_of(console.get("/console/?q=anna"))

    for person in people:
        assert f'href="/console/holders/{person.account}"' in page


def test_nothing_found_is_said(console: Client) -> None:
    assert "Nothing here is called so" in text_of(console.get("/console/?q=nobody"))


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=%ff%fe",
        "q=%ED%A0%80",
        f"q={'9' * 5000}",
        f"q={'a' * 64}",
        f"q={'A' * 65}",
        "q=%25_%5C'%22;--",
        "q=%D9%A3%D9%A3%D9%A3%D9%A3",
        "q=holder:",
        "q[]=1&q=2&q=3",
        "before=x",
        "before=-1",
        "before=0",
        f"before={'9' * 18}",
        f"before={'9' * 5000}",
        "before=%D9%A3",
        "before=1.5",
        "state=none",
        "state=%00",
        "actor=%00&action=%00&code=%00&subject=%00",
        f"actor={'x' * 5000}",
        "code=''",
    ],
)
def test_no_query_breaks_a_page(console: Client, path: str, query: str) -> None:
    # Straight on where digits happen to begin an account number.
    assert console.get(f"/console/{path}?{query}").status_code in (200, 302)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=25,
)
@given(text=st.text(max_size=40) | st.text("0123456789abcdef", max_size=66))
def test_whatever_is_typed_finds_something_or_nothing(console: Client, text: str) -> None:
    for path in ("?q=", "holders?q=", "tokens?q=", "transactions?state=open&q=", "audit?subject="):
        address = f"/console/{path}{quote(text, errors='surrogatepass')}"
        assert console.get(address).status_code in (200, 302)


def test_lists_are_narrowed_to_a_holder(console: Client, anna: Person, ben: Person) -> None:
    for path in ("holders", "tokens", "transactions"):
        page = text_of(console.get(f"/console/{path}", {"q": "anna@example.com"}))
        assert anna.account in page, path
        assert ben.account not in page, path


def test_transactions_are_found_by_any_party(console: Client, anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    tx = ben.follow(receipt)["transaction"]

    for person in (anna, ben):
        assert tx in text_of(console.get("/console/transactions", {"q": person.account}))


def test_transactions_are_narrowed_by_state(console: Client, anna: Person, signed: Step) -> None:
    tx = str(signed.transaction)
    anna.post(f"/transactions/{tx}/dispute")

    for state, is_there in (("disputed", True), ("", True), ("open", False), ("closed", False)):
        page = text_of(console.get("/console/transactions", {"state": state}))
        assert (tx in page) is is_there, state


# The audit, which has millions of rows.


@pytest.fixture
def many(db: None) -> None:
    """More rows than two pages hold."""
    for number in range(120):
        record(action="test.done", actor="system", subject=str(number), now=now())


def subjects(answer: Any) -> list[str]:
    return [row.subject for row in answer.context["part"].rows]


def test_rows_are_listed_newest_first_a_part_at_a_time(console: Client, many: None) -> None:
    seen, address = [], "/console/audit?action=test.done"
    while address:
        answer = console.get(address)
        seen += subjects(answer)
        older = answer.context["part"].older
        address = f"/console/audit?action=test.done&before={older}" if older else ""
        assert not older or f"?action=test.done&amp;before={older}" in text_of(answer)

    assert seen == [str(number) for number in reversed(range(120))]


def test_a_part_stays_the_same_while_rows_are_added(console: Client, many: None) -> None:
    older = console.get("/console/audit").context["part"].older
    before = subjects(console.get(f"/console/audit?before={older}"))
    record(action="test.done", actor="system", subject="new", now=now())

    assert subjects(console.get(f"/console/audit?before={older}")) == before


@pytest.mark.parametrize("field", ["actor", "action", "subject", "code"])
def test_rows_are_narrowed_by_each_field(console: Client, field: str) -> None:
    common = {"action": "a.b", "actor": "system", "subject": "x", "code": "c"}
    record(**common, now=now())
    record(**{**common, field: "other"}, now=now())

    (row,) = console.get("/console/audit", {field: "other"}).context["part"].rows

    assert getattr(row, field) == "other"


@pytest.mark.parametrize(
    "wanted",
    [{}, {"actor": "a"}, {"action": "a"}, {"subject": "a"}, {"code": "a"}],
    ids=lambda wanted: "".join(wanted) or "all",
)
def test_rows_are_found_by_an_index(db: None, wanted: dict[str, str]) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL reads a small table as a whole")

    plan = audit_rows(**wanted).filter(pk__lt=1000)[:51].explain()

    assert "SEARCH" in plan
    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("state", ["", "closed", "disputed"])
def test_transactions_are_listed_by_an_index(db: None, state: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL reads a small table as a whole")

    plan = transactions_matching("", state=state).filter(pk__lt=1000)[:51].explain()

    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan
