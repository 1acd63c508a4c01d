"""A server moves to another host: at any moment exactly one of the two answers for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connections

from authserver.base64url import decode
from authserver.models import (
    Batch,
    Event,
    Failure,
    FormerKey,
    HostState,
    Passage,
    Proof,
    Server,
    TrustedHost,
    Verdict,
)
from authserver.services import after_restore, cargo, rotate_signing_key, seals
from authserver.services.hosts import current_host_key
from protocol import cbor, cose
from protocol.keys import ServerCertificate, open_certificate
from protocol.moving import MAX_PACKAGE_BYTES, Package
from tests.authserver.places import Place, ask_offer, at, bring, carry, move, package, row
from tests.authserver.world import COUNTER_SUITE, Bank, LocalHost, Paired, opened

CARRIED = (Server, Batch, Verdict, Failure, Proof, Event, FormerKey)


@pytest.fixture
def here(bank: Bank) -> Place:
    """The host of all other tests."""
    place = Place("http://localhost:8001", connections["default"], key=bank.key)
    with place.entered():
        place.root = HostState.objects.get().root
    return place


@pytest.fixture
def there(here: Place, bank: Bank, tmp_path: Path) -> Place:
    """Another one; both trust each other."""
    place = Place.made("there", tmp_path)
    place.admit(bank)
    place.trust(here)
    here.trust(place)
    return place


def test_the_new_host_answers_and_the_old_one_says_where(
    here: Place, there: Place, active: Paired
) -> None:
    moved = carry(here, there, active)
    statement = moved.statement()
    assert opened(moved.answer(statement), moved).seq == 3 - 1
    refused = [active.answer(statement), active.void(statement), active.stored(statement)]
    for answer in [*refused, active.call("GET"), active.call("POST", "/suspend")]:
        assert (answer.status, answer.code) == (409, "server_moved")
        assert answer.body["origin"] == there.origin


def test_what_is_carried_is_what_the_models_have() -> None:
    for model in CARRIED:
        fields = {field.name for field in model._meta.concrete_fields}
        assert cargo.STAYS[model] <= fields
        secret = {name for name in fields if name.startswith("sealed")}
        assert secret <= cargo.STAYS[model], "a seal of one host is nothing to another"


def test_everything_of_a_server_arrives_as_it_left(
    here: Place, there: Place, active: Paired
) -> None:
    statement = active.statement(number=1)
    active.answer(active.statement())
    active.answer(statement, active.wrong(statement))
    active.prove(statement, "ab" * 32)
    before = stored(here, active)
    carry(here, there, active)
    after = stored(there, active)
    left, came = after["Event"][-2:]
    del after["Event"][-2:]
    assert (left["kind"], left["detail"]) == ("moved", {"to": there.origin})
    assert (came["kind"], came["detail"]) == ("imported", {"source": here.origin})
    assert after == before
    assert len(after["Verdict"]) == 2
    assert len(after["Failure"]) == 1
    assert len(after["Proof"]) == 1


def stored(place: Place, paired: Paired) -> dict[str, list[dict[str, Any]]]:
    """All that a host has of a server, less what is its own."""
    with place.entered():
        return {
            model.__name__: [
                {name: value for name, value in one.items() if name not in _left(model)}
                for one in model._default_manager.order_by("id").values()
            ]
            for model in CARRIED
        }


def _left(model: type[Any]) -> set[str]:
    fields = [field for field in model._meta.concrete_fields if field.name in cargo.STAYS[model]]
    return {field.attname for field in fields}


def test_the_old_host_keeps_no_secret(here: Place, there: Place, active: Paired) -> None:
    carry(here, there, active)
    left = row(here, active)
    assert (left.sealed_key, left.sealed_seed, left.sealed_post_key) == (b"", None, None)
    assert not set(FormerKey.objects.values_list("sealed_key", flat=True)) - {b""}


def test_the_package_shows_no_secret(here: Place, there: Place, active: Paired) -> None:
    assert active.token.secrets
    move(here, there, active)
    data = package(here, active)
    for secret in (active.token.secrets.seed, active.token.secrets.post_key):
        assert secret not in data
    assert active.serial.encode() not in data


def test_a_response_given_before_is_answered_by_the_same_bytes_and_others_are_replays(
    here: Place, there: Place, active: Paired
) -> None:
    statement = active.statement()
    response = active.token.respond(statement)
    before = active.answer(statement, response)
    moved = carry(here, there, active)
    assert moved.answer(statement, response).raw == before.raw
    assert moved.answer(statement, active.wrong(statement)).code == "response_replayed"
    assert moved.stored(statement).raw == before.raw


def test_the_same_wrong_response_is_not_counted_again_by_the_new_host(
    here: Place, there: Place, active: Paired
) -> None:
    statement = active.statement()
    wrong = active.wrong(statement)
    before = active.answer(statement, wrong)
    moved = carry(here, there, active)
    assert moved.answer(statement, wrong).raw == before.raw
    assert moved.status()["tries_left"] == 4


def test_failures_and_locks_go_along(here: Place, there: Place, active: Paired) -> None:
    active.fail(active.statement(), 5)
    before = active.status()
    moved = carry(here, there, active)
    after = moved.status()
    for name in ("locked", "locked_until", "lock_level", "failures", "tries_left"):
        assert after[name] == before[name]
    assert moved.answer(moved.statement(number=1)).code == "token_locked"


def test_a_counter_goes_on_where_it_was(
    here: Place, there: Place, host: LocalHost, bank: Bank
) -> None:
    paired = Paired.make(host, bank, COUNTER_SUITE)
    paired.activate()
    moved = carry(here, there, paired)
    used = replace(paired.token, counter=0)
    statement = moved.statement()
    assert moved.answer(statement, used.respond(statement)).body["reason"] == "response_wrong"
    assert moved.answer(statement).body["accepted"] is True


def test_a_token_posts_its_responses_with_the_same_key(
    here: Place, there: Place, active: Paired
) -> None:
    moved = carry(here, there, active)
    statement = moved.statement()
    response = moved.token.respond(statement)
    tag = moved.token.tag(statement, response)
    assert moved.answer(statement, response, tag=tag).body["accepted"] is True


def test_the_new_host_certifies_the_same_key(here: Place, there: Place, active: Paired) -> None:
    moved = carry(here, there, active)
    signed = cose.parse(moved.certificate)
    certificate = ServerCertificate.from_payload(signed.payload)
    before = ServerCertificate.from_payload(cose.parse(active.certificate).payload)
    assert (certificate.key, certificate.serial) == (before.key, before.serial)
    shown = there.call("GET", "/v1/keys").body["certificates"]
    assert signed.is_signed_by(open_certificate(decode(shown[0]), there.root).key)


def test_sequence_numbers_never_go_back(here: Place, there: Place, active: Paired) -> None:
    with there.entered():
        HostState.objects.update(generation=7)
    moved = carry(here, there, active)
    first = opened(moved.answer(moved.statement()), moved).seq
    assert first == 7 * 2**32 + 1
    back = carry(there, here, moved)
    back.last_seq = first
    assert opened(back.answer(back.statement(number=1)), back).seq == first + 1


def test_a_server_comes_back_with_what_it_decided_elsewhere(
    here: Place, there: Place, active: Paired
) -> None:
    moved = carry(here, there, active)
    statement = moved.statement()
    answered = moved.answer(statement)
    back = carry(there, here, moved)
    assert back.stored(statement).raw == answered.raw
    assert at(there, active).call("GET").body["origin"] == here.origin
    assert back.answer(back.statement(number=1)).body["accepted"] is True
    kinds = [event["kind"] for event in stored(here, active)["Event"]]
    assert kinds[-4:] == ["moved", "imported", "moved", "imported"]


def test_a_package_that_comes_again_changes_nothing(
    here: Place, there: Place, active: Paired
) -> None:
    moved = carry(here, there, active)
    moved.answer(moved.statement())
    before = stored(there, active)
    again = bring(there, package(here, active))
    assert (again.status, again.body["seq"]) == (200, 2)
    assert stored(there, active) == before


def test_an_old_package_does_not_bring_a_server_back_that_moved_on(
    here: Place, there: Place, active: Paired
) -> None:
    move(here, there, active)
    old = package(here, active)
    carry(there, here, at(there, active)) if bring(there, old).status == 200 else None
    again = bring(there, old)
    assert (again.code, again.body["origin"]) == ("server_moved", here.origin)
    assert row(there, active).sealed_seed is None
    assert active.answer(active.statement()).body["accepted"] is True


def test_until_it_is_brought_the_package_waits(
    here: Place, there: Place, active: Paired, clock: time_machine.Traveller
) -> None:
    move(here, there, active)
    statement = active.statement()
    response = active.token.respond(statement)
    assert active.answer(statement, response).code == "server_moved"
    assert at(there, active).answer(statement, response).code == "server_unknown"
    clock.shift(timedelta(seconds=60))
    assert package(here, active) == package(here, active)
    assert bring(there, package(here, active)).status == 200
    moved = at(there, active)
    assert moved.answer(statement, response).body["accepted"] is True


def test_a_move_that_is_asked_for_again_says_that_it_is_done(
    here: Place, there: Place, active: Paired
) -> None:
    assert move(here, there, active).body == {"origin": there.origin}
    before = package(here, active)
    again = move(here, there, active)
    assert (again.code, again.body["origin"]) == ("server_moved", there.origin)
    assert package(here, active) == before


@pytest.mark.parametrize("state", ["issued", "enrolled", "revoked"])
def test_only_a_server_in_use_moves(here: Place, there: Place, paired: Paired, state: str) -> None:
    if state != "issued":
        paired.enrol()
    if state == "revoked":
        paired.call("POST", "/revoke")
    assert move(here, there, paired).code == "state_conflict"
    assert paired.status()["state"] == state
    assert not Passage.objects.exists()


@pytest.mark.parametrize("state", ["suspended", "confirmed"])
def test_a_server_keeps_its_state(here: Place, there: Place, paired: Paired, state: str) -> None:
    if state == "suspended":
        paired.activate()
        paired.call("POST", "/suspend")
    else:
        paired.enrol()
        paired.confirm()
    assert carry(here, there, paired).status()["state"] == state


def test_a_token_of_a_batch_stays_one(here: Place, there: Place, active: Paired) -> None:
    about = {"format": "pskc", "tokens": 100, "imported_at": datetime.now(UTC)}
    batch = Batch.objects.create(platform_id="bank", name="Box 7", **about)
    Server.objects.update(batch=batch)
    moved = carry(here, there, active)
    assert moved.status()["batch"] == "Box 7"
    assert moved.call("POST", "/release").body == {"state": "stock"}


def test_statements_to_a_former_key_are_answered_by_it(
    here: Place, there: Place, active: Paired
) -> None:
    statement = active.statement()
    server, _ = rotate_signing_key(
        name=active.serial, operator="o", now=datetime.now(UTC), is_scanning_allowed=True
    )
    answer = move(here, there, active)
    assert answer.status == 200, answer
    arrived = bring(there, package(here, active)).body
    assert arrived["vk"] == server.vk != active.vk
    assert opened(at(there, active).answer(statement), active).vk == active.vk_bytes


# What is refused.


def test_a_host_takes_nothing_from_one_it_does_not_trust(
    here: Place, there: Place, active: Paired
) -> None:
    with there.entered():
        TrustedHost.objects.all().delete()
    assert ask_offer(there, here.origin, active).code == "host_untrusted"
    there.trust(here)
    move(here, there, active)
    with there.entered():
        TrustedHost.objects.all().delete()
    assert bring(there, package(here, active)).code == "host_untrusted"
    there.trust(here)
    assert bring(there, package(here, active)).status == 200


def test_a_host_gives_nothing_to_one_it_does_not_trust(
    here: Place, there: Place, active: Paired
) -> None:
    TrustedHost.objects.all().delete()
    assert move(here, there, active).code == "host_untrusted"
    assert active.answer(active.statement()).body["accepted"] is True


def test_a_host_gives_nothing_to_one_that_only_has_the_name(
    here: Place, there: Place, active: Paired, tmp_path: Path, bank: Bank
) -> None:
    (tmp_path / "other").mkdir()
    other = Place.made("there", tmp_path / "other")
    other.admit(bank)
    other.trust(here)
    assert move(here, other, active).code == "offer_invalid"


@pytest.mark.parametrize("seconds", [600, 601])
def test_an_offer_ends_after_ten_minutes(
    here: Place, there: Place, active: Paired, clock: time_machine.Traveller, seconds: int
) -> None:
    offered = ask_offer(there, here.origin, active).body
    clock.shift(timedelta(seconds=seconds))
    answer = active.call("POST", "/move", offered)
    assert answer.code == ("offer_invalid" if seconds > 600 else "")


def test_an_offer_is_for_one_server(
    here: Place, there: Place, active: Paired, host: LocalHost, bank: Bank
) -> None:
    other = Paired.make(host, bank)
    other.activate()
    offered = ask_offer(there, here.origin, other).body
    assert active.call("POST", "/move", offered).code == "offer_invalid"


def spoiled(data: bytes, change: Callable[[list[Any]], None]) -> bytes:
    """Change the parts of a package."""
    parts = cbor.decode(data, max_bytes=MAX_PACKAGE_BYTES)
    change(parts)
    return cbor.encode(parts)


@pytest.mark.parametrize("place", range(4))
def test_a_package_that_was_changed_is_refused(
    here: Place, there: Place, active: Paired, place: int
) -> None:
    move(here, there, active)

    def change(parts: list[Any]) -> None:
        parts[place] = 2 if place == 0 else parts[place][:-1] + bytes([parts[place][-1] ^ 1])

    answer = bring(there, spoiled(package(here, active), change))
    assert answer.code == "package_invalid"


@pytest.mark.parametrize("data", [b"", b"\x80", b"{}", b"\xff" * 100, bytes(70_000)])
def test_what_is_no_package_is_refused(here: Place, there: Place, data: bytes) -> None:
    assert bring(there, data).code == "package_invalid"


def test_a_package_is_for_one_host(
    here: Place, there: Place, active: Paired, tmp_path: Path, bank: Bank
) -> None:
    third = Place.made("third", tmp_path)
    third.admit(bank)
    third.trust(here)
    move(here, there, active)
    assert bring(third, package(here, active)).code == "package_invalid"


def test_a_package_is_for_one_platform(here: Place, there: Place, active: Paired) -> None:
    shop = Bank.make("shop", datetime.now(UTC))
    move(here, there, active)
    stranger = replace(there)
    stranger.admit(shop)
    assert bring(stranger, package(here, active)).code == "package_invalid"
    assert at(stranger, active).call("GET", "/package").code == "server_unknown"


def test_a_stranger_gets_no_further_than_the_door(
    here: Place, there: Place, active: Paired
) -> None:
    move(here, there, active)
    stranger = replace(here, key="unknown")
    assert at(stranger, active).call("GET", "/package").code == "not_authenticated"
    assert bring(replace(there, key="unknown"), package(here, active)).code == "not_authenticated"
    assert (
        ask_offer(replace(there, key="unknown"), here.origin, active).code == "not_authenticated"
    )


def test_another_hosts_signature_on_a_package_opens_nothing(
    here: Place, there: Place, active: Paired, tmp_path: Path, bank: Bank
) -> None:
    third = Place.made("third", tmp_path)
    third.admit(bank)
    there.trust(third)
    move(here, there, active)
    sent = Package.decode(package(here, active))

    with third.entered():
        signer = current_host_key(datetime.now(UTC))
        forged = replace(sent.move, source=third.origin).pack(
            b"", host_key=seals.host_signing_key(signer), certificate=signer.certificate
        )
    _, message, certificate, _ = cbor.decode(forged)
    answer = bring(there, cbor.encode([1, message, certificate, sent.sealed]))
    assert answer.code == "package_invalid"


VERDICTS = 5
NONSENSE: tuple[Any, ...] = (
    None,
    -1,
    2**53 - 1,
    "",
    "x",
    b"x",
    [],
    [[]],
    [["id"]],
    [["seq"], [0]],
    [[["x"]]],
)


@pytest.mark.parametrize("place", range(11))
def test_a_trusted_host_that_packs_nonsense_is_refused_and_nothing_breaks(
    here: Place, there: Place, active: Paired, place: int
) -> None:
    active.answer(active.statement())
    server = Server.objects.get(vk=active.vk)
    content = cbor.decode(cargo.load(server, "active", datetime.now(UTC)))
    move(here, there, active)
    sent = Package.decode(package(here, active)).move
    signer = current_host_key(datetime.now(UTC))
    for value in NONSENSE:
        if value in (content[place], [[]] if place != VERDICTS else None):
            # No rows at all are nothing wrong, where none are linked.
            continue
        changed = cbor.encode([*content[:place], value, *content[place + 1 :]])
        forged = sent.pack(
            changed, host_key=seals.host_signing_key(signer), certificate=signer.certificate
        )
        answer = bring(there, forged)
        assert answer.code in ("package_invalid", "state_conflict"), (value, answer)
    with there.entered():
        assert not Server.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"seq": -1},
        {"seq": "1"},
        {"sight": 2**40},
        {"suite": "OCRA-9"},
        {"serial": "S" * 17},
        {"is_blocked": "no"},
        {"head": b"x" * 33},
        {"consecutive_failures": 5},
    ],
)
def test_a_field_that_breaks_its_rule_is_refused(
    here: Place, there: Place, active: Paired, change: dict[str, object]
) -> None:
    server = Server.objects.get(vk=active.vk)
    content = cbor.decode(cargo.load(server, "active", datetime.now(UTC)))
    names, values = content[1]
    for name, value in change.items():
        values[names.index(name)] = value
    move(here, there, active)
    signer = current_host_key(datetime.now(UTC))
    forged = Package.decode(package(here, active)).move.pack(
        cbor.encode(content),
        host_key=seals.host_signing_key(signer),
        certificate=signer.certificate,
    )
    assert bring(there, forged).code in ("package_invalid", "state_conflict")


def test_a_serial_that_is_taken_is_said_before_anything_moves(
    here: Place, there: Place, active: Paired, bank: Bank
) -> None:
    with there.entered():
        other = Paired.make(there, replace(bank, key=there.key))
        Server.objects.filter(vk=other.vk).update(serial=active.serial)
    assert ask_offer(there, here.origin, active).code == "state_conflict"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"suite": "OCRA-9"}, "suite_invalid"),
        ({"vk": "00"}, "input_invalid"),
        ({"vk": "Z" * 16}, "input_invalid"),
        ({"origin": "https://nobody.example"}, "host_untrusted"),
        ({"more": 1}, "input_invalid"),
    ],
)
def test_what_is_no_question_for_an_offer_is_refused(
    here: Place, there: Place, active: Paired, change: dict[str, object], code: str
) -> None:
    asked = {"origin": here.origin, **change}
    assert ask_offer(there, str(asked.pop("origin")), active, **asked).code == code


def test_a_server_that_never_left_is_not_overwritten(
    here: Place, there: Place, active: Paired
) -> None:
    moved = carry(here, there, active)
    with there.entered():
        Passage.objects.all().delete()
    assert bring(there, package(here, active)).code == "state_conflict"
    assert moved.answer(moved.statement()).body["accepted"] is True


# Restores.


def test_a_host_that_was_restored_takes_nothing_before_it_is_ready(
    here: Place, there: Place, active: Paired, clock: time_machine.Traveller
) -> None:
    move(here, there, active)
    with there.entered():
        after_restore(now=datetime.now(UTC))
    assert bring(there, package(here, active)).code == "not_ready"
    assert ask_offer(there, here.origin, active).code == "not_ready"
    clock.shift(timedelta(minutes=11))
    assert bring(there, package(here, active)).status == 200


def test_a_server_that_a_restore_undid_is_brought_again_as_from_a_backup(
    here: Place, there: Place, host: LocalHost, bank: Bank, clock: time_machine.Traveller
) -> None:
    paired = Paired.make(host, bank, COUNTER_SUITE)
    paired.activate()
    moved = carry(here, there, paired)
    last = opened(moved.answer(moved.statement()), moved).seq
    with there.entered():
        for model in (Passage, Event, Verdict, Server):
            model._default_manager.all().delete()
        after_restore(now=datetime.now(UTC))
    clock.shift(timedelta(minutes=11))
    assert bring(there, package(here, paired)).status == 200
    again = at(there, paired)
    again.last_seq = last
    # Past what may have been used, and in a new generation; the next wrong response locks.
    assert row(there, paired).counter == 1 + 20
    again.token.counter = 21
    assert opened(again.answer(again.statement(number=1)), again).seq > 2**32 > last


def test_a_restored_host_gives_a_server_away_again_that_it_had_given_away(
    here: Place, there: Place, active: Paired
) -> None:
    moved = carry(here, there, active)
    moved.answer(moved.statement())
    # As it was before the move: what a backup would bring back.
    undo(here, there, active)
    assert active.call("GET").status == 200
    assert move(here, there, active).status == 200
    again = bring(there, package(here, active))
    assert (again.status, again.body["seq"]) == (200, 2)
    assert active.call("GET").code == "server_moved"


def undo(here: Place, there: Place, active: Paired) -> None:
    """Bring the old host back to where it was, with its secrets."""
    with there.entered():
        server = Server.objects.get()
        found = cargo.unload(cargo.load(server, server.state, datetime.now(UTC)))
    server = Server.objects.get(vk=active.vk)
    cargo.take_over(found, server)
    server.state, server.moved_to = Server.State.ACTIVE, ""
    server.save()
    Passage.objects.all().delete()
