"""Nonsense from a bound phone, and from its holder: a refusal each time, and nothing changes."""

import json
from typing import Any

import pytest

from tests.platform.gadgets import proof
from tests.platform.phones import Phone
from tests.platform.test_malformed import BODIES
from tests.platform.world import Person, call, everything_stored

pytestmark = pytest.mark.usefixtures("phone_keys")

FIELDS = (
    "registration_number",
    "chip_serial",
    "sim_code",
    "comm_number",
    "chip_proof",
    "number",
    "to",
    "message",
    "payment_password",
)
VALUES: tuple[Any, ...] = (
    "\ud800",
    "\x00",
    "é" * 40,
    "+" * 64,
    "9" * 64,
    "🙂",
    "-",
    "=",
    "",
    None,
    5,
    [],
    {},
)
BY_PHONE = (
    "/binding/register",
    "/binding/{uid}/proof",
    "/binding/permits",
    "/binding/peers",
    "/binding/messages",
)
BY_HOLDER = ("/bindings/{uid}/resume", "/bindings/{uid}/approve")


@pytest.fixture
def phone(dora: Person) -> Phone:
    return Phone.bound(dora)


def bodies() -> list[bytes]:
    fixed = {"proof": "to_phone", "purpose": "message", "code": "123456"}
    filled = [{**dict.fromkeys(FIELDS, value), **fixed} for value in VALUES]
    return [*BODIES.values(), *(json.dumps(body).encode() for body in filled)]


@pytest.mark.parametrize("path", BY_PHONE)
def test_nonsense_from_a_phone_is_refused(phone: Phone, path: str) -> None:
    path = path.format(uid=phone.row.public_id)
    before = everything_stored()
    for body in bodies():
        headers = {"DPoP": proof(phone.gadget.keys.signing, "POST", path, body)}
        answer = call("POST", path, body, headers=headers)
        assert answer.refusal[0] in (400, 403, 404, 409, 413, 422), body
    assert everything_stored() == before


@pytest.mark.parametrize("path", BY_HOLDER)
def test_nonsense_from_a_holder_is_refused(phone: Phone, path: str) -> None:
    path = path.format(uid=phone.row.public_id)
    before = everything_stored()
    for body in bodies():
        answer = call("POST", path, body, key=phone.person.key)
        assert answer.refusal[0] in (400, 404, 409, 413, 422), body
    assert everything_stored() == before


@pytest.mark.parametrize("permit", ["é", "=", "A" * 22, " ", "A" * 8000])
def test_nonsense_as_a_permit_is_none(phone: Phone, permit: str) -> None:
    other = Phone.bound(Person.make("Ed"))
    body: dict[str, Any] = phone.write(other)
    headers = {"Permit": permit}
    answer = phone.gadget.call("POST", "/binding/messages", body, headers=headers)
    assert answer.refusal == (403, "permit_required")
