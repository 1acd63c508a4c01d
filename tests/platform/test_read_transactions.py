"""GET /transactions, /transactions/{tx} and /steps/{S}: for the parties alone."""

import pytest

from tests.platform.world import Person, call, read_receipt, seconds_ago
from transactions.models import Transaction


def test_the_chain_shows_every_step_those_that_came_to_nothing_too(
    anna: Person, ben: Person
) -> None:
    receipt = anna.sign(anna.open())
    ben.post(f"/steps/{ben.follow(receipt)['id']}/cancel")
    ben.sign(ben.follow(receipt))

    chain = anna.get(f"/transactions/{read_receipt(receipt).tx.hex()}")

    assert chain["state"] == "open"
    assert chain["owner"] == anna.account
    assert [(step["position"], step["state"]) for step in chain["steps"]] == [
        (0, "signed"),
        (1, "cancelled"),
        (1, "signed"),
    ]


def test_a_party_and_the_invited_see_the_chain(anna: Person, ben: Person, cora: Person) -> None:
    receipt = anna.sign(anna.open(next={"account": ben.account}))
    path = f"/transactions/{read_receipt(receipt).tx.hex()}"

    assert ben.get(path)["steps"]
    ben.sign(ben.follow(receipt, next={"email": cora.email}))
    assert cora.get(path)["steps"]


def test_a_stranger_sees_nothing(anna: Person, mallory: Person) -> None:
    step = anna.open()

    for path in (f"/transactions/{step['transaction']}", f"/steps/{step['id']}"):
        assert mallory.call("GET", path).refusal == (404, "not_found")
        assert call("GET", path).refusal == (401, "not_authenticated")
    assert mallory.get("/transactions") == {"results": [], "next": None, "previous": None}


@pytest.mark.parametrize("path", ["/transactions/" + "0" * 16, "/steps/" + "0" * 64])
def test_what_is_not_there_is_not_found(anna: Person, path: str) -> None:
    assert anna.call("GET", path).refusal == (404, "not_found")


@pytest.mark.parametrize("path", ["/transactions/xyz", "/transactions/" + "0" * 15, "/steps/1"])
def test_what_is_no_id_is_refused(anna: Person, path: str) -> None:
    assert anna.call("GET", path).refusal == (422, "input_invalid")


def test_an_open_step_is_shown_with_its_challenge(anna: Person) -> None:
    step = anna.open()

    shown = anna.get(f"/steps/{step['id']}")

    assert shown["challenge"] == step["challenge"]


def test_a_signed_step_is_shown_with_its_receipt_and_no_challenge(anna: Person) -> None:
    step = anna.open()
    receipt_id = anna.answer(step).body["receipt_id"]

    shown = anna.get(f"/steps/{step['id']}")

    assert shown["receipt_id"] == receipt_id
    assert shown["decided_at"]
    assert "challenge" not in shown


def test_another_party_sees_the_step_too(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))

    assert anna.get(f"/steps/{step['id']}")["party"]["account"] == ben.account


def test_transactions_are_listed_newest_first_page_by_page(anna: Person) -> None:
    made = []
    for minutes in (30, 20, 10):
        with seconds_ago(60 * minutes):
            made.append(anna.open()["transaction"])

    first = anna.get("/transactions?page_size=2")
    second = anna.get(first["next"].partition("/api/v1")[2])

    assert [row["id"] for row in first["results"]] == [made[2], made[1]]
    assert [row["id"] for row in second["results"]] == [made[0]]
    assert second["next"] is None


def test_an_activation_is_no_transaction_to_list(anna: Person) -> None:
    assert Transaction.objects.filter(owner=anna.holder).exists()
    assert anna.get("/transactions")["results"] == []


@pytest.mark.parametrize(
    "query",
    [
        "cursor=x",
        "cursor=%00",
        "cursor=%ff",
        "cursor=" + "A" * 5000,
        "cursor=cD0yMDI2",
        "cursor=eyJwIjogIngifQ==",
        "page_size=0",
        "page_size=-1",
        "page_size=x",
        "page_size=" + "9" * 30,
        "page_size=" + "9" * 5000,
    ],
)
def test_a_page_that_cannot_be_is_refused_or_bounded(anna: Person, query: str) -> None:
    answer = anna.call("GET", f"/transactions?{query}")

    assert answer.status == 200 or answer.refusal[0] in (400, 422)
