"""SMS by an SMS centre: the tests start one on loopback, and read its octets."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from notices.models import SmsReceived
from notices.sms import backend, coding
from notices.sms.backends import SmsRefusedError, SmsUnavailableError
from notices.sms.smpp import SmppBackend
from tests.smsc import PASSWORD, Centre, running

NUMBER = "+46701740605"
taken: list[tuple[str, str]] = []

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def take(sender: str, text: str, now: object) -> bool:
    taken.append((sender, text))
    if text.startswith("break"):
        raise RuntimeError
    return True


@pytest.fixture
def centre(settings: Any) -> Iterator[Centre]:
    settings.SMS_HANDLERS = [f"{__name__}.take"]
    taken.clear()
    with running() as centre:
        settings.SMS_URL = centre.url
        yield centre


@pytest.fixture
def smpp(centre: Centre) -> Iterator[SmppBackend]:
    made = backend()
    assert isinstance(made, SmppBackend)
    yield made
    made.close()


def test_a_text_arrives_at_its_number_with_our_name(centre: Centre, smpp: SmppBackend) -> None:
    assert smpp.send(NUMBER, "Code 123456 €") == "id-1"
    (one,) = centre.submitted
    assert (one.number, one.source, one.flags, one.coding) == (b"46701740605", b"Bank", 0, 0)
    assert one.body == b"Code 123456 \x1b\x65"


def test_other_alphabets_arrive(centre: Centre, smpp: SmppBackend) -> None:
    smpp.send(NUMBER, "验证码 123456")
    (one,) = centre.submitted
    assert (one.coding, one.body.decode("utf-16-be")) == (8, "验证码 123456")


@pytest.mark.parametrize("text", ["Words. " * 60, "字" * 200])
def test_a_long_text_goes_in_parts_that_phones_join(
    centre: Centre, smpp: SmppBackend, text: str
) -> None:
    smpp.send(NUMBER, text)
    places = [coding.read_header(one.body) for one in centre.submitted]
    assert {one.flags for one in centre.submitted} == {0x40}
    assert [place.index for place, _ in places if place] == [1, 2, 3]
    assert len({(place.reference, place.total) for place, _ in places if place}) == 1
    joined = b"".join(body for _, body in places)
    assert coding.decode(joined, centre.submitted[0].coding) == text


def test_several_go_over_one_link(centre: Centre, smpp: SmppBackend) -> None:
    centre.asks_first = True
    for _ in range(3):
        smpp.send(NUMBER, "x")
    assert (len(centre.submitted), centre.links) == (3, 1)


@pytest.mark.parametrize(
    ("sender", "source"), [("%2B46700000000", b"46700000000"), ("12345", b"12345"), ("", b"")]
)
def test_the_sender_may_be_a_number_or_left_to_the_centre(
    centre: Centre, settings: Any, sender: str, source: bytes
) -> None:
    settings.SMS_URL = centre.url.replace("Bank", sender)
    made = backend()
    assert isinstance(made, SmppBackend)
    made.send(NUMBER, "x")
    made.close()
    assert centre.submitted[0].source == source


def test_a_link_that_was_not_used_for_a_while_is_made_anew(
    centre: Centre, smpp: SmppBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    smpp.send(NUMBER, "x")
    monkeypatch.setattr("notices.sms.smpp._FRESH_SECONDS", -1.0)
    smpp.send(NUMBER, "x")
    assert (len(centre.submitted), centre.links) == (2, 2)


@pytest.mark.parametrize("status", [0x58, 0x14, 0x08, None])
def test_trouble_at_the_centre_is_an_outage_and_the_next_try_links_anew(
    centre: Centre, smpp: SmppBackend, status: int | None
) -> None:
    centre.statuses = [status]
    with pytest.raises(SmsUnavailableError):
        smpp.send(NUMBER, "x")
    smpp.send(NUMBER, "x")
    assert (len(centre.submitted), centre.links) == (1, 2)


def test_a_centre_that_cannot_show_its_name_is_told_no_password(
    centre: Centre, settings: Any
) -> None:
    settings.SMS_URL = centre.url.replace("smpp://", "smpps://")
    with pytest.raises(SmsUnavailableError):
        backend().send(NUMBER, "x")
    assert centre.links == 0


@pytest.mark.parametrize("status", [0x0B, 0x01])
def test_a_number_that_the_centre_does_not_take_is_refused(
    centre: Centre, smpp: SmppBackend, status: int
) -> None:
    centre.statuses = [status]
    with pytest.raises(SmsRefusedError):
        smpp.send(NUMBER, "x")
    smpp.send(NUMBER, "x")
    assert centre.links == 1


def test_what_no_sms_can_hold_is_refused(smpp: SmppBackend) -> None:
    with pytest.raises(SmsRefusedError):
        smpp.send(NUMBER, "x" * 5000)


def test_a_wrong_password_and_an_absent_centre_are_outages(centre: Centre, settings: Any) -> None:
    settings.SMS_URL = centre.url.replace(PASSWORD, "wrong")
    with pytest.raises(SmsUnavailableError):
        backend().send(NUMBER, "x")
    settings.SMS_URL = "smpp://nobody:x@127.0.0.1:1"
    with pytest.raises(SmsUnavailableError):
        backend().send(NUMBER, "x")


def test_at_level_debug_the_log_still_holds_no_password_number_or_text(
    smpp: SmppBackend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    smpp.send(NUMBER, "Code 123456")
    said = caplog.text
    for secret in (PASSWORD, "46701740605", "123456"):
        assert secret not in said
        assert secret.encode().hex() not in said


def receive(centre: Centre) -> list[int]:
    """Have our receiver take what the centre delivers; return the statuses it gave."""
    call_command("receive_sms", "--once")
    return [centre.answers.get_nowait() for _ in range(centre.answers.qsize())]


@pytest.mark.django_db
def test_what_comes_in_is_taken_with_its_number(centre: Centre) -> None:
    centre.deliver(b"BIND abc")
    assert receive(centre) == [0]
    assert taken == [(NUMBER, "BIND abc")]


@pytest.mark.django_db
def test_what_comes_in_twice_is_taken_once(centre: Centre) -> None:
    for _ in range(2):
        centre.deliver(b"BIND abc")
        assert receive(centre) == [0]
    assert len(taken) == SmsReceived.objects.count() == 1


@pytest.mark.django_db
def test_a_long_one_is_taken_when_it_is_whole(centre: Centre) -> None:
    parts = coding.encode("字" * 100).parts
    centre.deliver(*reversed(parts), coding=8)
    assert receive(centre) == [0, 0]
    assert taken == [(NUMBER, "字" * 100)]


def numbered(reference: int, total: int, index: int) -> bytes:
    """Say which part it is by optional parameters: SMPP 3.4, 5.3.2.22 to 24."""
    octets = f"020c0002{reference:04x}020e0001{total:02x}020f0001{index:02x}"
    return bytes.fromhex(octets)


@pytest.mark.django_db
def test_parts_may_be_numbered_beside_the_text(centre: Centre) -> None:
    centre.deliver(b"BIND ", more=numbered(7, 2, 1))
    centre.deliver(b"abc", more=numbered(7, 2, 2))
    assert receive(centre) == [0, 0]
    assert taken == [(NUMBER, "BIND abc")]


@pytest.mark.django_db
def test_a_text_may_come_beside_the_message_and_what_nobody_knows_is_skipped(
    centre: Centre,
) -> None:
    # message_payload (5.3.2.32), and a parameter of a vendor.
    centre.deliver(b"", more=bytes.fromhex("14000001ff" + "04240008") + b"BIND abc")
    assert receive(centre) == [0]
    assert taken == [(NUMBER, "BIND abc")]


@pytest.mark.django_db
def test_a_sender_that_is_not_said_to_be_a_whole_number_proves_none(centre: Centre) -> None:
    centre.deliver(b"BIND abc", ton=5)
    assert receive(centre) == [0]
    assert taken == []


@pytest.mark.django_db
def test_what_could_not_be_taken_is_delivered_again(centre: Centre) -> None:
    centre.deliver(b"break")
    assert receive(centre) == [0x64]
    assert not SmsReceived.objects.exists()


@pytest.mark.django_db
def test_the_last_part_of_what_could_not_be_taken_is_enough_again(centre: Centre) -> None:
    first, last = coding.encode("break" * 40).parts
    centre.deliver(first, last, last, flags=0x40)
    assert receive(centre) == [0, 0x64, 0x64]
    assert len(taken) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"id:1 sub:001 dlvrd:001", {"flags": 0x04}),
        (b"\xff\xff", {}),
        (b"binary", {"coding": 4}),
        (b"\x05\x00", {"flags": 0x40}),
        (b"", {"flags": 0x40}),
    ],
)
def test_receipts_and_what_nobody_can_read_are_left_alone(
    centre: Centre, body: bytes, fields: dict[str, Any]
) -> None:
    centre.deliver(body, **fields)
    centre.deliver(b"after it")
    assert receive(centre) == [0, 0]
    assert taken == [(NUMBER, "after it")]


def test_without_a_centre_there_is_nothing_to_receive(settings: Any) -> None:
    settings.SMS_URL = "memory:"
    with pytest.raises(CommandError, match="SMS_URL"):
        call_command("receive_sms")
