"""What the end of a key means for what it signed, and which directory may follow which."""

import pytest

from protocol.ended import Edition, EndedKey
from protocol.errors import ProtocolError
from protocol.keys import Directory, Purpose
from protocol.outcome import Check, Outcome, Report
from protocol.verification import verify_receipt
from tests.protocol import ended_vectors as made
from tests.protocol import world

CASES = made.cases()
SUCCESSORS = {name: (held, offered, code) for name, held, offered, code in made.successors()}


def report(name: str) -> Report:
    case = CASES[name]
    return verify_receipt(case.message, case.directory, case.fetched, case.proof)


def line(name: str, number: int) -> Check:
    return next(check for check in report(name).checks if check.number == number)


def is_unclear(name: str, number: int) -> bool:
    check = line(name, number)
    return (check.outcome, check.code) == (Outcome.UNCHECKED, "key_compromised")


# --- Receipt keys


def test_a_receipt_from_before_its_key_was_retired_stays_good() -> None:
    assert report("key_retired_after_the_date").is_complete
    assert report("charge_before_the_end").is_valid


@pytest.mark.parametrize("when", ["at", "before"])
def test_a_receipt_dated_at_or_after_the_end_of_its_key_fails(when: str) -> None:
    check = line(f"key_retired_{when}_the_date", 3)
    assert (check.outcome, check.code) == (Outcome.FAILED, "receipt_signature_invalid")
    assert "had been retired" in check.text
    assert not report("charge_key_retired").is_valid


@pytest.mark.parametrize("what", ["bare", "half_certified", "refusal", "charge"])
def test_who_signed_with_a_compromised_key_cannot_be_told(what: str) -> None:
    name = f"key_compromised_{what}"
    assert is_unclear(name, 3)
    assert "cannot be told" in line(name, 3).text
    found = report(name)
    assert not found.is_valid
    assert not found.is_refusal
    assert not found.is_complete


@pytest.mark.parametrize("what", ["certified", "fetched", "folded"])
def test_servers_that_a_sound_host_certified_vouch_for_a_receipt(what: str) -> None:
    assert report(f"key_compromised_{what}").is_valid


@pytest.mark.parametrize("what", ["bare", "half_certified", "charge"])
def test_a_log_that_had_it_before_the_leak_vouches_for_a_receipt(what: str) -> None:
    assert report(f"key_compromised_{what}_logged_before").is_valid


def test_a_log_that_had_it_before_the_leak_vouches_for_a_refusal() -> None:
    assert report("key_compromised_refusal_logged_before").is_refusal


def test_a_log_that_had_it_at_the_leak_or_had_another_one_does_not() -> None:
    assert is_unclear("key_compromised_logged_at_that_time", 3)
    assert is_unclear("key_compromised_proof_of_another", 3)


def test_a_key_that_was_both_is_retired_first() -> None:
    assert line("key_retired_and_compromised", 3).outcome is Outcome.FAILED


# --- Host keys and servers


def test_what_a_host_certified_until_its_key_was_retired_stays_good() -> None:
    assert report("host_key_retired_on_that_day").is_complete
    for name in ("host_key_retired_before", "host_key_retired_before_fetched"):
        assert line(name, 5).code == "server_certificate_invalid"
        assert "had been retired" in line(name, 5).text


@pytest.mark.parametrize("what", ["", "_logged_later", "_fetched", "_fetched_logged_before"])
def test_whom_a_compromised_host_key_certified_cannot_be_told(what: str) -> None:
    name = f"host_key_compromised{what}"
    assert is_unclear(name, 5)
    assert not report(name).is_complete
    assert 6 not in {check.number for check in report(name).checks}


def test_the_log_shows_that_a_certificate_in_a_receipt_is_older_than_the_leak() -> None:
    assert report("host_key_compromised_logged_before").is_complete


def test_servers_of_a_compromised_host_key_vouch_for_nothing() -> None:
    assert is_unclear("both_keys_compromised", 3)
    assert is_unclear("both_keys_compromised_logged_1000_s_later", 3)
    assert report("both_keys_compromised_logged_999_s_later").is_complete


def test_a_server_s_key_certifies_no_step_from_its_revocation_on() -> None:
    assert report("server_revoked_after_the_step").is_complete
    assert (
        "and revoked on 2026-01-01 12:00:16 UTC." in line("server_revoked_after_the_step", 5).text
    )
    for when in ("at", "before"):
        assert line(f"server_revoked_{when}_the_step", 5).code == "server_certificate_invalid"
    assert report("server_revoked_and_certified_again").is_complete


# --- Log keys


def test_a_checkpoint_from_before_its_key_ended_proves_that_a_receipt_is_logged() -> None:
    assert report("logged").is_complete
    assert report("log_key_retired_after_the_checkpoint").is_complete


@pytest.mark.parametrize("how", ["retired_at_the_checkpoint", "compromised_at_it"])
def test_a_checkpoint_from_after_its_key_ended_proves_nothing(how: str) -> None:
    assert line(f"log_key_{how}", 10).code == "proof_invalid"


def test_a_checkpoint_by_a_key_that_got_out_later_may_be_anybody_s() -> None:
    assert is_unclear("log_key_compromised_after_it", 10)
    assert is_unclear("log_key_and_receipt_key_compromised", 3)
    assert report("log_key_compromised_and_another_one").is_valid


# --- Directories


@pytest.mark.parametrize("name", SUCCESSORS)
def test_a_directory_follows_only_where_it_takes_nothing_back(name: str) -> None:
    held, offered, code = SUCCESSORS[name]
    if not code:
        assert made.check_successor(held, offered).number
        return
    with pytest.raises(ProtocolError) as refusal:
        made.check_successor(held, offered)
    assert refusal.value.code == code


def test_a_token_remembers_enough_to_refuse_what_a_reader_of_all_of_it_refuses() -> None:
    for name, (held, offered, code) in SUCCESSORS.items():
        if name in {"of_another_platform", "of_another_root", "of_that_number_with_other_hosts"}:
            continue
        newer = Directory.open(offered)
        try:
            Directory.open(held).edition.check_successor(newer.edition, newer.signed_by)
            found = ""
        except ProtocolError as error:
            found = error.code
        assert found == code, name


def test_the_first_directory_follows_on_nothing() -> None:
    Edition().check_successor(made.BASE.edition, world.DIRECTORY_KEY.kid)


def test_a_directory_says_how_a_key_ended() -> None:
    end = made.ended(world.RECEIPT_KEY, retired=5)
    directory = made.directory(end)
    assert directory.end_of(world.RECEIPT_KEY.public) == end
    assert directory.end_of(world.STATEMENT_KEY.public) is None
    assert directory.keys(Purpose.RECEIPT)


def test_an_ended_key_has_a_date() -> None:
    with pytest.raises(ProtocolError):
        EndedKey(bytes(8), None, None)
