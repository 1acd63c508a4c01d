"""Who is told what: the inbox, and the outbox of e-mail behind it."""

from datetime import timedelta
from smtplib import SMTPException
from typing import Any

import pytest
from django.core import mail
from django.utils.translation import override

from accounts.services import choose_language
from enrolment.models import AuthserverHost
from notices.models import Notice
from notices.services import deliver_notices
from notices.services.letters import MAX_FAILURES
from notices.words import WORDS
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


def test_the_owner_is_told_that_somebody_declined(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))
    ben.post(f"/steps/{step['id']}/decline", {"reason": "too dear"})

    assert inbox(anna) == ["declined"]
    assert inbox(ben) == []


def test_wrong_digits_are_told_to_the_owner_and_the_lock_to_the_holder(
    anna: Person, ben: Person
) -> None:
    ben.lock(ben.follow(anna.sign(anna.open())))

    assert inbox(anna) == ["refused"]
    assert inbox(ben) == ["locked", "last_try"]


def test_a_cancelled_step_is_told_to_whoever_did_not_cancel_it(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    ben.post(f"/steps/{ben.follow(receipt)['id']}/cancel")
    assert (inbox(anna), inbox(ben)) == (["cancelled"], [])

    anna.post(f"/steps/{ben.follow(receipt)['id']}/cancel")
    assert (inbox(anna), inbox(ben)) == (["cancelled"], ["cancelled"])


def test_whoever_signed_the_step_before_is_told_too(
    anna: Person, ben: Person, cora: Person
) -> None:
    cora.sign(cora.follow(ben.sign(ben.follow(anna.sign(anna.open())))))

    assert inbox(anna) == ["continued", "continued"]
    assert inbox(ben) == ["continued"]
    assert inbox(cora) == []


def test_whoever_is_invited_back_is_told_once(anna: Person, ben: Person) -> None:
    ben.sign(ben.follow(anna.sign(anna.open()), next={"account": anna.account}))

    assert inbox(anna) == ["step_waits"]


def test_an_invitation_by_e_mail_is_in_the_inbox_of_a_holder_of_that_address(
    anna: Person, ben: Person
) -> None:
    anna.sign(anna.open(next={"email": ben.email}))

    assert inbox(ben) == ["step_waits"]


def test_an_invitation_by_e_mail_is_in_the_inbox_of_whoever_signs_up_with_it(
    anna: Person,
) -> None:
    anna.sign(anna.open(next={"email": "dora@example.com"}))

    assert inbox(Person.make("Dora")) == ["step_waits"]


def test_nobody_is_told_of_an_activation(anna: Person) -> None:
    serial, digits = anna.pair()
    with seconds_ago(300):
        anna.post(f"/tokens/{serial}/activate", {"digits": digits})
    reconcile_steps(now=now())

    assert inbox(anna) == []


def test_the_owner_is_told_that_a_step_expired(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    with seconds_ago(55):
        ben.follow(receipt, ttl=30)
    reconcile_steps(now=now())

    assert inbox(anna) == ["expired"]


def test_a_holder_is_told_that_the_own_step_expired(anna: Person) -> None:
    with seconds_ago(55):
        anna.open(ttl=30)
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
    assert "1250" not in str(message.body).replace(tx, "")


def test_an_address_without_an_account_is_written_to(anna: Person) -> None:
    anna.sign(anna.open(next={"email": "New.Partner+x@Example.com"}))

    deliver_notices(now=now())

    assert mail.outbox[0].to == ["new.partner+x@example.com"]


def test_a_message_says_what_we_never_ask_for(anna: Person, ben: Person) -> None:
    anna.sign(anna.open(next={"account": ben.account}))
    deliver_notices(now=now())

    assert "We never ask for digits" in str(mail.outbox[0].body)


def test_whoever_has_no_account_is_told_to_make_one_with_the_address_written_to(
    anna: Person, ben: Person
) -> None:
    anna.sign(anna.open(next={"email": "dora@example.com"}))
    anna.sign(anna.open(next={"email": ben.email}))
    deliver_notices(now=now())

    to_dora, to_ben = (str(message.body) for message in mail.outbox)
    assert "make one with this address: dora@example.com" in to_dora
    assert "no account yet" not in to_ben


@pytest.mark.parametrize(
    ("theirs", "inviter", "written"),
    [("zh-hans", "en", "zh-hans"), ("en", "zh-hans", "en"), ("", "zh-hans", "zh-hans")],
)
def test_a_message_is_written_in_the_language_of_its_reader_where_that_is_known(
    anna: Person, ben: Person, theirs: str, inviter: str, written: str
) -> None:
    choose_language(user=ben.holder.user, language=theirs)
    step = anna.open(next={"account": ben.account})
    body = {"response": anna.response(step)}
    anna.call("POST", f"/steps/{step['id']}/response", body, headers={"Accept-Language": inviter})

    deliver_notices(now=now())

    assert Notice.objects.get().language == written
    with override(written):
        assert mail.outbox[0].subject == str(WORDS["step_waits"].title)


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
        patched.setattr("notices.services.letters.send_mail", fail)
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
        patched.setattr("notices.services.letters.send_mail", fail)
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
