"""GET /v1/stock: the tokens that nobody has yet."""

from datetime import timedelta

import pytest

from authserver.models import Server
from tests.authserver.batch_files import imported, now
from tests.authserver.conftest import admitted
from tests.authserver.world import Answer, Bank, LocalHost


def stock(host: LocalHost, bank: Bank, query: str = "") -> Answer:
    return host.call("GET", f"/v1/stock{query}", key=bank.key)


def serials(answer: Answer) -> list[str]:
    return [token["serial"] for token in answer.body["tokens"]]


def test_the_stock_is_listed_with_what_a_platform_needs(host: LocalHost, bank: Bank) -> None:
    imported(bank, "A1", "A2")
    answer = stock(host, bank)
    server = Server.objects.get(serial="A1")
    assert answer.body["tokens"][0] == {
        "id": server.pk,
        "vk": server.vk,
        "serial": "A1",
        "suite": "HOTP:SHA1-6",
        "sight": 0,
        "batch": "May",
        "expires_at": None,
    }
    assert serials(answer) == ["A1", "A2"]


def test_tokens_that_somebody_has_or_that_have_ended_are_not_listed(
    host: LocalHost, bank: Bank
) -> None:
    imported(bank, "A1", "A2", "A3")
    Server.objects.filter(serial="A1").update(state="active")
    Server.objects.filter(serial="A2").update(expires_at=now() - timedelta(seconds=1))
    assert serials(stock(host, bank)) == ["A3"]


def test_another_platform_sees_nothing_of_it(host: LocalHost, bank: Bank) -> None:
    imported(bank, "A1")
    other = admitted(Bank.make("other", now()))
    assert serials(stock(host, other)) == []
    assert host.call("GET", "/v1/stock").status == 401


def test_the_stock_is_read_in_parts(host: LocalHost, bank: Bank) -> None:
    imported(bank, *(f"A{number}" for number in range(5)))
    first = stock(host, bank, "?limit=3")
    rest = stock(host, bank, f"?limit=3&after={first.body['next']}")
    assert serials(first) + serials(rest) == [f"A{number}" for number in range(5)]
    assert serials(stock(host, bank, f"?after={rest.body['next']}")) == []


@pytest.mark.parametrize(
    ("query", "found"), [("a", ["A1"]), ("B", ["B1"]), ("1", []), ("%25", [])]
)
def test_the_stock_is_searched_by_how_a_serial_begins(
    host: LocalHost, bank: Bank, query: str, found: list[str]
) -> None:
    imported(bank, "A1", "B1")
    assert serials(stock(host, bank, f"?q={query}")) == found


@pytest.mark.parametrize("query", ["?limit=x", "?limit=1001", "?after=-1", "?q=%00"])
def test_a_query_that_is_none_is_refused(host: LocalHost, bank: Bank, query: str) -> None:
    assert stock(host, bank, query).status == 422
