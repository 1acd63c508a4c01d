"""Moves and restores: a host whose older database came back knows less than it did."""

from datetime import UTC, datetime, timedelta

import time_machine

from authserver.models import (
    Event,
    Passage,
    Server,
    Verdict,
)
from authserver.services import after_restore, cargo
from tests.authserver.places import Place, ask_offer, at, bring, carry, move, package, row
from tests.authserver.world import COUNTER_SUITE, Bank, LocalHost, Paired, opened


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
