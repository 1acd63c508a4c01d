"""Tokens move between hosts; whatever is cut off, the next call goes on from there."""

from collections.abc import Callable
from datetime import timedelta
from secrets import token_bytes
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from enrolment.authserver_client import AuthserverClient
from enrolment.errors import (
    AuthserverUnavailableError,
    HostInUseError,
    NoHostError,
    ServerMovedError,
    TokenNotActiveError,
)
from enrolment.live import ask_server
from enrolment.models import AuthserverHost, RetiredServer, Token
from enrolment.selectors import certificates_in_bucket, certified_server, client_for
from enrolment.services import change_host_state, client_of, fetch_events, move_token
from enrolment.services.draining import drain, drain_stock
from enrolment.services.placing import choose_host, host_at
from tests.platform.stock import TYPED, Hand, row_of
from tests.platform.world import Authserver, Person, now, step_row, unreachable
from tokens.suites import parse_suite
from tokens.token import Token as Card


def token_of(person: Person) -> Token:
    return Token.objects.select_related("host").get(serial=person.token.serial)


def moved(person: Person, to: AuthserverHost) -> Token:
    return move_token(serial=person.token.serial, number=to.number, actor="operator:o", now=now())


def left(person: Person, to: AuthserverHost) -> None:
    """Have a token's server leave its host, and say nothing of it to the platform's rows."""
    token = token_of(person)
    vk = bytes(token.vk)
    offer = client_for(to).offer(
        vk=vk, serial=token.serial, suite=token.suite, source=token.host.origin
    )
    client_for(token.host).move(vk, offer, actor="")


def test_a_token_that_moved_signs_on(anna: Person, other_host: AuthserverHost) -> None:
    before = token_of(anna)
    anna.sign(anna.open())
    assert moved(anna, other_host).host == other_host
    anna.sign(anna.open())
    after = token_of(anna)
    assert after.host == other_host
    assert bytes(after.vk) == bytes(before.vk)
    assert ask_server(after).seq == 3


def test_steps_that_were_open_are_answered_at_the_new_host(
    anna: Person, other_host: AuthserverHost
) -> None:
    step = anna.open()
    moved(anna, other_host)
    anna.sign(step)
    assert step_row(step).state == "signed"


def left_and_brought(person: Person, to: AuthserverHost) -> None:
    """Carry on, as far as the new host."""
    left(person, to)
    token = token_of(person)
    client_for(to).bring(client_for(token.host).package(bytes(token.vk)))


@pytest.mark.parametrize("cut_off", [left, left_and_brought])
def test_a_move_that_was_cut_off_is_finished_by_the_next_answer(
    anna: Person, other_host: AuthserverHost, cut_off: Callable[[Person, AuthserverHost], object]
) -> None:
    step = anna.open()
    cut_off(anna, other_host)
    assert token_of(anna).host != other_host
    anna.sign(step)
    assert token_of(anna).host == other_host
    assert RetiredServer.objects.count() == 1


def test_a_move_that_was_cut_off_is_finished_by_a_void(
    anna: Person, other_host: AuthserverHost
) -> None:
    step = anna.open()
    left(anna, other_host)
    assert anna.post(f"/steps/{step['id']}/cancel")["state"] == "cancelled"
    assert token_of(anna).host == other_host


def test_a_move_that_was_cut_off_is_finished_by_a_suspension(
    anna: Person, other_host: AuthserverHost
) -> None:
    left(anna, other_host)
    anna.post(f"/tokens/{anna.token.serial}/suspend")
    assert ask_server(token_of(anna)).state == "suspended"
    assert token_of(anna).host == other_host


def test_a_move_that_was_cut_off_is_finished_by_the_event(
    anna: Person, other_host: AuthserverHost
) -> None:
    left(anna, other_host)
    fetch_events(now=now() + timedelta(days=366))
    assert token_of(anna).host == other_host


def test_a_move_that_was_cut_off_is_finished_by_asking_again(
    anna: Person, other_host: AuthserverHost
) -> None:
    left(anna, other_host)
    assert moved(anna, other_host).host == other_host
    assert moved(anna, other_host).host == other_host
    assert RetiredServer.objects.count() == 1


def test_a_stale_row_is_followed_without_a_second_note(
    anna: Person, other_host: AuthserverHost
) -> None:
    stale = token_of(anna)
    moved(anna, other_host)
    shown = client_of(stale).server(bytes(stale.vk))
    assert shown["serial"] == stale.serial
    assert stale.host == other_host
    assert RetiredServer.objects.count() == 1


def test_a_token_goes_there_and_back(anna: Person, other_host: AuthserverHost) -> None:
    home = token_of(anna).host
    stale = token_of(anna)
    moved(anna, other_host)
    away = token_of(anna)
    moved(anna, home)
    anna.sign(anna.open())
    # Rows read before know the old places, and find the way too.
    for row in (stale, away):
        assert client_of(row).server(bytes(row.vk))["state"] == "active"
    assert token_of(anna).host == home


def test_while_the_new_host_is_away_nothing_is_lost(
    anna: Person, other_host: AuthserverHost
) -> None:
    step = anna.open()
    response = anna.response(step)
    left(anna, other_host)
    with unreachable(other_host):
        assert anna.answer(step, response).refusal == (503, "authserver_unavailable")
    assert step_row(step).state == "challenged"
    assert anna.answer(step, response).body["accepted"] is True


def test_a_host_that_is_away_gives_nothing_away(anna: Person, other_host: AuthserverHost) -> None:
    with unreachable(other_host), pytest.raises(AuthserverUnavailableError):
        moved(anna, other_host)
    anna.sign(anna.open())
    assert token_of(anna).host != other_host


def test_a_server_that_went_to_a_host_not_known_here_is_an_outage(
    anna: Person, other_host: AuthserverHost
) -> None:
    step = anna.open()
    left(anna, other_host)
    AuthserverHost.objects.filter(pk=other_host.pk).update(origin="https://x.example")
    assert anna.answer(step).refusal == (503, "authserver_unavailable")


def test_hosts_that_send_from_one_to_the_other_are_an_outage(
    anna: Person, other_host: AuthserverHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = anna.open()
    left(anna, other_host)

    def elsewhere(client: AuthserverClient, package: bytes) -> Any:
        raise ServerMovedError(token_of(anna).host.origin)

    monkeypatch.setattr(AuthserverClient, "package", lambda *_: b"")
    monkeypatch.setattr(AuthserverClient, "bring", elsewhere)
    assert anna.answer(step).refusal == (503, "authserver_unavailable")


def test_both_hosts_certificates_of_the_key_are_published(
    anna: Person, other_host: AuthserverHost
) -> None:
    before = token_of(anna)
    moved(anna, other_host)
    after = token_of(anna)
    assert certified_server(after).host == other_host.number
    bucket = int(bytes(after.vk).hex()[:3], 16)
    published = [message for message, _ in certificates_in_bucket(bucket=bucket)]
    assert {bytes(before.certificate), bytes(after.certificate)} <= {*published}
    assert bytes(before.certificate) != bytes(after.certificate)


def test_parties_of_one_transaction_sit_at_different_hosts(
    anna: Person, ben: Person, other_host: AuthserverHost
) -> None:
    moved(ben, other_host)
    receipt = ben.sign(ben.follow(anna.sign(anna.open())))
    report = anna.post("/receipts/verify", {"receipt": receipt})
    assert report["is_valid"] is True
    assert {token_of(anna).host_id, token_of(ben).host_id} == {
        *AuthserverHost.objects.values_list("pk", flat=True)
    }


def test_only_a_token_in_use_moves(anna: Person, other_host: AuthserverHost) -> None:
    anna.post(f"/tokens/{anna.token.serial}/revoke")
    with pytest.raises(TokenNotActiveError):
        moved(anna, other_host)


def test_nothing_moves_to_a_closed_host(anna: Person, other_host: AuthserverHost) -> None:
    AuthserverHost.objects.filter(pk=other_host.pk).update(state="closed")
    with pytest.raises(HostInUseError):
        moved(anna, other_host)


# Placing, draining, closing.


def test_every_host_gets_as_many_as_it_weighs() -> None:
    hosts = [AuthserverHost(number=number, weight=number) for number in (1, 2, 3, 10)]
    got = [host_at(hosts, ticket).number for ticket in range(16)]
    assert [got.count(number) for number in (1, 2, 3, 10)] == [1, 2, 3, 10]
    with pytest.raises(ValueError, match="above"):
        host_at(hosts, 16)


def test_only_active_hosts_with_a_weight_take_tokens(
    host: AuthserverHost, other_host: AuthserverHost
) -> None:
    assert choose_host() == host
    with pytest.raises(NoHostError):
        choose_host(but=host)
    AuthserverHost.objects.filter(pk=other_host.pk).update(weight=1)
    assert choose_host(but=host) == other_host
    for state in ("draining", "closed"):
        AuthserverHost.objects.filter(pk=other_host.pk).update(state=state)
        assert choose_host() == host


def set_state(host: AuthserverHost, state: str) -> AuthserverHost:
    return change_host_state(number=host.number, state=state, actor="operator:o", now=now())


def test_a_host_closes_when_nothing_lives_there(
    anna: Person, ben: Person, host: AuthserverHost, other_host: AuthserverHost
) -> None:
    with pytest.raises(HostInUseError):
        set_state(host, "closed")
    set_state(host, "draining")
    ben.post(f"/tokens/{ben.token.serial}/revoke")
    with pytest.raises(HostInUseError):
        set_state(host, "closed")
    drained = drain(number=host.number, to=other_host.number, actor="operator:o")
    assert (drained.moved, drained.failed) == (1, {})
    set_state(host, "closed")
    anna.sign(anna.open())
    set_state(host, "active")


def test_a_host_that_is_not_draining_keeps_its_tokens(
    anna: Person, host: AuthserverHost, other_host: AuthserverHost
) -> None:
    with pytest.raises(HostInUseError):
        drain(number=host.number, to=other_host.number, actor="operator:o")


def test_draining_goes_some_at_a_time_and_counts_what_stays(
    anna: Person, ben: Person, host: AuthserverHost, other_host: AuthserverHost
) -> None:
    set_state(host, "draining")
    AuthserverHost.objects.filter(pk=other_host.pk).update(weight=1)
    assert drain(number=host.number, actor="operator:o", most=1).moved == 1
    with unreachable(other_host):
        assert drain(number=host.number, actor="o").failed == {"authserver_unavailable": 1}
    assert drain(number=host.number, actor="operator:o").moved == 1
    assert drain(number=host.number, actor="operator:o").moved == 0


def test_what_lies_in_stock_goes_along_and_is_given_out_there(
    mallory: Person, host: AuthserverHost, other_host: AuthserverHost, second: Authserver
) -> None:
    suite = parse_suite(TYPED)
    cards = [Card(serial=f"MOVES{n}", suite=suite, seed=token_bytes(32)) for n in range(2)]
    file = second.services.folder / "moves.csv"
    file.write_text("\n".join(map(row_of, cards)), "ascii")
    options = ("--platform", "countersign", "--batch", "moves")
    second.services.authserver("import_tokens", str(file), *options)
    set_state(other_host, "draining")
    drained = drain_stock(number=other_host.number, to=host.number)
    assert (drained.moved, drained.failed) == (2, {})
    assert drain_stock(number=other_host.number, to=host.number).moved == 0
    hand = Hand.active(mallory, cards[0])
    assert Token.objects.get(serial=hand.card.serial).host == host


def test_the_command_drains_a_host_and_closes_it(
    anna: Person,
    ben: Person,
    host: AuthserverHost,
    other_host: AuthserverHost,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Not the first host: other tests take tokens from its stock.
    for person in (anna, ben):
        moved(person, other_host)
    call_command("drain_host", str(other_host.number), "--to", str(host.number), "--close")
    out = capsys.readouterr().out
    assert "2 tokens and 0 in stock moved; 0 tokens still live" in out
    assert {token_of(person).host for person in (anna, ben)} == {host}
    call_command("hosts")
    out = capsys.readouterr().out
    assert "closed" in out
    assert "not asked" in out


def test_the_command_says_what_stays(
    anna: Person, host: AuthserverHost, other_host: AuthserverHost
) -> None:
    with pytest.raises(CommandError, match="no_host"):
        call_command("drain_host", str(host.number))
    with unreachable(other_host), pytest.raises(CommandError, match="authserver_unavailable"):
        call_command("drain_host", str(host.number), "--to", str(other_host.number))
    with pytest.raises(CommandError, match="host_in_use"):
        call_command("drain_host", str(host.number), "--to", str(host.number), "--close")


def test_the_command_moves_one(
    anna: Person, other_host: AuthserverHost, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("move_token", anna.token.serial, "--to", str(other_host.number))
    assert f"is at host {other_host.number}" in capsys.readouterr().out
    with pytest.raises(CommandError, match="not_found"):
        call_command("move_token", "CS0", "--to", "1")
