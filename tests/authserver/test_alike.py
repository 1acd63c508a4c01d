"""What is not the caller's is answered alike and at like cost: asking tells nobody what exists."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from authserver.base64url import encode
from protocol.statement import Kind
from tests.authserver.conftest import admitted
from tests.authserver.test_stock import put_into_stock
from tests.authserver.world import Answer, Bank, LocalHost, Paired

S, NOBODY = "0" * 64, "0" * 16
CALLS = [
    *(("GET", "/v1/servers/{vk}"), ("GET", "/v1/servers/{vk}/verdicts/" + S)),
    *(("POST", "/v1/servers/{vk}/verdicts"), ("POST", "/v1/servers/{vk}/proofs")),
    *(("POST", "/v1/servers/{vk}/suspend"), ("POST", "/v1/servers/{vk}/unlock")),
]


def body_of(paired: Paired, path: str) -> dict[str, object] | None:
    answered = paired.answered(paired.statement(), "00000000")
    bodies: dict[str, dict[str, object]] = {
        "verdicts": answered | {"last_seq": 0},
        "proofs": {
            "statement": answered["statement"],
            "certificate": answered["certificate"],
            "challenge": S,
        },
        "suspend": {},
        "unlock": {"proof": "passkey"},
    }
    return bodies.get(path.rsplit("/", 1)[-1])


def asked(
    host: LocalHost, method: str, path: str, body: object, key: str
) -> tuple[Answer, list[str]]:
    """Ask; return the answer without what is of the request alone, and the kinds of queries."""
    with CaptureQueriesContext(connection) as queries:
        answer = host.call(method, path, body, key)
    told = {name: value for name, value in answer.body.items() if name != "trace_id"}
    kinds = [query["sql"].split()[0].strip(";") for query in queries.captured_queries]
    return Answer(answer.status, told), kinds


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("who", ["a stranger", "another platform"])
def test_a_server_of_somebody_else_and_none_are_answered_alike(
    active: Paired, host: LocalHost, method: str, path: str, who: str
) -> None:
    key = "unknown" if who == "a stranger" else admitted(Bank.make("shop", datetime.now(UTC))).key
    body = body_of(active, path)
    # Once in front, for what is made once in a process.
    asked(host, method, path.format(vk=NOBODY), body, key)
    nobodys = asked(host, method, path.format(vk=NOBODY), body, key)
    theirs = asked(host, method, path.format(vk=active.vk), body, key)
    assert nobodys == theirs
    assert nobodys[0].code == ("not_authenticated" if who == "a stranger" else "server_unknown")


def test_no_serial_tells_whether_it_exists(paired: Paired, host: LocalHost) -> None:
    stocked = put_into_stock(paired)
    app = Paired.make(host, paired.bank)
    shop = admitted(Bank.make("shop", datetime.now(UTC)))

    def assign(serial: str, bank: Bank) -> tuple[Answer, list[str]]:
        body = {"serial": serial, "certificate": encode(bank.certificate), "label": ""}
        return asked(host, "POST", "/v1/servers/assign", body, bank.key)

    none = assign("NOBODYS", shop)
    assert none[0].code == "serial_unknown"
    assert none == assign(stocked.serial, shop)
    assert assign("NOBODYS", paired.bank) == assign(app.serial, paired.bank)


@pytest.mark.parametrize("suite", ["OCRA-1:HOTP-SHA256-8:QN10-T1M", "HOTP:SHA1-6"])
def test_a_wrong_response_costs_alike_however_near_it_is(
    host: LocalHost, bank: Bank, suite: str
) -> None:
    paired = Paired.make(host, bank, suite)
    paired.activate()
    kind = Kind.ORDER if paired.token.suite.has_question else Kind.LOGIN
    found = []
    for number in range(3):
        statement = paired.statement(kind, number=number)
        right = paired.token.respond(statement)
        near = {
            0: paired.wrong(statement),
            1: right[:-1] + str((int(right[-1]) + 1) % 10),
            2: str((int(right[0]) + 1) % 10) + right[1:],
        }[number]
        answer, kinds = asked(
            host,
            "POST",
            f"/v1/servers/{paired.vk}/{'verdicts' if kind is Kind.ORDER else 'logins'}",
            paired.answered(statement, near) | {"last_seq": 0},
            bank.key,
        )
        assert answer.body.pop("tries_left") == 4 - number
        found.append((answer, kinds))
    # The first of them has no earlier one that it could repeat.
    assert found[1] == found[2]
    assert found[0][0] == found[1][0]
