"""An older database came back: what was signed since comes back too, and nothing twice."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from audit.models import AuditRow
from enrolment.authserver_client import AuthserverClient
from enrolment.errors import ServerMovedError
from enrolment.models import AuthserverHost, Token
from enrolment.selectors import client_for
from enrolment.services import fetch_events, move_token, rewind_events, tell_moves_again
from notices.models import Notice
from protocol.digests import verdict_digest
from tests.platform.hosts import rolled_back
from tests.platform.test_continue_transaction import as_text, receipt_key
from tests.platform.world import (
    Authserver,
    Person,
    lose_the_answer,
    now,
    read_receipt,
    step_row,
    unreachable,
)
from transactions.models import ErasedStep, Step, Transaction
from transactions.services import learn_from_hosts


def forget(*steps: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lose steps, the last first, and their transaction with the first; return what they were."""
    lost: list[dict[str, Any]] = []
    for step in reversed(steps):
        row = step_row(step)
        lost.insert(0, as_signed(row))
        row.delete()
        if not Step.objects.filter(transaction=row.transaction).exists():
            row.transaction.delete()
    return lost


def as_signed(row: Step) -> dict[str, Any]:
    """What a step is, but for where its rows lie and who was asked to go on."""
    names = (
        *("position", "kind", "s", "statement", "issued_at", "expires_at", "state", "reason"),
        *("verdict", "decided_at", "seq", "link", "receipt", "receipt_id", "note"),
    )
    values = {name: getattr(row, name) for name in names}
    plain = {
        name: bytes(value) if isinstance(value, memoryview) else value
        for name, value in values.items()
    }
    return {**plain, "tx": bytes(row.transaction.tx), "holder": row.holder, "token": row.token}


def actions() -> list[str]:
    return list(AuditRow.objects.order_by("pk").values_list("action", flat=True))


def test_a_forgotten_step_comes_back_with_its_receipt(anna: Person, ben: Person) -> None:
    first = anna.open()
    receipt = anna.sign(first)
    second = ben.follow(receipt)
    told = ben.sign(second)
    (lost,) = forget(second)

    step = anna.follow(told)

    back = step_row(second)
    assert as_signed(back) == lost
    assert back.previous == step_row(first)
    assert step["position"] == 2
    assert "step.imported" in actions()
    anna.sign(step)


def test_a_forgotten_transaction_comes_back_with_its_receipt(anna: Person, ben: Person) -> None:
    first = anna.open()
    second = ben.follow(anna.sign(first))
    told = ben.sign(second)
    lost = forget(first, second)

    anna.sign(anna.follow(told))

    assert [as_signed(step_row(step)) for step in (first, second)] == lost
    chain = Transaction.objects.get(tx=lost[0]["tx"])
    assert (chain.owner, chain.state) == (anna.holder, "open")


def test_what_comes_back_is_told_to_nobody(anna: Person, ben: Person) -> None:
    second = ben.follow(anna.sign(anna.open()))
    told = ben.sign(second)
    before = Notice.objects.count()
    forget(second)
    anna.follow(told)
    assert Notice.objects.count() == before


def test_a_receipt_that_is_shown_twice_comes_back_once(anna: Person, ben: Person) -> None:
    first = anna.open()
    receipt = anna.sign(first)
    forget(first)
    step = ben.follow(receipt)
    assert ben.try_follow(receipt).refusal == (409, "chain_head_moved")
    assert Step.objects.filter(transaction=step_row(step).transaction).count() == 2


def test_an_open_step_that_a_receipt_shows_signed_is_signed(anna: Person, ben: Person) -> None:
    first = anna.open()
    receipt = anna.sign(first)
    Step.objects.filter(pk=step_row(first).pk).update(
        state="challenged", verdict=None, seq=None, receipt=None, receipt_id=None, link=None
    )
    ben.follow(receipt)
    assert step_row(first).state == "signed"


def test_a_receipt_whose_earlier_steps_are_folded_and_forgotten_has_to_wait(
    anna: Person, ben: Person
) -> None:
    people, receipts, steps = [anna, ben], [], []
    step = anna.open()
    for number in range(5):
        steps.append(step)
        receipts.append(people[number % 2].sign(step))
        if number < 4:
            step = people[(number + 1) % 2].follow(receipts[-1])
    assert read_receipt(receipts[-1]).folded > 0
    lost = forget(*steps)
    assert ben.try_follow(receipts[-1]).refusal == (409, "previous_step_forgotten")
    # Somebody shows an earlier one first; whoever may continue there does not have to.
    for receipt in receipts[1:4]:
        ben.try_follow(receipt)
        Step.objects.filter(state="challenged").delete()
    ben.follow(receipts[-1])
    assert [as_signed(step_row(step)) for step in steps] == lost


def test_a_receipt_of_a_token_that_is_not_known_any_more_has_to_wait(
    anna: Person, ben: Person
) -> None:
    first = anna.open()
    receipt = anna.sign(first)
    forget(first)
    Token.objects.filter(serial=anna.token.serial).update(serial="CS-OTHER")
    assert ben.try_follow(receipt).refusal == (409, "previous_step_forgotten")
    assert not Transaction.objects.filter(tx=read_receipt(receipt).tx).exists()


def test_what_was_erased_does_not_come_back(anna: Person, ben: Person) -> None:
    first = anna.open()
    receipt = anna.sign(first)
    (lost,) = forget(first)
    ErasedStep.objects.create(
        tx=lost["tx"], position=0, s=lost["s"], v=verdict_digest(lost["verdict"])
    )
    assert ben.try_follow(receipt).refusal == (422, "previous_content_changed")


def test_a_place_that_was_taken_meanwhile_is_an_alarm(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    lost = ben.follow(receipt)
    told = ben.sign(lost)
    forget(lost)
    ben.sign(ben.follow(receipt))
    assert anna.try_follow(told).refusal == (409, "chain_head_moved")
    assert AuditRow.objects.filter(action="step.forked", subject=lost["id"]).exists()


def test_a_receipt_of_other_form_serves_as_well(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    bare = read_receipt(receipt).without_certificates().sign(receipt_key())
    assert ben.try_follow(receipt, shown=as_text(bare)).status == 201


def test_a_verdict_that_was_not_the_servers_is_refused(anna: Person, ben: Person) -> None:
    first = anna.open()
    content = read_receipt(anna.sign(first))
    forget(first)
    (step,) = content.steps
    forged = replace(content, steps=(replace(step, signature=bytes(64)),)).sign(receipt_key())
    shown = as_text(forged)
    assert ben.try_follow(as_text(forged), shown=shown).refusal == (
        422,
        "previous_content_changed",
    )
    assert not Step.objects.filter(s=bytes.fromhex(first["id"])).exists()


# What the command does.


def test_open_steps_end_as_their_host_says(anna: Person, ben: Person) -> None:
    step = anna.open()
    lose_the_answer(step, anna.response(step))
    other = ben.open()
    learned = learn_from_hosts(now=now())
    assert (learned.settled, learned.alarms) == (1, [])
    assert step_row(step).state == "signed"
    assert step_row(other).state == "challenged"
    assert learn_from_hosts(now=now()).settled == 0


def test_forgotten_steps_are_counted_and_nothing_is_made_up(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    before = learn_from_hosts(now=now())
    forget(step)
    after = learn_from_hosts(now=now())
    assert after.forgotten == before.forgotten + 1
    assert after.known == before.known - 1
    assert after.alarms == []


def conflicts() -> list[tuple[str, str]]:
    rows = AuditRow.objects.filter(action="restore.conflict")
    return list(rows.values_list("subject", "code"))


def test_another_verdict_under_a_known_number_is_an_alarm(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    row = step_row(step)
    Step.objects.filter(pk=row.pk).update(verdict=bytes(row.verdict or b"") + b"\x00")
    learned = learn_from_hosts(now=now())
    assert learned.alarms == [(step["id"], "verdict_conflict")]
    assert conflicts() == learned.alarms


def test_a_known_number_under_another_statement_is_an_alarm(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    Step.objects.filter(pk=step_row(step).pk).update(s=bytes(32), verdict=b"other")
    assert learn_from_hosts(now=now()).alarms == [(step["id"], "verdict_conflict")]


def test_another_end_than_the_stored_one_is_an_alarm(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    Step.objects.filter(pk=step_row(step).pk).update(seq=None, verdict=b"other")
    assert learn_from_hosts(now=now()).alarms == [(step["id"], "verdict_conflict")]


def test_a_host_that_knows_less_than_we_do_is_an_alarm(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    Step.objects.filter(pk=step_row(step).pk).update(seq=1000)
    learned = learn_from_hosts(now=now())
    assert learned.alarms == [(anna.token.vk.hex(), "host_rolled_back")]


def test_servers_that_no_token_belongs_to_are_named(anna: Person) -> None:
    anna.sign(anna.open())
    before = learn_from_hosts(now=now()).strangers
    Step.objects.all().delete()
    vk = anna.token.vk
    Token.objects.filter(serial=anna.token.serial).update(vk=bytes(8))
    assert learn_from_hosts(now=now()).strangers - before == {vk.hex()}


def test_a_host_without_an_answer_is_named(
    anna: Person, host: AuthserverHost, capsys: pytest.CaptureFixture[str]
) -> None:
    with unreachable(host), pytest.raises(CommandError, match=f"no answer from {host.name}"):
        call_command("after_restore")
    call_command("after_restore")
    assert "0 open steps ended" in capsys.readouterr().out


def test_the_command_fails_on_an_alarm(anna: Person, capsys: pytest.CaptureFixture[str]) -> None:
    step = anna.open()
    anna.sign(step)
    Step.objects.filter(pk=step_row(step).pk).update(s=bytes(32), verdict=b"other")
    with pytest.raises(CommandError, match="does not fit"):
        call_command("after_restore")
    assert f"{step['id']} verdict_conflict" in capsys.readouterr().out


def test_a_journal_that_is_none_is_an_outage(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shown in ({}, {"verdicts": [{}], "next": 1}, {"verdicts": [1], "next": "x"}):
        monkeypatch.setattr(AuthserverClient, "verdicts", lambda *_, shown=shown, **__: shown)
        assert len(learn_from_hosts(now=now()).silent) == 1


# Hosts that forgot what moved.


def test_what_moved_and_is_where_it_belongs_is_left_alone(
    anna: Person, host: AuthserverHost, other_host: AuthserverHost
) -> None:
    move_token(serial=anna.token.serial, number=other_host.number, actor="operator:o", now=now())
    assert tell_moves_again(actor="system") == (0, [])


def test_a_server_that_its_old_host_has_back_is_given_away_again(
    anna: Person, host: AuthserverHost, other_host: AuthserverHost, authserver: Authserver
) -> None:
    serial, vk = anna.token.serial, anna.token.vk
    with rolled_back(authserver):
        move_token(serial=serial, number=other_host.number, actor="operator:o", now=now())
        anna.sign(anna.open())
    assert client_for(host).server(vk)["state"] == "active"
    assert tell_moves_again(actor="system") == (1, [])
    with pytest.raises(ServerMovedError):
        client_for(host).server(vk)
    anna.sign(anna.open())
    assert client_for(other_host).server(vk)["seq"] == 3


def test_a_server_that_its_new_host_has_lost_is_brought_there_again(
    anna: Person, host: AuthserverHost, other_host: AuthserverHost, second: Authserver
) -> None:
    serial = anna.token.serial
    with rolled_back(second):
        move_token(serial=serial, number=other_host.number, actor="operator:o", now=now())
    assert anna.answer(anna.open()).refusal == (404, "server_unknown")
    assert tell_moves_again(actor="system") == (1, [])
    anna.sign(anna.open())


def test_a_host_that_is_away_is_named_with_its_tokens(
    anna: Person, host: AuthserverHost, other_host: AuthserverHost
) -> None:
    serial = anna.token.serial
    move_token(serial=serial, number=other_host.number, actor="operator:o", now=now())
    with unreachable(other_host):
        assert tell_moves_again(actor="system") == (0, [serial])
    with unreachable(host), pytest.raises(CommandError, match="no answer"):
        call_command("after_restore")


def test_events_are_followed_anew_where_a_host_has_lost_some(
    anna: Person, host: AuthserverHost
) -> None:
    fetch_events(now=now() + timedelta(minutes=1))
    host.refresh_from_db()
    last = host.events_after
    assert last > 0
    rewind_events()
    host.refresh_from_db()
    assert host.events_after == last
    AuthserverHost.objects.update(events_after=last + 1000)
    rewind_events()
    host.refresh_from_db()
    assert host.events_after == 0
