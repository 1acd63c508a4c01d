"""Servers move to another host and back while their tokens answer: nothing is lost or doubled."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import pytest

from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import CHALLENGES_PER_TOKEN, Answer, Party, at_once
from tests.e2e.second import SecondHost
from tests.postgres import create_database

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

CLIENTS = 8
_VERDICTS = (
    "SELECT server.serial, verdict.seq, verdict.message FROM authserver_verdict AS verdict "
    "JOIN authserver_server AS server ON server.id = verdict.server_id"
)


@pytest.fixture(scope="module")
def second(
    on_postgres: Live, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecondHost]:
    host = SecondHost(
        on_postgres,
        tmp_path_factory.mktemp("second"),
        database_url=create_database(postgres, "moving"),
    )
    with host.up():
        yield host


def sign_all(party: Party, times: int) -> list[Answer]:
    """Answer one challenge after the other, each of them twice."""
    answers = []
    for _ in range(times):
        step = party.open(token=next(iter(party.tokens.values())))
        right = party.code(step)
        answers += [party.answer(step, right), party.answer(step, right)]
    return answers


def test_each_response_is_answered_by_exactly_one_host(
    on_postgres: Live, second: SecondHost
) -> None:
    parties = [on_postgres.party(f"Mover {number}") for number in range(CLIENTS)]
    for party in parties:
        party.enrol()
    serials = [serial for party in parties for serial in party.tokens]

    def there_and_back_and_there() -> list[Answer]:
        for number in ("2", "1", "2"):
            on_postgres.manage("move_token", *serials, "--to", number)
        return []

    calls: list[Callable[[], list[Answer]]] = [there_and_back_and_there]
    calls += [partial(sign_all, party, CHALLENGES_PER_TOKEN - 1) for party in parties]
    during = list(chain.from_iterable(at_once(calls)))
    answers = [*during, *chain.from_iterable(sign_all(party, 1) for party in parties)]

    assert Counter(answer.status for answer in answers) == {200: len(answers)}
    assert all(answer.body["accepted"] for answer in answers)
    first = on_postgres.rows("authserver", _VERDICTS)
    left, all_of_them = _numbered(first), _numbered(second.rows(_VERDICTS))
    told = {bytes.fromhex(answer.body["verdict"]) for answer in answers}
    for serial in serials:
        # One for the activation, and one for each challenge; without a gap, and none twice.
        assert sorted(all_of_them[serial]) == list(range(1, 1 + 1 + CHALLENGES_PER_TOKEN))
        assert left[serial].items() <= all_of_them[serial].items()
    assert told <= {message for numbers in all_of_them.values() for message in numbers.values()}
    assert len(told) == CLIENTS * CHALLENGES_PER_TOKEN
    state = "state = 'moved' AND sealed_seed IS NULL"
    assert on_postgres.count("authserver", "authserver_server", state) == CLIENTS
    slowest = max(ended - began for began, ended in (answer.span for answer in during))
    print(f"{len(during)} answers while servers moved, the slowest in {slowest:.2f} s")  # noqa: T201


# What a platform that died then has done.
_LEFT = """
from enrolment.selectors import client_for, host_by_number, token_by_serial
token, target = token_by_serial("{serial}"), host_by_number(2)
vk, source = bytes(token.vk), token.host.origin
offer = client_for(target).offer(vk=vk, serial=token.serial, suite=token.suite, source=source)
client_for(token.host).move(vk, offer, actor="")
"""


def test_of_many_who_find_that_a_server_has_left_each_is_answered_and_one_writes_it_down(
    on_postgres: Live, second: SecondHost
) -> None:
    party = on_postgres.party("Follower")
    token = party.enrol()
    step = party.open(token=token)
    right = party.code(step)
    on_postgres.manage("shell", "-c", _LEFT.format(serial=token.serial))
    answers = at_once([partial(party.answer, step, right)] * 16)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["verdict"] for answer in answers}) == 1
    rows = "token_id = (SELECT id FROM enrolment_token WHERE serial = ?)"
    assert on_postgres.count("platform", "enrolment_retiredserver", rows, token.serial) == 1
    assert sorted(_numbered(second.rows(_VERDICTS))[token.serial]) == [1, 2]


def _numbered(rows: list[tuple[Any, ...]]) -> dict[str, dict[int, bytes]]:
    """Every verdict of a host, by serial and number."""
    found: dict[str, dict[int, bytes]] = {}
    for serial, seq, message in rows:
        numbers = found.setdefault(serial, {})
        assert seq not in numbers
        numbers[seq] = bytes(message)
    return found
