"""A challenge that nobody answered in time: it blocks nobody, and its end is the server's word."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from common.sealing import sealer
from enrolment.authserver_client import AuthserverClient
from enrolment.models import AuthserverHost, Token
from tests.platform.world import (
    Person,
    lose_the_answer,
    now,
    seconds_ago,
    step_row,
    unreachable,
)
from tests.ports import free_port
from transactions.models import Step
from transactions.services import reconcile_steps


def test_an_expired_step_does_not_keep_others_from_continuing(
    anna: Person, ben: Person, cora: Person
) -> None:
    receipt = anna.sign(anna.open())
    with seconds_ago(55):
        step = ben.follow(receipt, ttl=30)

    assert cora.follow(receipt)["position"] == 1
    assert step_row(step).state == Step.State.EXPIRED


def test_an_expired_step_counts_as_one_of_the_two_that_a_holder_may_leave_unsigned(
    anna: Person, ben: Person
) -> None:
    receipt = anna.sign(anna.open())
    for _ in range(2):
        with seconds_ago(55):
            ben.follow(receipt, ttl=30)
        reconcile_steps(now=now())

    assert ben.try_follow(receipt).refusal == (403, "not_your_turn")


def test_an_expired_step_whose_host_cannot_be_reached_keeps_its_place(
    anna: Person, ben: Person, cora: Person, host: AuthserverHost
) -> None:
    receipt = anna.sign(anna.open())
    with seconds_ago(55):
        ben.follow(receipt, ttl=30)

    with unreachable(host):
        assert cora.try_follow(receipt).refusal == (503, "authserver_unavailable")

    assert cora.follow(receipt)["position"] == 1


def test_three_expired_challenges_leave_the_token_free(anna: Person) -> None:
    with seconds_ago(600):
        steps = [anna.open() for _ in range(3)]

    assert anna.open()["state"] == "challenged"
    assert {step_row(step).state for step in steps} == {Step.State.EXPIRED}


def test_an_open_challenge_is_not_settled(anna: Person) -> None:
    anna.open()

    assert reconcile_steps(now=now()) == (0, 0)


def test_the_command_settles_what_is_overdue(anna: Person) -> None:
    with seconds_ago(600):
        step = anna.open()
    said = io.StringIO()

    call_command("reconcile_steps", stdout=said)

    assert said.getvalue() == "1 steps settled, 0 left\n"
    assert step_row(step).state == Step.State.EXPIRED


def test_the_command_fails_while_a_host_gives_no_answer(
    anna: Person, host: AuthserverHost
) -> None:
    with seconds_ago(600):
        step = anna.open()
    said = io.StringIO()

    with unreachable(host), pytest.raises(CommandError, match="authserver_unavailable"):
        call_command("reconcile_steps", stdout=said)

    assert said.getvalue() == "0 steps settled, 1 left\n"
    assert step_row(step).state == Step.State.CLOSING


def test_a_host_that_is_away_is_asked_once_a_round_and_keeps_no_other_waiting(
    anna: Person, ben: Person, host: AuthserverHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with seconds_ago(600):
        steps = [anna.open() for _ in range(3)]
        late = ben.open()
    away = AuthserverHost.objects.create(
        number=2,
        name="Away",
        origin=f"http://127.0.0.1:{free_port()}",
        root=bytes(host.root),
        certificates=host.certificates,
        sealed_key=sealer().seal(b"key", b"Away"),
    )
    Token.objects.filter(serial=anna.token.serial).update(host=away)
    asked: list[str] = []
    void = AuthserverClient.void

    def counted(client: AuthserverClient, **about: Any) -> Any:
        asked.append(client.origin)
        return void(client, **about)

    monkeypatch.setattr(AuthserverClient, "void", counted)

    assert reconcile_steps(now=now()) == (1, 3)
    assert asked.count(away.origin) == 1
    assert step_row(late).state == Step.State.EXPIRED
    assert Step.State.EXPIRED not in {step_row(step).state for step in steps}


def test_an_answer_that_was_lost_is_found_when_the_step_is_settled(anna: Person) -> None:
    step = anna.open()
    lose_the_answer(step, anna.response(step))
    Step.objects.update(expires_at="2020-01-01T00:00:00Z")

    assert reconcile_steps(now=now()) == (1, 0)
    assert step_row(step).state == Step.State.SIGNED
    assert step_row(step).receipt


def test_an_expired_step_is_described_with_its_reason(anna: Person) -> None:
    with seconds_ago(600):
        step = anna.open()
    reconcile_steps(now=now())

    shown = anna.get(f"/steps/{step['id']}")

    assert shown["state"] == "expired"
    assert shown["reason"] == "expired"
    assert "challenge" not in shown
