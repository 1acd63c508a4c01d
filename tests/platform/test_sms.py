"""SMS that are sent: written with the change, sent after it, forgotten once they were."""

import logging
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import transaction
from time_machine import Traveller

from common.errors import RateLimitedError
from common.numbers import NumberInvalidError
from common.sealing import sealer
from notices.models import SmsMessage, SmsReceived
from notices.services import deliver_sms, forget_old_sms, send_sms
from notices.services import sms as service
from notices.services.sms import LEASE, MAX_AN_HOUR, WAITS
from notices.sms import backend, backends
from notices.sms.backends import FileBackend, MemoryBackend, SmsRefusedError, SmsUnavailableError
from tests.platform.world import now
from tests.smsc import PASSWORD

NUMBER = "+46701740605"
TEXT = "Your code is 123456"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(settings: Any) -> Iterator[list[tuple[str, str]]]:
    settings.SMS_URL = "memory:"
    memory = backend()
    assert isinstance(memory, MemoryBackend)
    memory.sent.clear()
    yield memory.sent
    memory.sent.clear()


class Failing:
    """A way to send that has trouble, and notes how often it was tried."""

    def __init__(self, trouble: type[BaseException]) -> None:
        self.trouble = trouble
        self.tries = 0

    def send(self, number: str, text: str) -> str:
        self.tries += 1
        raise self.trouble


def fail(monkeypatch: pytest.MonkeyPatch, trouble: type[BaseException]) -> Failing:
    failing = Failing(trouble)
    monkeypatch.setattr(service, "backend", lambda: failing)
    return failing


def write(number: str = NUMBER, text: str = TEXT, *, at: datetime | None = None) -> SmsMessage:
    at = at or now()
    expires_at = at + timedelta(minutes=10)
    return send_sms(number=number, text=text, purpose="test", expires_at=expires_at, now=at)


def test_an_sms_is_sent_once_after_it_was_written(sent: list[tuple[str, str]]) -> None:
    write()
    assert sent == []
    assert [deliver_sms(now=now()) for _ in range(2)] == [1, 0]
    assert sent == [(NUMBER, TEXT)]


def test_an_sms_that_is_undone_is_not_sent() -> None:
    with transaction.atomic():
        write()
        transaction.set_rollback(True)
    assert deliver_sms(now=now()) == 0


def test_neither_number_nor_text_can_be_read_in_the_database_and_the_text_goes() -> None:
    message = write()
    row = " ".join(str(value) for value in SmsMessage.objects.values().get().values())
    for secret in (NUMBER, NUMBER[1:], TEXT, "123456"):
        assert secret not in row
        assert secret.encode() not in bytes(message.sealed_number) + bytes(message.sealed_text)
    deliver_sms(now=now())
    message.refresh_from_db()
    assert bytes(message.sealed_text) == b""
    assert message.sent_at is not None
    assert NUMBER not in str(message)


def test_an_sms_is_of_no_use_after_its_time(sent: list[tuple[str, str]]) -> None:
    message = write()
    assert deliver_sms(now=message.expires_at) == 0
    message.refresh_from_db()
    assert (sent, message.due_at, bytes(message.sealed_text)) == ([], None, b"")


def test_what_could_not_be_sent_is_tried_again_ever_later_and_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing, at = fail(monkeypatch, SmsUnavailableError), now()
    message = write(at=at)
    SmsMessage.objects.update(expires_at=at + timedelta(days=9))
    for tries, wait in enumerate(WAITS, start=1):
        deliver_sms(now=at)
        deliver_sms(now=at)
        assert failing.tries == tries, "not again before it is due"
        at += wait + timedelta(seconds=1)
    deliver_sms(now=at)
    message.refresh_from_db()
    assert (failing.tries, message.due_at) == (len(WAITS) + 1, None)
    assert bytes(message.sealed_text) == b""


def test_what_is_refused_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = fail(monkeypatch, SmsRefusedError)
    message = write()
    assert [deliver_sms(now=now() + timedelta(minutes=n)) for n in range(3)] == [0, 0, 0]
    message.refresh_from_db()
    assert (failing.tries, bytes(message.sealed_text)) == (1, b"")


def test_while_nothing_can_be_sent_one_message_alone_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing = fail(monkeypatch, SmsUnavailableError)
    for _ in range(3):
        write()
    deliver_sms(now=now())
    assert failing.tries == 1


def test_two_workers_do_not_send_one_sms_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inner: list[int] = []

    class Slow(MemoryBackend):
        def send(self, number: str, text: str) -> str:
            inner.append(deliver_sms(now=now()))
            return super().send(number, text)

    slow = Slow()
    monkeypatch.setattr(service, "backend", lambda: slow)
    write()
    assert (deliver_sms(now=now()), inner, len(slow.sent)) == (1, [0], 1)


def test_whoever_claimed_an_sms_and_died_loses_it(
    monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, str]]
) -> None:
    fail(monkeypatch, KeyboardInterrupt)
    at = now()
    write(at=at)
    with pytest.raises(KeyboardInterrupt):
        deliver_sms(now=at)
    monkeypatch.undo()
    assert deliver_sms(now=at + LEASE / 2) == 0
    assert deliver_sms(now=at + LEASE * 1.1) == 1


def test_a_text_under_a_key_that_is_gone_holds_up_no_other(sent: list[tuple[str, str]]) -> None:
    SmsMessage.objects.filter(pk=write().pk).update(sealed_text=sealer().seal(b"x", b"other"))
    write()
    assert deliver_sms(now=now()) == 1
    assert sent == [(NUMBER, TEXT)]


def test_nobody_is_flooded() -> None:
    at = now()
    for _ in range(MAX_AN_HOUR):
        write(at=at)
    with pytest.raises(RateLimitedError) as refused:
        write(at=at)
    assert (refused.value.status, refused.value.code) == (429, "rate_limited")
    write("+46701740606", at=at)
    write(at=at + timedelta(hours=1))


def test_what_is_no_number_is_not_written_to() -> None:
    with pytest.raises(NumberInvalidError):
        write("Anna")
    assert not SmsMessage.objects.exists()


def test_after_a_month_nobody_knows_to_whom_an_sms_went() -> None:
    write()
    write()
    deliver_sms(now=now(), limit=1)
    forget_old_sms(now=now() + timedelta(days=31))
    assert SmsMessage.objects.count() == 1, "what is still to be sent stays"
    SmsReceived.objects.create(
        provider="x", provider_id="1", sender_hash=b"", received_at=now() - timedelta(days=31)
    )
    forget_old_sms(now=now())
    assert not SmsReceived.objects.exists()


def test_the_log_holds_neither_number_nor_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for trouble in (SmsUnavailableError, SmsRefusedError):
        fail(monkeypatch, trouble)
        write()
        deliver_sms(now=now())
    assert caplog.records
    # What a record has by itself is times and names of threads: there any digits may stand.
    by_itself = vars(logging.makeLogRecord({})).keys() - {"msg", "args", "exc_text"}
    for record in caplog.records:
        said = {name: value for name, value in vars(record).items() if name not in by_itself}
        assert not any(secret in str(said) for secret in (NUMBER, "123456"))


def test_files_are_the_owners_alone_and_hold_number_and_text(
    tmp_path: Path, clock: Traveller
) -> None:
    folder = tmp_path / "deep" / "sms"
    texts = ["first", "zweite\nZeile", "第三"]
    for text in texts:
        FileBackend(folder).send(NUMBER, text)
        clock.shift(1)
    files = sorted(folder.iterdir())
    assert [file.read_text("utf-8") for file in files] == [f"{NUMBER}\n{text}\n" for text in texts]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "sms").write_text("in the way")
    with pytest.raises(SmsUnavailableError):
        FileBackend(tmp_path / "sms").send(NUMBER, TEXT)


def test_the_console_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    backends.ConsoleBackend().send(NUMBER, TEXT)
    assert capsys.readouterr().out == f"SMS to {NUMBER}: {TEXT}\n"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("console:", "ConsoleBackend"),
        ("memory:", "MemoryBackend"),
        ("file:///var/sms", "FileBackend"),
        ("smpp://me:you@centre.example", "SmppBackend"),
        ("smpps://me:you@centre.example:3550?from=Bank", "SmppBackend"),
    ],
)
def test_the_setting_names_the_way(settings: Any, url: str, kind: str) -> None:
    settings.SMS_URL = url
    assert type(backend()).__name__ == kind
    assert backend() is backend()
    assert "you" not in repr(backend())


@pytest.mark.parametrize(
    "url",
    [
        *("", "file:", "ftp://x", "smpp:", "x", "smpp://centre.example", "smpp://a:b@x:port"),
        *("smpp://me:nine-signs@x", "smpp://sixteen-signs-xx:b@x"),
    ],
)
def test_a_setting_that_names_none_stops_a_release(settings: Any, url: str) -> None:
    settings.SMS_URL = url
    assert "countersign.E005" in {message.id for message in run_checks()}
    assert PASSWORD not in str(run_checks())
