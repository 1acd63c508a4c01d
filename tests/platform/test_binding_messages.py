"""A message goes from one bound phone to another, with a fresh permit, for the chips alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from binding.models import Message, Permit, SeenProof
from binding.services import suspend, tidy_phones
from protocol import binding as protocol
from protocol.jwk import from_base64, to_base64
from tests.platform.phones import Phone, Sim, TestChip
from tests.platform.world import Person, everything_as_bytes, everything_stored, now

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def anna_phone(db: None) -> Phone:
    return Phone.bound(Person.make("Anna"))


@pytest.fixture
def ben_phone(db: None) -> Phone:
    return Phone.bound(Person.make("Ben"))


def stop(phone: Phone) -> None:
    suspend(phone.row, reason="reported", actor="system", now=now())


def permit_of(phone: Phone, purpose: str = "message") -> str:
    return str(phone.permit(purpose).body["permit"])


def test_the_recipient_reads_what_the_sender_wrote_and_nobody_else_can(
    anna_phone: Phone, ben_phone: Phone
) -> None:
    peer = anna_phone.gadget.call("POST", "/binding/peers", {"number": ben_phone.sim.number}).body
    assert from_base64(peer["chip_key"]) == ben_phone.chip.key.public
    permit = permit_of(anna_phone)
    body = anna_phone.write(ben_phone, "Meet me at six", box_key=from_base64(peer["box_key"]))
    assert anna_phone.send(body, permit).status == 201

    (came,) = ben_phone.gadget.call("GET", "/binding/messages").body

    opened = protocol.Message.open(from_base64(came["message"]), key=from_base64(came["chip_key"]))
    assert opened.read(ben_phone.chip.box) == "Meet me at six"
    assert opened.sender == anna_phone.sim.number
    stored = everything_as_bytes()
    for secret in ("Meet me", anna_phone.sim.number, ben_phone.sim.number):
        assert secret.encode() not in stored
    assert anna_phone.gadget.call("GET", "/binding/messages").body == []


def test_messages_come_oldest_first_and_from_behind_one_on(
    anna_phone: Phone, ben_phone: Phone
) -> None:
    for _ in range(3):
        permit = permit_of(anna_phone)
        assert anna_phone.send(anna_phone.write(ben_phone), permit).status == 201
    came = ben_phone.gadget.call("GET", "/binding/messages").body
    behind = ben_phone.gadget.call("GET", f"/binding/messages?after={came[0]['id']}").body
    assert [message["id"] for message in behind] == [message["id"] for message in came[1:]]
    assert ben_phone.gadget.call("GET", "/binding/messages?after=0000000000000000").body == []
    assert not Message.objects.filter(fetched_at=None).exists()


@pytest.mark.parametrize("permit", ["none", "used", "of another use", "of another phone"])
def test_permit_required(anna_phone: Phone, ben_phone: Phone, permit: str) -> None:
    named = None
    if permit == "used":
        named = permit_of(anna_phone)
        assert anna_phone.send(anna_phone.write(ben_phone), named).status == 201
    elif permit == "of another use":
        named = permit_of(anna_phone, "billing")
    elif permit == "of another phone":
        named = permit_of(ben_phone)
    body = anna_phone.write(ben_phone)
    before = everything_stored()
    assert anna_phone.send(body, named).refusal == (403, "permit_required")
    assert everything_stored() == before


CHANGES: dict[str, Callable[[Phone, Phone], dict[str, Any]]] = {
    "other sender": lambda anna, ben: {"sender": Sim().number},
    "other recipient": lambda anna, ben: {"recipient": Sim().number},
}


@pytest.mark.parametrize("change", [*CHANGES, "other chip", "nonsense", "to oneself"])
def test_message_invalid(anna_phone: Phone, ben_phone: Phone, change: str) -> None:
    permit = permit_of(anna_phone)
    changes = CHANGES[change](anna_phone, ben_phone) if change in CHANGES else {}
    if change == "other chip":
        anna_phone.chip.key = TestChip().key
    to = anna_phone if change == "to oneself" else ben_phone
    body = anna_phone.write(to, **changes)
    if change == "nonsense":
        body["message"] = to_base64(b"nonsense")
    body["to"] = to.sim.number
    assert anna_phone.send(body, permit).refusal == (422, "message_invalid")
    assert not Message.objects.exists()
    assert Permit.objects.filter(purpose="message", used_at=None).exists()


def test_chip_counter_replay_of_a_message_that_was_sent(
    anna_phone: Phone, ben_phone: Phone
) -> None:
    first = permit_of(anna_phone)
    body = anna_phone.write(ben_phone)
    assert anna_phone.send(body, first).status == 201
    second = permit_of(anna_phone)
    assert anna_phone.send(body, second).refusal == (409, "chip_counter_replay")
    assert Message.objects.count() == 1
    assert Permit.objects.filter(purpose="message", used_at=None).count() == 1


def test_recipient_not_bound(anna_phone: Phone, ben_phone: Phone) -> None:
    permit = permit_of(anna_phone)
    stop(ben_phone)
    body = anna_phone.write(ben_phone)
    assert anna_phone.send(body, permit).refusal == (404, "recipient_not_bound")
    answer = anna_phone.gadget.call("POST", "/binding/peers", {"number": ben_phone.sim.number})
    assert answer.refusal == (404, "recipient_not_bound")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/binding/messages"), ("GET", "/binding/messages"), ("POST", "/binding/peers")],
)
def test_only_bound_phones_send_read_and_look_up(
    anna_phone: Phone, ben_phone: Phone, method: str, path: str
) -> None:
    body: Any = {"number": ben_phone.sim.number}
    if path.endswith("messages"):
        body = anna_phone.write(ben_phone) if method == "POST" else None
    unbound = Phone.of(Person.make("Ed"))
    assert unbound.gadget.call(method, path, body).refusal == (403, "not_bound")
    stop(anna_phone)
    assert anna_phone.gadget.call(method, path, body).refusal == (423, "binding_suspended")


def test_rate_limited_when_a_phone_looks_up_one_number_after_the_other(
    anna_phone: Phone, ben_phone: Phone
) -> None:
    SeenProof.objects.bulk_create(
        SeenProof(
            thumbprint=anna_phone.gadget.keys.thumbprint, jti_hash=bytes([at]) * 32, at=now()
        )
        for at in range(60)
    )
    answer = anna_phone.gadget.call("POST", "/binding/peers", {"number": ben_phone.sim.number})
    assert answer.refusal == (429, "rate_limited")


def test_messages_are_kept_thirty_days(anna_phone: Phone, ben_phone: Phone) -> None:
    permit = permit_of(anna_phone)
    assert anna_phone.send(anna_phone.write(ben_phone), permit).status == 201
    tidy_phones(now=now() + timedelta(days=29))
    assert Message.objects.exists()
    tidy_phones(now=now() + timedelta(days=31))
    assert not Message.objects.exists()
