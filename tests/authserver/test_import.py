"""Import: everything is checked first, and all of it or nothing is stored."""

import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from authserver.errors import AuthserverError, Code
from authserver.models import Batch, Event, HostKey, ImportChunk, ImportJob, Server
from authserver.selectors import host_state
from authserver.services import import_rows, imports, seals
from tests.authserver.batch_files import RFC, SEED, check, csv, imported, now, store
from tests.authserver.world import Bank
from tokens.batches import Format
from tokens.batches_entry import Refused

State = ImportJob.State


def refused_in(job: ImportJob) -> list[tuple[int, str, str]]:
    chunks = job.chunks.order_by("number")
    return [(place, serial, why) for chunk in chunks for place, serial, why, _ in chunk.refused]


def test_checking_stores_no_token(bank: Bank) -> None:
    job = check(bank, csv("A1", "A2", "A3"))
    assert (job.state, job.good, job.bad) == (State.READY, 3, 0)
    assert not Server.objects.exists()
    assert not Batch.objects.exists()


def test_what_was_checked_is_stored_in_stock_with_all_that_the_file_says(bank: Bank) -> None:
    content = csv("a1", "a2") + f"A9,{SEED},HOTP,8,,SHA512,77\n".encode()
    store(check(bank, content))
    rows = {server.serial: server for server in Server.objects.all()}
    assert {server.state for server in rows.values()} == {"stock"}
    assert (rows["A9"].suite, rows["A9"].counter) == ("HOTP:SHA512-8", 77)
    assert (rows["A2"].suite, rows["A2"].counter) == ("TOTP:SHA256-8:T60", None)
    assert [rows[name].batch for name in ("A1", "A2", "A9")] == [Batch.objects.get()] * 3


def test_every_imported_server_has_its_own_key_and_opens_its_seed(bank: Bank) -> None:
    imported(bank, "A1", "A2")
    first, second = Server.objects.order_by("serial")
    assert seals.seed_of(first) == seals.seed_of(second) == bytes.fromhex(SEED)
    assert seals.server_key(first).kid.hex() == first.vk
    assert first.vk != second.vk


def test_every_imported_server_has_its_event_which_names_batch_and_operator(bank: Bank) -> None:
    imported(bank, "A1", "A2")
    events = [(event.server.serial, event.kind, event.actor) for event in Event.objects.all()]
    assert events == [(name, "imported", "operator:anna") for name in ("A1", "A2")]
    assert Event.objects.first().detail == {"batch": "May"}  # type: ignore[union-attr]


def test_sequence_numbers_begin_in_the_generation_of_the_moment_of_storing(bank: Bank) -> None:
    job = check(bank, csv("A1"))
    host = host_state()
    host.generation = 3
    host.save()
    store(job)
    assert Server.objects.get().seq == 3 << 32


def test_one_refused_token_stops_all_unless_it_may_be_left_out(bank: Bank) -> None:
    job = check(bank, csv("A1") + b"A2,zz\n")
    with pytest.raises(AuthserverError, match="state_conflict"):
        store(job)
    assert not Server.objects.exists()

    assert store(job, is_partial=True).tokens == 1
    assert Server.objects.get().serial == "A1"


def test_refused_tokens_are_named_with_place_serial_and_reason(bank: Bank) -> None:
    job = check(bank, csv("A1", "a1") + f"A234567890123456X,{SEED}\nA2,31\n".encode())
    assert refused_in(job) == [
        (2, "A1", "repeated"),
        (3, "A234567890123456X", "serial_invalid"),
        (4, "A2", "seed_refused"),
    ]


def test_a_suite_that_this_host_cannot_judge_is_refused_at_the_check(bank: Bank) -> None:
    suite = "OCRA-1:HOTP-SHA1-6:QN08-PSHA1"
    assert refused_in(check(bank, f"A1,{SEED},OCRA,{suite}\n".encode())) == [
        (1, "A1", "suite_refused")
    ]


def test_a_suite_for_which_the_verifier_fails_its_dry_run_is_refused(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise AuthserverError(Code.SUITE_REFUSED)

    monkeypatch.setattr(import_rows, "enrollable_suite", fails)
    assert [why for _, _, why in refused_in(check(bank, csv("A1", "A2")))] == ["suite_refused"] * 2


def test_a_second_run_names_every_token_as_stored_and_changes_nothing(bank: Bank) -> None:
    serials = [f"A{number}" for number in range(20)]
    imported(bank, *serials)
    before = list(Server.objects.order_by("id").values())

    job = check(bank, csv(*serials))
    assert [why for _, _, why in refused_in(job)] == ["stored_before"] * 20
    for is_partial in (False, True):
        with pytest.raises(AuthserverError, match="state_conflict"):
            store(job, is_partial=is_partial)
    assert list(Server.objects.order_by("id").values()) == before
    assert (Batch.objects.count(), Event.objects.count()) == (1, 20)


def test_a_token_of_another_platform_or_one_that_enrolled_counts_as_stored(
    bank: Bank, paired: object
) -> None:
    serial = Server.objects.get().serial
    assert refused_in(check(bank, csv(serial))) == [(1, serial, "stored_before")]


def test_what_was_stored_after_the_check_stops_all(bank: Bank) -> None:
    job = check(bank, csv("A1", "A2"))
    imported(bank, "A2", batch="June")
    with pytest.raises(AuthserverError, match="state_conflict"):
        store(job)
    assert [server.serial for server in Server.objects.all()] == ["A2"]
    assert [batch.name for batch in Batch.objects.all()] == ["June"]


def test_a_second_batch_of_one_name_is_refused(bank: Bank) -> None:
    imported(bank, "A1")
    job = check(bank, csv("A2"))
    assert imports.is_batch_stored(job)
    with pytest.raises(AuthserverError, match="state_conflict"):
        store(job)
    assert Server.objects.count() == 1


def test_an_import_is_stored_once(bank: Bank) -> None:
    job = check(bank, csv("A1"))
    imports.begin_storing(job, now())
    with pytest.raises(AuthserverError, match="state_conflict"):
        imports.begin_storing(job, now())
    store(job)
    with pytest.raises(AuthserverError, match="state_conflict"):
        store(job)


def test_keys_changed_after_the_check_stop_all(bank: Bank) -> None:
    """What waits was certified by a host key that signs nothing any more."""
    job = check(bank, csv("A1"))
    key = HostKey.objects.get()
    HostKey.objects.create(
        data_key=key.data_key,
        sealed_private=key.sealed_private,
        certificate=key.certificate,
        from_day=key.from_day,
        to_day=key.to_day,
    )
    with pytest.raises(AuthserverError) as caught:
        store(job)
    assert "Check the file again" in caught.value.detail
    assert not Server.objects.exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<KeyContainer/>", "not_pskc"),
        (b'<!DOCTYPE a SYSTEM "x"><a/>', "xml_forbidden"),
        (csv("A1") + b"1," * 10_000, "row_invalid"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing_behind(
    bank: Bank, content: bytes, problem: str
) -> None:
    job = check(bank, content)
    assert (job.state, job.problem) == (State.REFUSED, problem)
    assert not ImportChunk.objects.exists()
    with pytest.raises(AuthserverError, match="state_conflict"):
        store(job)


@pytest.mark.parametrize(
    ("name", "secret", "problem"),
    [
        ("gen-04", {}, "password_needed"),
        ("gen-07", {}, "key_needed"),
        ("gen-04", {"password": "wrong"}, None),
        ("gen-04", {"password": "correct horse 3"}, ""),
        (
            "gen-07",
            {"key": "ad28c26403c376c477b891a810f8a404ef635a09fff465eec6a85becbafe178b"},
            "",
        ),
    ],
)
def test_a_sealed_file_opens_with_its_own_secret_alone(
    bank: Bank, name: str, secret: dict[str, str], problem: str | None
) -> None:
    given: dict[str, Any] = dict(secret)
    if "key" in given:
        given["key"] = bytes.fromhex(given["key"])
    job = check(bank, (RFC / f"{name}.pskcxml").read_bytes(), **given)
    assert (job.good == 1) == (problem == "")
    if problem is not None:
        assert job.problem == problem


@pytest.mark.parametrize("batch", ["", "x" * 41, "a\u202eb", "\x00"])
def test_a_batch_has_a_name_that_can_be_told(bank: Bank, batch: str) -> None:
    with pytest.raises(AuthserverError, match="input_invalid"):
        check(bank, csv("A1"), batch)


def test_tokens_are_imported_for_a_platform_that_is_there(bank: Bank) -> None:
    with pytest.raises(AuthserverError, match="input_invalid"):
        imports.begin_import(
            platform="nobody",
            batch="May",
            form=Format.PSKC,
            octets=1,
            operator="anna",
            now=now(),
        )


def test_an_import_thrown_away_during_the_check_ends_it(bank: Bank) -> None:
    def throw_away(job: ImportJob, refused: list[Refused]) -> None:
        imports.discard_import(job)

    serials = [f"A{number}" for number in range(imports.AT_ONCE + 1)]
    with pytest.raises(AuthserverError, match="state_conflict"):
        check(bank, csv(*serials), told=throw_away)
    assert not ImportChunk.objects.exists()


def test_what_waits_for_a_day_is_thrown_away(bank: Bank, clock: time_machine.Traveller) -> None:
    old = check(bank, csv("A1"))
    clock.shift(imports.LIFE + timedelta(seconds=1))
    check(bank, csv("A2"), "June")
    assert not ImportJob.objects.filter(pk=old.pk).exists()


def test_a_check_that_was_cut_off_is_told_from_one_that_goes_on(
    bank: Bank, clock: time_machine.Traveller
) -> None:
    job = check(bank, csv("A1"))
    for state, patience in imports.SILENCE.items():
        job.state, job.touched_at = state, now()
        assert not imports.has_fallen_silent(job, now())
        clock.shift(patience + timedelta(seconds=1))
        assert imports.has_fallen_silent(job, now())
    job.state = State.READY
    assert not imports.has_fallen_silent(job, now())


def test_what_breaks_after_the_import_was_thrown_away_is_nobody_s_trouble(bank: Bank) -> None:
    job = check(bank, csv("A1"))
    imports.discard_import(job)
    imports.fail_import(job, "x" * 1000, now())
    assert not ImportJob.objects.exists()


def test_what_waits_holds_no_seed_in_clear(bank: Bank) -> None:
    check(bank, csv("A1"))
    rows = ImportChunk.objects.get().rows
    assert SEED not in rows
    assert "1" * 20 not in rows


def peak_of_importing(bank: Bank, count: int) -> int:
    """Return the most octets that were held while so many tokens were imported."""
    content = csv(*(f"N{count}-{number}" for number in range(count)))
    tracemalloc.start()
    try:
        store(check(bank, content, f"Batch of {count}"))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 100)
    peak_of_importing(bank, 10)
    few, many = peak_of_importing(bank, 300), peak_of_importing(bank, 1000)
    # All that may grow is the list of serials, by which repeated ones are found.
    assert many - few < 700 * 200
