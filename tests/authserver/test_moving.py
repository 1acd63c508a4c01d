"""A server moves to another host: at any moment exactly one of the two answers for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

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
    Verdict,
)
from authserver.services import cargo, rotate_signing_key
from protocol import cose
from protocol.keys import ServerCertificate, open_certificate
from tests.authserver.places import Place, at, bring, carry, move, package, row
from tests.authserver.world import COUNTER_SUITE, Bank, LocalHost, Paired, opened

CARRIED = (Server, Batch, Verdict, Failure, Proof, Event, FormerKey)


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


def test_a_server_that_has_decided_too_often_stays(
    here: Place, there: Place, active: Paired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cargo, "MAX_VERDICTS", 0)
    answer = move(here, there, active)
    assert (answer.status, answer.code) == (413, "too_large")
    assert active.answer(active.statement()).body["accepted"] is True
