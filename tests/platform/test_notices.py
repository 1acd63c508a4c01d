"""Who is told what: the inbox, and the outbox of e-mail behind it."""

from datetime import timedelta
from smtplib import SMTPException
from typing import Any

import pytest
from django.core import mail

from enrolment.models import AuthserverHost
from notices.models import Notice
from notices.services import MAX_FAILURES, deliver_notices
from tests.platform.world import Person, call, now, read_receipt, seconds_ago
from transactions.services import reconcile_steps


def inbox(person: Person) -> list[str]:
    return [notice["kind"] for notice in person.get("/notices")]


def test_the_invited_holder_is_told_once_the_step_is_signed(anna: Person, ben: Person) -> None:
    step = anna.open(next={"account": ben.account})
    assert inbox(ben) == []

    anna.sign(step)

    (notice,) = ben.get("/notices")
    assert notice["kind"] == "step_waits"
    assert notice["transaction"] == step["transaction"]
    assert notice["read_at"] is None


def test_nobody_is_told_of_a_step_that_came_to_nothing(anna: Person, ben: Person) -> None:
    anna.post(f"/steps/{anna.open(next={'account': ben.account})['id']}/cancel")

    assert inbox(ben) == []


def test_the_owner_is_told_that_somebody_continued(anna: Person, ben: Person) -> None:
    ben.sign(ben.follow(anna.sign(anna.open())))

    assert inbox(anna) == ["continued"]


def test_the_owner_is_told_that_somebody_refused(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))
    ben.post(f"/steps/{step['id']}/decline", {"reason": "too dear"})

    assert inbox(anna) == ["refused"]


def test_the_owner_is_told_that_a_step_expired(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    with seconds_ago(55):
        ben.follow(receipt, ttl=30)
    reconcile_steps(now=now())

    assert inbox(anna) == ["expired"]


def test_the_owner_is_not_told_of_its_own_doings(anna: Person) -> None:
    anna.sign(anna.open())

    assert inbox(anna) == []


def test_an_inbox_is_its_holder_s_alone(anna: Person, ben: Person, mallory: Person) -> None:
    ben.sign(ben.follow(anna.sign(anna.open())))

    assert inbox(mallory) == inbox(ben) == []
    assert call("GET", "/notices").refusal == (401, "not_authenticated")


def test_a_message_names_the_transaction_and_nothing_of_its_content(
    anna: Person, ben: Person
) -> None:
    receipt = anna.sign(anna.open(remark="very private", next={"account": ben.account}))

    assert deliver_notices(now=now()) == 1

    (message,) = mail.outbox
    assert message.to == [ben.email]
    assert message.subject == "A transaction waits for you"
    tx = read_receipt(receipt).tx.hex()
    assert f"http://localhost:8000/transactions/{tx}" in str(message.body)
    assert "private" not in str(message.body)
    assert "1250" not in str(message.body)


def test_an_address_without_an_account_is_written_to(anna: Person) -> None:
    anna.sign(anna.open(next={"email": "New.Partner+x@Example.com"}))

    deliver_notices(now=now())

    assert mail.outbox[0].to == ["new.partner+x@example.com"]


def test_a_message_is_sent_once(anna: Person, ben: Person) -> None:
    anna.sign(anna.open(next={"account": ben.account}))

    assert [deliver_notices(now=now()) for _ in range(2)] == [1, 0]
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("error", [OSError("refused"), SMTPException("busy")])
def test_a_message_that_could_not_be_sent_is_sent_later(
    anna: Person, ben: Person, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    anna.sign(anna.open(next={"account": ben.account}))

    def fail(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("notices.services.send_mail", fail)
        assert deliver_notices(now=now()) == 0

    assert Notice.objects.get().failures == 1
    assert deliver_notices(now=now() + timedelta(seconds=20)) == 1


def test_a_mail_server_that_is_away_for_hours_loses_no_message(
    anna: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna.sign(anna.open(next={"account": ben.account}))
    start = now()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr("notices.services.send_mail", fail)
        for seconds in range(0, 3600, 5):
            deliver_notices(now=start + timedelta(seconds=seconds))

    assert deliver_notices(now=start + timedelta(hours=2)) == 1


def test_a_message_is_given_up_after_eight_failures(anna: Person, ben: Person) -> None:
    anna.sign(anna.open(next={"account": ben.account}))
    Notice.objects.update(failures=MAX_FAILURES)

    assert deliver_notices(now=now() + timedelta(days=9)) == 0
    assert inbox(ben) == ["step_waits"]


def test_an_address_that_no_mail_can_carry_stops_no_other_message(
    anna: Person, ben: Person
) -> None:
    anna.sign(anna.open(next={"account": ben.account}))
    Notice.objects.create(
        kind="step_waits",
        email="a@example.com\nBcc: b@example.com",
        transaction="0" * 16,
        created_at=now(),
    )
    Notice.objects.create(
        kind="step_waits", email=ben.email, transaction="1" * 16, created_at=now()
    )

    assert deliver_notices(now=now()) == 2
    assert Notice.objects.get(sent_at=None).failures == 1


def test_a_notice_kept_for_nobody_is_in_no_inbox(anna: Person, host: AuthserverHost) -> None:
    anna.sign(anna.open(next={"email": "stranger@example.com"}))

    assert Notice.objects.get().holder_id is None
    assert inbox(anna) == []
