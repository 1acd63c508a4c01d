"""Giving a receipt to somebody: a link that says nothing without its fragment, by e-mail too."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.db import IntegrityError
from django.test import Client

from audit.models import AuditRow
from common.errors import RateLimitedError
from notices.models import MailedReceipt, Notice
from notices.services import deliver_notices, forget_holder, mail_receipt, receipts
from notices.services.letters import MAX_FAILURES
from tests.platform.operators import browser_of
from tests.platform.world import Person, call, now

ADDRESS = "carla@example.org"


def signed(person: Person) -> tuple[str, str]:
    """Sign a step; return the receipt's id and its link."""
    body = person.answer(person.open()).body
    return str(body["receipt_id"]), str(body["receipt"])


def send(person: Person, receipt_id: str, email: str = ADDRESS) -> Any:
    return person.call("POST", f"/receipts/{receipt_id}/email", {"email": email})


def delivered() -> mail.EmailMessage:
    deliver_notices(now=now())
    message: mail.EmailMessage = mail.outbox[-1]
    return message


def test_the_link_asks_the_server_for_the_same_page_whatever_the_receipt(anna: Person) -> None:
    _, link = signed(anna)

    asked, _, digits = link.partition("#")
    page = Client().get(asked.removeprefix(settings.COUNTERSIGN_ORIGIN))

    assert asked == f"{settings.COUNTERSIGN_ORIGIN}/r"
    assert digits.isdecimal()
    assert page.status_code == 200
    assert page["Referrer-Policy"] in ("no-referrer", "same-origin", "strict-origin")
    for word in (digits[:40], anna.account, "Flower", "1250", "1,250"):
        assert word not in page.content.decode()


def test_a_party_sends_the_link_and_the_mail_says_nothing_else_of_it(anna: Person) -> None:
    receipt_id, link = signed(anna)

    assert send(anna, receipt_id).status == 202
    message = delivered()

    assert message.to == [ADDRESS]
    assert link in message.body.splitlines()
    rest = message.subject + message.body.replace(link, "")
    for word in (anna.account, anna.email, "Anna", "Flower", "1,250", "1250", "EUR", receipt_id):
        assert word not in rest
    assert "No account is needed" in rest


def test_the_link_is_kept_until_it_is_sent_and_no_longer(anna: Person) -> None:
    receipt_id, link = signed(anna)
    send(anna, receipt_id)
    (notice,) = Notice.objects.filter(kind="receipt_sent")
    assert notice.path == link.removeprefix(settings.COUNTERSIGN_ORIGIN)

    delivered()

    notice.refresh_from_db()
    assert (notice.fragment, notice.path) == ("", "/r")


def test_a_link_that_cannot_be_sent_is_deleted_in_the_next_round(anna: Person) -> None:
    receipt_id, _ = signed(anna)
    send(anna, receipt_id)
    Notice.objects.filter(kind="receipt_sent").update(failures=MAX_FAILURES)

    deliver_notices(now=now())

    assert not Notice.objects.exclude(fragment="").exists()


def test_a_link_that_was_sent_by_a_worker_that_was_ended_goes_after_an_hour(anna: Person) -> None:
    receipt_id, _ = signed(anna)
    send(anna, receipt_id)
    left = Notice.objects.exclude(fragment="")
    left.update(sent_at=now())

    deliver_notices(now=now() + timedelta(minutes=59))
    assert left.exists()
    deliver_notices(now=now() + timedelta(minutes=61))
    assert not left.exists()


def test_sending_leaves_one_audit_row_without_the_address(anna: Person) -> None:
    receipt_id, _ = signed(anna)
    send(anna, receipt_id)

    (row,) = AuditRow.objects.filter(action="receipt.mailed")

    assert (row.subject, row.actor) == (receipt_id, anna.holder.actor)
    assert ADDRESS not in str(vars(row))


def test_strangers_send_nothing(anna: Person, mallory: Person) -> None:
    receipt_id, _ = signed(anna)

    assert send(mallory, receipt_id).refusal == (404, "not_found")
    assert send(anna, "0" * 64).refusal == (404, "not_found")
    path = f"/receipts/{receipt_id}/email"
    assert call("POST", path, {"email": ADDRESS}).refusal == (401, "not_authenticated")
    assert not MailedReceipt.objects.exists()
    assert not Notice.objects.filter(kind="receipt_sent").exists()


@pytest.mark.parametrize("email", ["", "nobody", "a@b\nBcc: c@example.org", 7, None])
def test_what_is_no_address_is_refused(anna: Person, email: Any) -> None:
    receipt_id, _ = signed(anna)

    assert send(anna, receipt_id, email).refusal[0] == 422
    assert not Notice.objects.filter(kind="receipt_sent").exists()


def write(person: Person, email: str, **changes: Any) -> None:
    options = {"link": "https://x.example/r#1", "now": now(), **changes}
    mail_receipt(sender_id=person.holder.pk, email=email, **options)


def test_a_holder_sends_so_many_a_day(anna: Person, ben: Person) -> None:
    for number in range(receipts.MAX_BY_SENDER):
        write(anna, f"{number}@example.org")

    receipt_id, _ = signed(anna)
    assert send(anna, receipt_id).refusal == (429, "rate_limited")

    write(ben, ADDRESS)
    write(anna, ADDRESS, now=now() + timedelta(days=1))


def test_an_address_gets_so_many_a_day_from_whomever(anna: Person, ben: Person) -> None:
    for number in range(receipts.MAX_TO_ADDRESS):
        write(anna if number % 2 else ben, ADDRESS)

    with pytest.raises(RateLimitedError) as caught:
        write(anna, ADDRESS)

    assert 0 < caught.value.seconds <= 86400
    write(anna, "other@example.org")


def test_two_at_once_are_not_counted_as_one(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    write(anna, ADDRESS)
    # Both looked before either wrote.
    monkeypatch.setattr(receipts, "_next", lambda mailed, number: 0)

    with pytest.raises(RateLimitedError) as caught:
        write(anna, "other@example.org")

    assert isinstance(caught.value.__cause__, IntegrityError)
    assert not Notice.objects.filter(email="other@example.org").exists()


def test_what_no_limit_counts_any_more_is_forgotten(anna: Person) -> None:
    write(anna, ADDRESS, now=now() - timedelta(days=4))
    write(anna, ADDRESS)

    assert MailedReceipt.objects.count() == 1


def test_whoever_leaves_is_forgotten_as_sender_and_as_address(anna: Person, ben: Person) -> None:
    write(anna, ADDRESS)
    write(ben, anna.email)
    write(ben, ADDRESS)

    forget_holder(holder_id=anna.holder.pk, email=anna.email)

    assert [row.sender_id for row in MailedReceipt.objects.all()] == [ben.holder.pk]


def test_the_page_of_a_step_sends_the_link(anna: Person) -> None:
    step = anna.open()
    receipt = anna.answer(step).body["receipt"]
    path = f"/steps/{step['id']}"

    page = browser_of(anna).post(
        path, {"action": "mail", "email": "Carla@Example.org"}, follow=True
    )

    assert "The link is on its way." in page.content.decode()
    assert receipt in delivered().body
    assert mail.outbox[-1].to == [ADDRESS]


def test_the_page_says_what_is_no_address_and_has_every_form(anna: Person) -> None:
    step = anna.open()
    receipt_id = anna.answer(step).body["receipt_id"]

    page = browser_of(anna).post(f"/steps/{step['id']}", {"action": "mail", "email": "nobody"})

    assert page.status_code == 422
    shown = page.content.decode()
    assert 'aria-invalid="true"' in shown
    for form in ("pdf", "pdf?paper=letter", "svg", "txt", "cbor"):
        assert f'href="/api/v1/receipts/{receipt_id}.{form}"' in shown


def test_the_page_of_an_open_step_sends_nothing(anna: Person) -> None:
    step = anna.open()

    page = browser_of(anna).post(f"/steps/{step['id']}", {"action": "mail", "email": ADDRESS})

    assert page.status_code == 404
    assert not Notice.objects.filter(kind="receipt_sent").exists()
