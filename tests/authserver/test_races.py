"""Many calls at once, against the served host on SQLite and on PostgreSQL."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any

import pytest

from authserver.base64url import encode
from protocol.statement import Kind
from tests.authserver.served import ServedHost, admitted, at_once, run, serving
from tests.authserver.world import Answer, Bank, Paired, Token
from tests.migrated import fill
from tests.postgres import create_database

pytestmark = pytest.mark.enable_socket


@pytest.fixture(autouse=True)
def clock() -> None:
    """Leave the clock alone: the served host has the real time."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Settings of a host with a database of its own, migrated and set up."""
    folder = tmp_path_factory.mktemp("host")
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'authserver.sqlite3'}"
    else:
        url = create_database(request.getfixturevalue("postgres"), "authserver_races")
    environment = os.environ | {
        "AUTHSERVER_DATABASE_URL": url,
        "AUTHSERVER_ROOT_KEY_FILE": str(folder / "root.key"),
        "AUTHSERVER_LOG_LEVEL": "ERROR",
    }
    fill(url, "authserver")
    run(environment, "init")
    return environment


@pytest.fixture(scope="module")
def served(environment: dict[str, str]) -> Iterator[ServedHost]:
    with serving(environment, "authserver", "serve") as host:
        yield host


@pytest.fixture(scope="module")
def bank(environment: dict[str, str]) -> Bank:
    return admitted(environment, "bank")


@pytest.fixture
def racing(served: ServedHost, bank: Bank) -> Paired:
    """An active token of the served host."""
    paired = Paired.make(served, bank)
    paired.activate()
    return paired


def reasons(answers: list[Answer]) -> Counter[Any]:
    return Counter(answer.body.get("reason", answer.code) for answer in answers)


def test_thirty_two_right_responses_at_once_give_one_verdict(racing: Paired) -> None:
    statement = racing.statement()
    right = racing.token.respond(statement)
    answers = at_once([partial(racing.answer, statement, right)] * 32)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.raw for answer in answers}) == 1
    assert racing.status()["seq"] == 2


def wrong_ones(paired: Paired, number: int) -> list[Callable[[], Answer]]:
    statement = paired.statement()
    return [
        partial(paired.answer, statement, paired.wrong(statement, place))
        for place in range(number)
    ]


def test_of_two_hundred_wrong_responses_at_once_five_are_evaluated(racing: Paired) -> None:
    answers = at_once(wrong_ones(racing, 200))
    assert reasons(answers) == {"response_wrong": 4, "attempts_exhausted": 196}
    left = sorted(answer.body["tries_left"] for answer in answers)[-4:]
    assert left == [1, 2, 3, 4]
    assert racing.status()["seq"] == 2


def test_the_same_wrong_response_at_once_is_counted_once(racing: Paired) -> None:
    statement = racing.statement()
    wrong = racing.wrong(statement)
    answers = at_once([partial(racing.answer, statement, wrong)] * 32)
    assert {answer.body["tries_left"] for answer in answers} == {4}
    assert racing.status()["tries_left"] == 4


def test_wrong_responses_to_many_statements_at_once_share_the_tries(racing: Paired) -> None:
    def guess(number: int) -> Answer:
        statement = racing.statement(number=number)
        return racing.answer(statement, racing.wrong(statement))

    answers = at_once([partial(guess, number) for number in range(32)])
    assert reasons(answers) == {"response_wrong": 4, "attempts_exhausted": 1, "token_locked": 27}


def test_verdicts_of_one_token_at_once_are_numbered_without_a_gap(racing: Paired) -> None:
    statements = [racing.statement(number=number) for number in range(12)]
    answers = at_once([partial(racing.answer, statement) for statement in statements])
    assert all(answer.body["accepted"] for answer in answers)
    assert racing.status()["seq"] == 1 + 12


def test_void_and_response_at_once_give_one_verdict(racing: Paired) -> None:
    statement = racing.statement()
    right = racing.token.respond(statement)
    calls = [partial(racing.answer, statement, right), partial(racing.void, statement)]
    answers = at_once(calls * 12)
    assert len({answer.body["verdict"] for answer in answers}) == 1
    assert racing.status()["seq"] == 2


def test_the_same_share_at_once_gets_one_answer(served: ServedHost, bank: Bank) -> None:
    paired = Paired.make(served, bank)
    answers = at_once([partial(paired.enrol, paired.token.share)] * 16)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.raw for answer in answers}) == 1


def test_of_two_shares_at_once_one_is_answered_and_the_server_is_dead(
    served: ServedHost, bank: Bank
) -> None:
    paired = Paired.make(served, bank)
    shares = [Token(paired.token.suite).share for _ in range(8)]
    answers = at_once([partial(paired.enrol, share) for share in shares])
    assert reasons(answers)["ticket_used"] == 7
    assert paired.status()["state"] == "revoked"


def test_of_many_presses_at_once_one_shows_the_code(served: ServedHost, bank: Bank) -> None:
    paired = Paired.make(served, bank)
    form = {"link": paired.invitation.to_link(), "show": "code"}
    answers = at_once([partial(served.post_form, "/e", form)] * 16)
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 15}
    assert [b"data:image/png" in answer.raw for answer in answers].count(True) == 1
    assert paired.status()["state"] == "enrolled"


def test_digits_guessed_at_once_are_judged_three_times(served: ServedHost, bank: Bank) -> None:
    paired = Paired.make(served, bank)
    paired.enrol()
    answers = at_once([partial(paired.confirm, "00000000")] * 32)
    assert reasons(answers) == {"digits_wrong": 2, "enrolment_void": 1, "state_conflict": 29}


def play(paired: Paired, number: int, kinds: Sequence[str]) -> list[tuple[str, Answer]]:
    """Do one thing after the other to a token, each attempt on a statement of its own."""
    done = []
    for place, kind in enumerate(kinds):
        if kind == "wrong":
            statement = paired.statement(number=1000 * number + place)
            answer = paired.answer(statement, paired.wrong(statement, number))
        elif kind == "unlock":
            answer = paired.unlock()
        else:
            answer = paired.call("POST", f"/{kind}")
        done.append((kind, answer))
    return done


def all_at_once(
    plays: Sequence[Callable[[], list[tuple[str, Answer]]]],
) -> list[tuple[str, Answer]]:
    """Let every player play in a thread of its own; return what all of them were answered."""
    with ThreadPoolExecutor(len(plays)) as threads:
        return list(chain.from_iterable(threads.map(lambda play: play(), plays)))


def test_sixteen_at_one_token_get_no_more_tries_than_one(racing: Paired) -> None:
    before = racing.status()["seq"]
    chooser = random.Random(16)  # noqa: S311  # no secret
    kinds = ["wrong"] * 8 + ["unlock"] * 3 + ["suspend", "resume", "resume"]
    done = all_at_once(
        [partial(play, racing, number, chooser.choices(kinds, k=20)) for number in range(16)]
    )
    racing.call("POST", "/resume")
    attempts = [answer for kind, answer in done if kind == "wrong"]
    found = reasons(attempts)
    assert found.keys() <= {
        *("response_wrong", "attempts_exhausted"),
        *("token_locked", "token_not_active"),
    }
    wrong, ended = found["response_wrong"], found["attempts_exhausted"]
    status, told = racing.status(), Counter(kinds_told(racing))
    # Every fifth one locks, and nothing else gives five more than an unlocking.
    in_a_row = 0 if status["locked"] else 5 - status["tries_left"]
    assert wrong + ended == 5 * ended + in_a_row
    assert told["locked"] + told["blocked"] == ended == status["seq"] - before
    assert ended - 1 <= told["unlocked"] <= ended
    assert status["failures"] in (wrong + ended, wrong + ended - 30)
    assert 10 <= wrong + ended <= 60


def kinds_told(paired: Paired) -> list[str]:
    found = paired.host.call("GET", "/v1/events?limit=1000", key=paired.bank.key).body["events"]
    return [event["kind"] for event in found if event["vk"] == paired.vk]


def test_sixteen_with_the_right_responses_get_one_verdict_for_each_statement(
    racing: Paired,
) -> None:
    statements = [racing.statement(number=number) for number in range(1, 7)]
    right = [racing.token.respond(statement) for statement in statements]

    def answer_all(number: int) -> list[tuple[str, Answer]]:
        order = random.Random(number).sample(range(6), 6)  # noqa: S311  # no secret
        done = [(f"{place}", racing.answer(statements[place], right[place])) for place in order]
        return done + play(racing, number, ["wrong", "suspend", "resume"][number % 3 :][:1])

    done = all_at_once([partial(answer_all, number) for number in range(16)])
    racing.call("POST", "/resume")
    verdicts: dict[str, set[str]] = {}
    for kind, answer in done:
        assert answer.status in (200, 409, 423)
        if answer.body.get("accepted"):
            verdicts.setdefault(kind, set()).add(answer.body["verdict"])
    assert all(len(found) == 1 for found in verdicts.values())
    exhausted = [answer.body.get("reason") for _, answer in done].count("attempts_exhausted")
    assert racing.status()["seq"] == 1 + len(verdicts) + exhausted


def test_events_read_while_they_are_written_miss_none(racing: Paired) -> None:
    seen: list[int] = []
    is_over = threading.Event()

    def follow() -> None:
        after = 0
        while not is_over.is_set():
            page = racing.host.call("GET", f"/v1/events?after={after}", key=racing.bank.key).body
            seen.extend(event["id"] for event in page["events"])
            after = page["next"]

    reader = threading.Thread(target=follow)
    reader.start()
    others = [Paired.make(racing.host, racing.bank) for _ in range(4)]
    for other in others:
        other.activate()
    all_at_once([partial(play, each, 0, ["suspend", "resume"] * 6) for each in others])
    # A reader who was kept waiting by a busy machine goes on for a while.
    while len(seen) <= 20 and reader.is_alive():
        time.sleep(0.01)
    is_over.set()
    reader.join()
    page = racing.host.call("GET", "/v1/events?limit=1000", key=racing.bank.key).body
    stored = [event["id"] for event in page["events"]]
    # The reader may have stopped before the last of them.
    assert seen == stored[: len(seen)]
    assert len(seen) > 20


def test_without_the_guard_more_are_evaluated_or_calls_fail(
    environment: dict[str, str], bank: Bank
) -> None:
    # The control: the same races, lost.
    options = ("--interface=wsgi", "--workers=2", "--blocking-threads=4", "--log-level=error")
    target = "tests.authserver.unguarded:application"
    with serving(environment, "granian", *options, target) as host:
        paired = Paired.make(host, bank)
        paired.activate()
        found = reasons(at_once(wrong_ones(paired, 64)))
    if "postgres" in environment["AUTHSERVER_DATABASE_URL"]:
        assert found["response_wrong"] > 4
    else:
        assert found["unavailable"] > 0


def test_a_flood_of_bad_keys_and_tickets_leaves_the_host_answering(racing: Paired) -> None:
    def knock() -> Answer:
        racing.host.call("GET", f"/v1/servers/{racing.vk}", key="unknown")
        body = {"ticket": encode(bytes(16)), "share": encode(racing.token.share)}
        return racing.host.call("POST", "/v1/enrolments", body)

    assert reasons(at_once([knock] * 64)) == {"ticket_unknown": 64}
    assert racing.answer(racing.statement()).body["accepted"] is True


def test_a_restore_leaves_no_server_where_it_was(
    environment: dict[str, str], served: ServedHost, bank: Bank
) -> None:
    # The last test of this file: nothing is judged for a while after it.
    counting = Paired.make(served, bank, "OCRA-1:HOTP-SHA256-8:C-QH64")
    clocked = Paired.make(served, bank, "TOTP:SHA1-6:T30")
    for paired in (counting, clocked):
        paired.activate()
    run(environment, "after_restore")
    for generation in (1, 2):
        for paired in (counting, clocked):
            status = paired.status()
            assert (status["seq"], status["tries_left"]) == (generation << 32, 0)
            assert paired.answer(paired.statement(Kind.LOGIN)).code == "token_locked"
        run(environment, "after_restore")
