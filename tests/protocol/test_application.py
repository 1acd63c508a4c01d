"""Billing requests: read as they were sealed, by whom, on the channel, and for nothing else."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, hpke
from protocol.application import (
    BillingRequest,
    Channel,
    SmsEnvelope,
    consent,
    open_network,
    open_sms,
    read_sms,
    request_digest,
    seal,
    seal_sms,
)
from protocol.currency import EXPONENTS
from protocol.errors import ProtocolError
from protocol.evidence import evidence, evidence_key, sample_ranges
from protocol.jwk import from_base64
from tests.protocol.strategies import octets

KEY = X25519PrivateKey.from_private_bytes(bytes([5]) * 32)
THIRD_KEY = KEY.public_key().public_bytes_raw()
OTHER = X25519PrivateKey.from_private_bytes(bytes([6]) * 32)
# 3GPP TS 23.038 section 6.2.1, as far as base64url and the full stop need it.
GSM_7 = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
GOOD = BillingRequest(
    package=b"pack",
    build=3,
    terminal=b"terminal",
    item=7,
    amount=250,
    currency="EUR",
    nonce=b"one time",
    is_counted=False,
    is_consented=True,
    key_matches=True,
    files_match=False,
    channel=Channel.NETWORK,
    evidence=bytes(range(16)),
)
SMS = replace(GOOD, channel=Channel.SMS)
SHOWN: dict[str, Any] = {"first_key": b"f" * 32, "root": b"r" * 32, "sample": b"bytes"}
UINT32 = st.integers(0, 2**32 - 1)
REQUESTS = st.builds(
    BillingRequest,
    package=octets(4),
    build=st.integers(1, 2**16 - 1),
    terminal=octets(8),
    item=UINT32,
    amount=st.integers(1, 2**32 - 1),
    currency=st.sampled_from(sorted(EXPONENTS)),
    nonce=octets(8),
    is_counted=st.booleans(),
    is_consented=st.booleans(),
    key_matches=st.booleans(),
    files_match=st.booleans(),
    channel=st.just(Channel.NETWORK),
    evidence=octets(16),
)


def envelope(request: BillingRequest) -> SmsEnvelope:
    found = read_sms(seal_sms(request, THIRD_KEY))
    assert found is not None
    return found


def sealed_content(content: object, info: bytes = b"cs/billing/v1|7061636b|network") -> bytes:
    return hpke.seal(cbor.encode(content), THIRD_KEY, info)


def network_content(request: BillingRequest = GOOD) -> list[Any]:
    info = f"cs/billing/v1|{request.package.hex()}|network".encode()
    found: list[Any] = cbor.decode(hpke.unseal(seal(request, THIRD_KEY), KEY, info))
    return found


@given(REQUESTS)
def test_a_request_is_read_as_it_was_sealed_on_either_channel(request: BillingRequest) -> None:
    assert open_network(seal(request, THIRD_KEY), KEY, request.package) == request
    by_sms = replace(request, channel=Channel.SMS)
    assert open_sms(envelope(by_sms), KEY, request.currency) == by_sms


@given(REQUESTS)
def test_a_request_is_one_sms_of_132_characters_that_every_phone_has(
    request: BillingRequest,
) -> None:
    text = seal_sms(replace(request, channel=Channel.SMS), THIRD_KEY)
    assert len(text) == 132
    assert set(text) <= GSM_7
    assert len(from_base64(text[4:])) == 96
    info = f"cs/billing/v1|{request.package.hex()}|sms".encode()
    found = read_sms(text)
    assert found is not None
    assert len(hpke.unseal(found.sealed, KEY, info)) == 43


def test_a_request_opens_with_its_own_packages_key_and_id_alone() -> None:
    sealed = seal(GOOD, THIRD_KEY)
    for key, package in ((OTHER, b"pack"), (KEY, b"kcap")):
        with pytest.raises(ProtocolError, match="sealed_invalid"):
            open_network(sealed, key, package)
    for shown in (envelope(SMS), replace(envelope(SMS), package=b"kcap")):
        with pytest.raises(ProtocolError, match="sealed_invalid"):
            open_sms(shown, OTHER if shown.package == b"pack" else KEY, "EUR")


def test_a_request_does_not_open_on_the_other_channel() -> None:
    with pytest.raises(ProtocolError, match="sealed_invalid"):
        open_network(envelope(SMS).sealed, KEY, b"pack")
    with pytest.raises(ProtocolError, match="sealed_invalid"):
        open_sms(SmsEnvelope(b"pack", seal(GOOD, THIRD_KEY)), KEY, "EUR")
    with pytest.raises(ProtocolError, match="value_out_of_range"):
        seal(SMS, THIRD_KEY)
    with pytest.raises(ProtocolError, match="value_out_of_range"):
        seal_sms(GOOD, THIRD_KEY)


def test_content_that_names_another_package_or_channel_is_refused() -> None:
    for place, value in ((1, b"kcap"), (12, "sms")):
        content = network_content()
        content[place] = value
        with pytest.raises(ProtocolError, match="value_out_of_range"):
            open_network(sealed_content(content), KEY, b"pack")


@pytest.mark.parametrize("place", [8, 9, 10, 11])
def test_a_missing_answer_is_no_answer(place: int) -> None:
    content = network_content()
    content[place] = None
    with pytest.raises(ProtocolError, match="field_missing"):
        open_network(sealed_content(content), KEY, b"pack")


@pytest.mark.parametrize("flags", [0b0010, 0b1000, 0b0011, 0b1110, 0, 0b1111])
def test_a_missing_result_in_an_sms_is_no_result(flags: int) -> None:
    with pytest.raises(ProtocolError, match="field_missing"):
        open_sms(with_flags(flags), KEY, "EUR")


@pytest.mark.parametrize("flags", [0b01001010, 0b10001010])
def test_flags_that_nobody_knows_are_refused(flags: int) -> None:
    with pytest.raises(ProtocolError, match="value_out_of_range"):
        open_sms(with_flags(flags), KEY, "EUR")


def with_flags(flags: int) -> SmsEnvelope:
    info = b"cs/billing/v1|7061636b|sms"
    content = hpke.unseal(envelope(SMS).sealed, KEY, info)
    content = content[:26] + bytes([flags]) + content[27:]
    return SmsEnvelope(b"pack", hpke.seal(content, THIRD_KEY, info))


def test_there_is_no_room_for_a_level() -> None:
    with pytest.raises(ProtocolError, match="type_wrong"):
        open_network(sealed_content([*network_content(), "low"]), KEY, b"pack")
    with pytest.raises(ProtocolError, match="type_wrong"):
        open_network(sealed_content({1: "low"}), KEY, b"pack")


def test_every_byte_of_a_request_counts() -> None:
    sealed, shown = seal(GOOD, THIRD_KEY), envelope(SMS)
    for place in range(len(sealed)):
        with pytest.raises(ProtocolError):
            open_network(flipped(sealed, place), KEY, b"pack")
    for place in range(len(shown.sealed)):
        with pytest.raises(ProtocolError):
            open_sms(replace(shown, sealed=flipped(shown.sealed, place)), KEY, "EUR")


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("package", b"pac"),
        ("build", 0),
        ("build", 2**16),
        ("terminal", b"term"),
        ("item", 2**32),
        ("item", -1),
        ("amount", 0),
        ("amount", 2**32),
        ("currency", "XXX"),
        ("currency", None),
        ("nonce", b"short"),
        ("key_matches", None),
        ("files_match", 1),
        ("is_consented", None),
        ("evidence", bytes(15)),
        ("channel", "post"),
    ],
)
def test_what_a_request_cannot_hold_is_refused(field: str, value: object) -> None:
    changes: dict[str, Any] = {field: value}
    with pytest.raises(ProtocolError):
        replace(GOOD, **changes)


@given(st.text(max_size=200))
def test_any_other_sms_is_no_request(text: str) -> None:
    assert read_sms(text) is None


@pytest.mark.parametrize(
    "change", [lambda text: f"  {text}\n", lambda text: f"\t{text}"], ids=["around", "before"]
)
def test_spaces_around_an_sms_do_not_matter(change: Callable[[str], str]) -> None:
    assert read_sms(change(seal_sms(SMS, THIRD_KEY))) is not None


def test_an_sms_that_is_cut_is_no_request_and_another_version_is_refused() -> None:
    text = seal_sms(SMS, THIRD_KEY)
    assert read_sms(text[:-1]) is None
    assert read_sms(text.lower()) is None
    with pytest.raises(ProtocolError, match="version_unknown"):
        read_sms("CS1.Ag" + text[6:])


@given(st.binary(max_size=200))
def test_nothing_but_a_request_opens(sealed: bytes) -> None:
    with pytest.raises(ProtocolError):
        open_network(sealed, KEY, b"pack")
    with pytest.raises(ProtocolError):
        open_sms(SmsEnvelope(b"pack", sealed), KEY, "EUR")


@given(octets(8), st.integers(0, 10_000))
def test_samples_lie_in_the_measured_files(nonce: bytes, size: int) -> None:
    ranges = sample_ranges(nonce, size)
    assert len(ranges) == 4
    assert all(start >= 0 and start + length <= size for start, length in ranges)
    assert all(length == min(64, size) for _, length in ranges)


def test_samples_depend_on_the_nonce() -> None:
    assert sample_ranges(bytes(8), 10**6) != sample_ranges(bytes(7) + b"1", 10**6)
    assert sample_ranges(bytes(8), 10**6) == sample_ranges(bytes(8), 10**6)


@pytest.mark.parametrize(
    "field", [field.name for field in fields(GOOD) if field.name != "evidence"]
)
def test_evidence_covers_every_field_of_the_request(field: str) -> None:
    others: dict[str, Any] = {
        "package": b"kcap",
        "build": 4,
        "terminal": b"lanimret",
        "item": 8,
        "amount": 251,
        "currency": "USD",
        "nonce": b"two time",
        "channel": Channel.SMS,
    }
    value = others.get(field)
    both = replace(GOOD, files_match=True)
    changes: dict[str, Any] = {field: not getattr(both, field) if value is None else value}
    changed = evidence(b"k" * 32, replace(both, **changes), **SHOWN)
    assert changed != evidence(b"k" * 32, both, **SHOWN)


@pytest.mark.parametrize("shown", ["first_key", "root", "sample"])
def test_evidence_covers_what_was_found_unless_the_result_is_no(shown: str) -> None:
    yes = replace(GOOD, key_matches=True, files_match=True)
    no = replace(GOOD, key_matches=False, files_match=False)
    other = SHOWN | {shown: b"x" * 32}
    assert evidence(b"k" * 32, yes, **other) != evidence(b"k" * 32, yes, **SHOWN)
    assert evidence(b"k" * 32, no, **other) == evidence(b"k" * 32, no, **SHOWN)
    assert evidence(b"k" * 32, no, **SHOWN | {shown: None}) == evidence(b"k" * 32, no, **SHOWN)
    with pytest.raises(ProtocolError):
        evidence(b"k" * 32, yes, **SHOWN | {shown: None})


def test_evidence_needs_the_key_and_does_not_cover_itself() -> None:
    first = evidence(b"k" * 32, GOOD, **SHOWN)
    assert len(first) == 16
    assert evidence(b"l" * 32, GOOD, **SHOWN) != first
    assert evidence(b"k" * 32, replace(GOOD, evidence=first), **SHOWN) == first


def test_both_ends_of_an_agreement_derive_the_key_of_this_terminal() -> None:
    share = OTHER.public_key().public_bytes_raw()
    ours = evidence_key(OTHER.exchange(KEY.public_key()), share, b"t" * 32)
    theirs = evidence_key(KEY.exchange(OTHER.public_key()), share, b"t" * 32)
    assert ours == theirs
    assert len(ours) == 32
    assert evidence_key(KEY.exchange(OTHER.public_key()), share, b"u" * 32) != ours


def test_what_is_proved_is_the_same_on_both_channels_and_names_who_is_paid() -> None:
    assert request_digest(GOOD, "GAMES") == request_digest(SMS, "GAMES")
    assert request_digest(GOOD, "GAMES") != request_digest(GOOD, "OTHERS")
    assert request_digest(GOOD, "GAMES") != request_digest(replace(GOOD, amount=1), "GAMES")


def test_the_payer_reads_what_for_how_much_and_who_is_paid() -> None:
    asked = consent(title="Sword", amount=1999, currency="EUR", payee="Games")
    assert asked == "Pay 19.99 EUR to Games for Sword?"


ODD: list[Any] = [None, -1, 2**53 - 1, "x", b"", [], {}, {1: b"x"}, [1, [2]]]


@pytest.mark.parametrize("place", range(14))
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_whoever_seals_nonsense_is_refused_by_name(place: int, value: object) -> None:
    """Anybody can seal to a public key: what is inside is as hostile as what is outside."""
    content = network_content()
    content[place] = value
    with pytest.raises(ProtocolError):
        open_network(sealed_content(content), KEY, b"pack")


@given(st.binary(min_size=43, max_size=43))
def test_whatever_43_bytes_are_sealed_they_are_a_request_or_refused(content: bytes) -> None:
    sealed = hpke.seal(content, THIRD_KEY, b"cs/billing/v1|7061636b|sms")
    try:
        request = open_sms(SmsEnvelope(b"pack", sealed), KEY, "EUR")
    except ProtocolError:
        return
    assert request.amount > 0
    assert request.build > 0
