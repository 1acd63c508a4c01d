"""Both databases come back as older copies, as files: nothing is doubled, and chains go on."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Party

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

GENERATION = 2**32


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Services of their own: whoever else used them would lose rows as well."""
    with Live(tmp_path_factory.mktemp("restored")).up() as services:
        yield services


@contextmanager
def rolled_back(live: Live, service: str) -> Iterator[None]:
    """Afterwards, have a service's database be as it was before."""
    database = live.folder / f"{service}.sqlite3"
    backup = database.with_suffix(".backup")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    yield
    live.kill(service)
    for behind in ("-wal", "-shm"):
        Path(f"{database}{behind}").unlink(missing_ok=True)
    backup.replace(database)
    live.start(service)


def verdicts(live: Live) -> list[tuple[Any, ...]]:
    return live.rows("authserver", "SELECT server_id, seq, s, message FROM authserver_verdict")


def is_sound(live: Live, party: Party, signed: dict[str, Any], length: int) -> bool:
    """Whether a chain has so many steps, each at its own place and each known to the host once."""
    report = party.post("/receipts/verify", {"receipt": signed["receipt"]})
    chain = party.get(f"/transactions/{report['transaction']}")
    steps = [step for step in chain["steps"] if step["state"] == "signed"]
    places = [step["position"] for step in steps]
    ours = live.rows("platform", "SELECT s, verdict FROM transactions_step WHERE state = 'signed'")
    theirs = {(bytes(s), bytes(message)) for _, _, s, message in verdicts(live)}
    return (report["is_valid"], report["length"], places) == (
        True,
        length,
        list(range(length)),
    ) and {(bytes(s), bytes(message)) for s, message in ours} <= theirs


def test_after_an_older_platform_database_came_back_chains_go_on(live: Live) -> None:
    anna, ben = live.party("Anna Meier"), live.party("Ben Schmidt")
    first = anna.sign(anna.open())
    pending = anna.open()
    anna.token(), ben.token()
    with rolled_back(live, "platform"):
        right = anna.code(pending)
        told = anna.answer(pending, right).body
        second = ben.sign(ben.go_on(first))
        third = anna.sign(anna.go_on(second))
    before = verdicts(live)
    assert anna.state(pending) == "challenged"

    said = live.manage("after_restore")

    assert "1 open steps ended" in said
    assert "2 on statements that are not here" in said
    assert verdicts(live) == before
    # What was answered stays answered, by the same response alone and with the same verdict.
    assert anna.answer(pending, right).body["verdict"] == told["verdict"]
    fourth = ben.sign(ben.go_on(third))
    assert is_sound(live, anna, fourth, 4)
    # The receipts of the lost steps are no base for another step.
    path, body = anna.continuation(second)
    assert anna.call("POST", path, body).code == "chain_head_moved"
    assert "0 open steps ended" in live.manage("after_restore")


def test_after_an_older_authserver_database_came_back_nothing_is_accepted_twice(
    live: Live,
) -> None:
    anna, ben = live.party("Anna Meier"), live.party("Ben Schmidt")
    first = anna.sign(anna.open())
    open_step = ben.open()
    with rolled_back(live, "authserver"):
        step = anna.open()
        right = anna.code(step)
        signed = anna.answer(step, right).body
        assert signed["accepted"] is True
    # Before the operator has said so, the host notices nothing, and whoever asks does.
    again = anna.open()
    assert anna.answer(again).code == "host_rolled_back"

    live.authserver("after_restore")

    # What was accepted is not judged again: every statement of then ends before the host is ready.
    assert anna.answer(step, right).code == "token_locked"
    assert ben.answer(open_step).code == "token_locked"
    _pass_the_time(live)
    for head in (first, signed):
        following = ben.sign(ben.go_on(head))
        report = anna.post("/receipts/verify", {"receipt": following["receipt"]})
        assert report["is_valid"] is True
    assert max(seq for _, seq, _, _ in verdicts(live)) > GENERATION
    numbers = [(server, seq) for server, seq, _, _ in verdicts(live)]
    assert len(set(numbers)) == len(numbers)


def _pass_the_time(live: Live) -> None:
    """Let the eleven minutes be over."""
    live.change(
        "authserver",
        "UPDATE authserver_hoststate SET not_ready_until = '2026-01-01 00:00:00'",
        "UPDATE authserver_server SET locked_until = NULL",
    )
