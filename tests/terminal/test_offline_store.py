"""What an offline client keeps: a counter that only rises, and a journal that is never wrong."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest

from protocol.offline import MAX_COUNTER, Serial
from terminal.errors import TerminalError
from terminal.offline import store as module
from terminal.offline.store import Entry, Registration, State, Store

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REGISTRATION = Registration(b"clnt", bytes(16), bytes(32), (b"certificate",), 300, "EUR")
DIGEST = bytes(32)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.register(REGISTRATION)
    return store


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(TerminalError) as refused:
        work()
    return refused.value.code


def test_what_was_told_is_kept(store: Store) -> None:
    assert store.registration() == REGISTRATION
    assert Store(store.folder).registration() == REGISTRATION


def test_files_are_their_owners_alone(store: Store) -> None:
    store.note(store.draw_serial(), State.APPLIED, NOW)
    names = {path.name: path.stat().st_mode & 0o777 for path in store.folder.iterdir()}
    assert names == dict.fromkeys(["offline.json", "offline-journal.json", "offline.lock"], 0o600)


def test_counters_rise_by_one_and_nobody_gets_one_twice(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: Store(store.folder).draw_serial(), range(80)))
    assert sorted(serial.counter for serial in drawn) == list(range(1, 81))
    assert {serial.client for serial in drawn} == {b"clnt"}


def test_a_serial_is_on_the_disk_before_anybody_has_it(store: Store) -> None:
    with (
        mock.patch.object(module, "replace_file", side_effect=OSError),
        mock.patch.object(Serial, "draw") as drawn,
    ):
        assert refusal(store.draw_serial) == "folder_unusable"
        drawn.assert_not_called()
    with (
        mock.patch.object(Serial, "draw", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        store.draw_serial()
    # A number is lost, and none is used twice.
    assert store.draw_serial().counter == 2


def test_registering_again_never_turns_the_counter_back(store: Store) -> None:
    store.draw_serial()
    store.register(replace(REGISTRATION, counter=0, has_password=True))
    assert store.registration().has_password
    assert store.draw_serial().counter == 2
    # What the platform has seen may be a copy's: only once it found none, this is taken over.
    store.register(replace(REGISTRATION, counter=9))
    assert store.draw_serial().counter == 3
    for seen in (9, 8):
        store.adopt(seen)
    assert store.draw_serial().counter == 10
    # Another client begins with its own.
    store.register(replace(REGISTRATION, client=b"othr", counter=0))
    assert store.draw_serial().counter == 1


def test_what_another_client_signed_is_not_told_in_this_ones_name(store: Store) -> None:
    store.note(store.draw_serial(), State.APPLIED, NOW)
    store.register(REGISTRATION)
    assert len(store.entries()) == 1
    store.register(replace(REGISTRATION, client=b"othr"))
    assert store.entries() == []


def test_there_is_no_serial_behind_the_last(store: Store) -> None:
    store.adopt(MAX_COUNTER - 1)
    assert store.draw_serial().counter == MAX_COUNTER
    assert refusal(store.draw_serial) == "counter_exhausted"


@pytest.mark.parametrize("content", ["", "[7]", "null", "7", '{"client": "zz", "counter": "x"}'])
def test_a_damaged_file_is_one_refusal(store: Store, content: str) -> None:
    for path in (store.folder / "offline.json", store.folder / "offline-journal.json"):
        path.write_text(content)
    assert refusal(store.entries) == "journal_unusable"
    for work in (store.draw_serial, store.registration):
        assert refusal(work) == "client_not_registered"


def test_without_registration_there_is_no_serial_and_no_journal(tmp_path: Path) -> None:
    assert refusal(Store(tmp_path).draw_serial) == "client_not_registered"
    assert Store(tmp_path).entries() == []


def test_a_full_journal_wants_to_be_told_on_line_first(store: Store) -> None:
    with mock.patch.object(module, "MAX_ENTRIES", 1):
        store.note(store.draw_serial(), State.APPLIED, NOW)
        assert refusal(store.draw_serial) == "journal_full"
        store.forget({entry.serial for entry in store.entries()})
        assert store.draw_serial().counter == 2


def test_a_serial_is_marked_used_once(store: Store) -> None:
    serial = store.draw_serial()
    store.note(serial, State.APPLIED, NOW)
    with ThreadPoolExecutor(4) as pool:
        ends = list(
            pool.map(
                lambda _: _code(lambda: store.mark_used(serial, DIGEST, State.COUNTERSIGNED, NOW)),
                range(4),
            )
        )
    assert sorted(ends) == ["", "serial_reused", "serial_reused", "serial_reused"]
    store.note(serial, State.APPROVED, NOW)
    assert _code(lambda: store.mark_used(serial, DIGEST, State.CODE, NOW)) == "serial_reused"


def _code(work: Callable[[], object]) -> str:
    try:
        work()
    except TerminalError as error:
        return error.code
    return ""


def test_the_journal_has_the_newest_of_each_serial_in_order(store: Store) -> None:
    first, second = store.draw_serial(), store.draw_serial()
    for serial in (first, second):
        store.note(serial, State.APPLIED, NOW)
    store.mark_used(first, DIGEST, State.COUNTERSIGNED, NOW, "Corner shop")
    store.note(first, State.APPROVED, NOW)
    at = int(NOW.timestamp())
    assert store.entries() == [
        Entry(bytes(first), State.APPROVED, at, DIGEST, "Corner shop"),
        Entry(bytes(second), State.APPLIED, at),
    ]
    store.forget({bytes(first)})
    assert [entry.serial for entry in store.entries()] == [bytes(second)]


def test_what_is_kept_has_no_password_and_no_key_of_the_phone(store: Store) -> None:
    kept = json.loads((store.folder / "offline.json").read_text())
    assert set(kept) == {
        *("client", "salt", "box_key", "certificates", "counter"),
        *("code_limit", "code_currency", "has_password"),
    }
