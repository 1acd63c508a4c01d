"""Transactions and steps as CSV: a holder's own, sent as read, with no formula in any cell."""

import csv
import io
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from common.spreadsheets import csv_answer
from tests.platform.operators import browser_of
from tests.platform.world import PAYMENT, Person, call
from transactions import exports

TABLES = ("/transactions.csv", "/transactions/steps.csv")


def raw(person: Person, path: str) -> bytes:
    answer = browser_of(person).get(f"/api/v1{path}")
    assert answer.status_code == 200
    assert answer.streaming
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    content: bytes = answer.getvalue()
    return content


def table(person: Person, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw(person, path).decode("utf-8-sig"), newline="")))


def test_each_transaction_is_a_row_with_what_its_first_step_asks(
    anna: Person, ben: Person
) -> None:
    step = anna.open()
    ben.sign(ben.follow(anna.sign(step)))
    second = anna.open()

    newest, oldest = table(anna, "/transactions.csv")

    assert (newest["id"], newest["signed_steps"]) == (second["transaction"], "0")
    assert oldest["id"] == step["transaction"]
    assert oldest["signed_steps"] == "2"
    assert oldest["owner"] == anna.account
    assert (oldest["kind"], oldest["amount"], oldest["currency"]) == ("payment", "1250.00", "EUR")


def test_each_step_is_a_row_those_that_came_to_nothing_included(anna: Person, ben: Person) -> None:
    body = anna.answer(anna.open()).body
    given_up = ben.follow(body["receipt"])
    ben.post(f"/steps/{given_up['id']}/decline", {"reason": "=too dear"})

    signed, declined = table(ben, "/transactions/steps.csv")

    assert signed["receipt_id"] == body["receipt_id"]
    assert (signed["state"], signed["account"]) == ("signed", anna.account)
    assert (declined["position"], declined["reason"]) == ("1", "declined")
    assert declined["note"] == "'=too dear"


def test_a_table_holds_nothing_of_others(anna: Person, ben: Person, mallory: Person) -> None:
    anna.sign(anna.open())

    for path in TABLES:
        assert table(ben, path) == table(mallory, path) == []
        assert call("GET", path).refusal == (401, "not_authenticated")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_cell_begins_a_formula(anna: Person, begin: str) -> None:
    words = f'{begin}HYPERLINK("http://evil.example","1")'
    anna.open({**PAYMENT, "text": words, "payee_name": words}, remark=words)

    for path in TABLES:
        (row,) = table(anna, path)
        assert row["text"] == f"'{words}"
        assert not [cell for cell in row.values() if cell.startswith(begin)]


@pytest.mark.parametrize("cell", ["a,b", 'a"b', "a\nb", "a;b", "表"])
def test_a_cell_stays_one_cell(cell: str) -> None:
    answer = csv_answer("x", ["first", "second"], [[cell, None]])

    read = csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"), newline=""))

    assert list(read) == [["first", "second"], [cell, ""]]


def test_a_table_is_read_while_it_is_sent() -> None:
    read: list[int] = []

    def rows() -> Any:
        for number in range(3):
            read.append(number)
            yield [number]

    sent: Any = csv_answer("x", ["n"], rows()).streaming_content
    lines = iter(sent)
    next(lines)
    assert read == []
    next(lines)
    assert read == [0]


def test_a_long_table_is_read_in_parts(
    anna: Person,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    steps = [anna.open(), anna.open(), anna.open()]
    monkeypatch.setattr(exports, "PART", 2)

    with django_assert_max_num_queries(7):
        rows = list(exports.transaction_rows(anna.holder))

    assert [row[0] for row in rows] == [step["transaction"] for step in reversed(steps)]


def test_the_page_of_transactions_leads_to_both_tables(anna: Person) -> None:
    assert "steps.csv" not in browser_of(anna).get("/transactions").content.decode()
    anna.open()

    page = browser_of(anna).get("/transactions").content.decode()

    for path in TABLES:
        assert f'href="/api/v1{path}" download' in page
