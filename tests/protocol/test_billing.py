"""The billing verdict: read as it was signed, and nothing else passes for one."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, cose
from protocol.billing import ALLOWED, BillingVerdict, Operation
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from tests.protocol.strategies import octets
from tests.protocol.world import NOON, some_bytes

KEY = SigningKey.from_bytes(some_bytes("billing key", 32))
GOOD = BillingVerdict(
    code=ALLOWED,
    resource=some_bytes("resource", 8),
    version=1,
    operation=Operation.PLAY,
    rnonce=some_bytes("rnonce", 16),
    device=some_bytes("device", 32),
    key_digest=some_bytes("sealed key", 32),
    issued=NOON,
    expires=NOON + 60,
)
NOT_PAID = replace(GOOD, code="not_paid", key_digest=None)


@given(
    st.sampled_from([GOOD, NOT_PAID]),
    octets(8),
    octets(16),
    octets(32),
    st.sampled_from(Operation),
)
def test_a_verdict_is_read_as_it_was_signed(
    verdict: BillingVerdict, resource: bytes, rnonce: bytes, device: bytes, operation: Operation
) -> None:
    verdict = replace(
        verdict, resource=resource, rnonce=rnonce, device=device, operation=operation
    )
    assert BillingVerdict.open(verdict.sign(KEY), key=KEY.public) == verdict


def test_leave_is_asked_by_name() -> None:
    assert GOOD.allowed
    assert not NOT_PAID.allowed
    with pytest.raises(TypeError):
        bool(GOOD)


def test_every_byte_of_a_verdict_counts() -> None:
    message = GOOD.sign(KEY)
    for place in range(len(message)):
        changed = message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]
        with pytest.raises(ProtocolError):
            BillingVerdict.open(changed, key=KEY.public)


def test_another_key_or_another_kind_of_message_is_no_verdict() -> None:
    other = SigningKey.generate()
    for message, code in [
        (GOOD.sign(other), "signature_invalid"),
        (cose.sign(KEY, Typ.VERDICT, GOOD.payload()), "typ_wrong"),
        (cose.sign(KEY, Typ.PERMIT, GOOD.payload()), "typ_wrong"),
    ]:
        with pytest.raises(ProtocolError) as refused:
            BillingVerdict.open(message, key=KEY.public)
        assert refused.value.code == code


def test_a_refusal_cannot_be_made_to_look_like_leave() -> None:
    parts = cbor.decode(NOT_PAID.payload())
    parts[1] = 1
    with pytest.raises(ProtocolError):
        BillingVerdict.from_payload(cbor.encode(parts))


@pytest.mark.parametrize(
    "change",
    [
        {"code": ""},
        {"code": "not_paid"},
        {"key_digest": None},
        {"key_digest": b""},
        {"resource": b""},
        {"version": -1},
        {"version": 2**32},
        {"operation": "resell"},
        {"operation": 1},
        {"rnonce": bytes(15)},
        {"device": bytes(31)},
        {"issued": -1},
        {"expires": NOON - 1},
    ],
)
def test_a_field_that_breaks_its_rule_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        replace(GOOD, **change)


@pytest.mark.parametrize("parts", [[], [2] + [0] * 10, [1] * 11, [1, 1, ALLOWED]])
def test_what_is_no_verdict_is_refused(parts: list[object]) -> None:
    with pytest.raises(ProtocolError):
        BillingVerdict.from_payload(cbor.encode(parts))
