"""Enrolment: the token believes only what leads back to the fingerprint it scanned."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.keys import KeyCertificate, Purpose, ServerCertificate
from protocol.statement import Sight
from tests.tokens.world import NOW, TODAY, FakeHost, FakePlatform, certificate
from tokens.display import Profile
from tokens.enrolment import Enrolment, HostAnswer, provisioned
from tokens.errors import TokenError

PLATFORM = FakePlatform()
HOST = FakeHost(PLATFORM)
STRANGER = SigningKey.generate()

FALSE_PARTS: list[tuple[dict[str, bytes], str]] = [
    ({"host_certificate": b""}, "encoding_invalid"),
    (
        {"host_certificate": certificate(HOST.key, STRANGER, Purpose.HOST, "host")},
        "signature_invalid",
    ),
    (
        {"host_certificate": certificate(HOST.key, HOST.root, Purpose.RECEIPT, "host")},
        "certificate_wrong",
    ),
    (
        {
            "host_certificate": KeyCertificate(
                HOST.key.public, Purpose.HOST, "host", TODAY - 9, TODAY - 1
            ).sign(HOST.root)
        },
        "certificate_wrong",
    ),
    ({"platform_root": STRANGER.public}, "platform_root_wrong"),
    (
        {
            "platform_certificate": certificate(
                PLATFORM.statement_key, STRANGER, Purpose.STATEMENT, "cs-demo"
            )
        },
        "signature_invalid",
    ),
    (
        {
            "platform_certificate": certificate(
                PLATFORM.statement_key, PLATFORM.root, Purpose.DIRECTORY, "cs-demo"
            )
        },
        "certificate_wrong",
    ),
    (
        {
            "platform_certificate": certificate(
                PLATFORM.statement_key, PLATFORM.root, Purpose.STATEMENT, "other"
            )
        },
        "certificate_wrong",
    ),
    (
        {
            "server_certificate": ServerCertificate(
                HOST.server.public, "T-0001", TODAY, TODAY
            ).sign(STRANGER)
        },
        "signature_invalid",
    ),
    (
        {
            "server_certificate": ServerCertificate(STRANGER.public, "T-0001", TODAY, TODAY).sign(
                HOST.key
            )
        },
        "certificate_wrong",
    ),
    (
        {
            "server_certificate": ServerCertificate(
                HOST.server.public, "T-0002", TODAY, TODAY
            ).sign(HOST.key)
        },
        "certificate_wrong",
    ),
]
FALSE_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"ticket_hash": hashlib.sha256(b"other").digest()}, "enrolment_not_ours"),
    ({"token_share": b"\x09" * 32}, "enrolment_not_ours"),
    ({"platform_root": bytes(32)}, "platform_root_wrong"),
    ({"platform_id": "other"}, "certificate_wrong"),
    ({"vk": bytes(8)}, "certificate_wrong"),
    ({"serial": "T-0002"}, "certificate_wrong"),
    ({"suite": "OCRA-2:HOTP"}, "suite_invalid"),
    ({"suite": "OCRA-1:HOTP-SHA256-4:QH64"}, "suite_refused"),
    ({"suite": "OCRA-1:HOTP-SHA256-8:QH64-PSHA1"}, "suite_refused"),
    ({"suite": "OCRA-1:HOTP-SHA256-8:QH64-S064"}, "suite_refused"),
    ({"suite": "OCRA-1:HOTP-SHA256-8:QN10"}, "sight_wrong"),
    ({"sight": Sight.TYPED}, "sight_wrong"),
    ({"host_share": bytes(32)}, "key_invalid"),
]


@pytest.fixture
def begun() -> Enrolment:
    return Enrolment.begin(HOST.invitation, NOW)


def refusal(begun: Enrolment, answer: HostAnswer) -> str:
    with pytest.raises((TokenError, ProtocolError)) as refused:
        begun.finish(answer, NOW)
    assert isinstance(refused.value, TokenError | ProtocolError)
    return refused.value.code


def test_token_and_host_hold_the_same_secrets_and_digits(begun: Enrolment) -> None:
    pairing = HOST.pair(begun.share)
    token, digits = begun.finish(pairing.answer, NOW)
    assert (token.seed, token.post_key) == (pairing.secrets.seed, pairing.secrets.post_key)
    assert digits == pairing.secrets.digits


def test_the_token_pins_what_the_transcript_names(begun: Enrolment) -> None:
    token, _ = begun.finish(HOST.pair(begun.share).answer, NOW, Profile(40, 20))
    assert (token.serial, token.vk, str(token.suite)) == ("T-0001", HOST.server.kid, HOST.suite)
    assert (token.host_origin, token.host_root) == (HOST.origin, HOST.root.public)
    assert (token.platform_id, token.platform_origin) == ("cs-demo", PLATFORM.info.origin)
    assert token.platform_root == PLATFORM.root.public
    assert token.sight is Sight.SHOWN
    assert token.profile == Profile(40, 20)


def test_a_repeated_answer_gives_the_same_token(begun: Enrolment) -> None:
    answer = HOST.pair(begun.share).answer
    assert begun.finish(answer, NOW) == begun.finish(answer, NOW)


def test_a_host_with_another_root_is_refused(begun: Enrolment) -> None:
    assert refusal(begun, FakeHost(PLATFORM).pair(begun.share).answer) == "host_root_wrong"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        *FALSE_PARTS,
        ({"confirmation": bytes(32)}, "confirmation_wrong"),
        ({"confirmation": b""}, "confirmation_wrong"),
    ],
)
def test_an_answer_with_a_false_part_is_refused(
    begun: Enrolment, changes: dict[str, bytes], code: str
) -> None:
    assert refusal(begun, replace(HOST.pair(begun.share).answer, **changes)) == code


def test_a_transcript_that_another_key_signed_is_refused(begun: Enrolment) -> None:
    payload = HOST.transcript(begun.share).payload()
    forged = replace(HOST.pair(begun.share).answer, enrol=cose.sign(STRANGER, Typ.ENROL, payload))
    assert refusal(begun, forged) == "signature_invalid"


@pytest.mark.parametrize(("changes", "code"), FALSE_FIELDS)
def test_a_transcript_with_a_false_field_is_refused(
    begun: Enrolment, changes: dict[str, Any], code: str
) -> None:
    assert refusal(begun, HOST.pair(begun.share, **changes).answer) == code


@pytest.mark.parametrize(
    "suite",
    [
        "GMT0021:SM3-8:T60-Q64",
        "GMT0021:SM4-8:T60-Q8",
        "OCRA-1:HOTP-SHA1-6:QN08",
        "TOTP:SHA1-6:T30",
    ],
)
def test_the_seed_is_as_long_as_the_suite_wants_it(suite: str) -> None:
    token = FakeHost(PLATFORM).enrol(suite)
    assert len(token.seed) == token.suite.seed_octets == (16 if "SM4" in suite else 32)


# Without a network


def test_a_provisioning_code_gives_the_token_that_the_host_knows() -> None:
    provision = HOST.provision()
    token, digits = provisioned(provision, NOW, Profile(40, 20))
    share = X25519PrivateKey.from_private_bytes(provision.private).public_key()
    secrets = HOST.pair(share.public_bytes_raw()).secrets
    assert (token.seed, token.post_key, digits) == (secrets.seed, secrets.post_key, secrets.digits)
    assert (token.serial, token.vk, token.host_origin) == ("T-0001", HOST.server.kid, HOST.origin)
    assert token.profile == Profile(40, 20)


def test_two_provisioning_codes_never_give_one_seed() -> None:
    first, second = (provisioned(HOST.provision(), NOW)[0] for _ in range(2))
    assert first.seed != second.seed


@pytest.mark.parametrize(
    ("changes", "code"),
    # What is no message at all does not even make a code; an altered root breaks what it signed.
    [row for row in FALSE_PARTS if row[0] != {"host_certificate": b""}]
    + [({"host_root": STRANGER.public}, "signature_invalid")],
)
def test_a_provisioning_code_with_a_false_part_is_refused(
    changes: dict[str, bytes], code: str
) -> None:
    provision = HOST.provision()
    changed = replace(provision, vouchers=replace(provision.vouchers, **changes))
    with pytest.raises((TokenError, ProtocolError)) as refused:
        provisioned(changed, NOW)
    assert getattr(refused.value, "code", "") == code


@pytest.mark.parametrize(("changes", "code"), FALSE_FIELDS)
def test_a_provisioning_code_with_a_false_field_is_refused(
    changes: dict[str, Any], code: str
) -> None:
    with pytest.raises((TokenError, ProtocolError)) as refused:
        provisioned(HOST.provision(**changes), NOW)
    assert getattr(refused.value, "code", "") == code


@pytest.mark.parametrize("changes", [{"private": bytes(31) + b"\x01"}, {"ticket": bytes(16)}])
def test_another_secret_than_the_host_drew_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TokenError) as refused:
        provisioned(replace(HOST.provision(), **changes), NOW)
    assert getattr(refused.value, "code", "") == "enrolment_not_ours"


def test_two_enrolments_never_share_a_key() -> None:
    first, second = (Enrolment.begin(HOST.invitation, NOW) for _ in range(2))
    assert first.share != second.share


def test_an_enrolment_is_over_with_its_ticket(begun: Enrolment) -> None:
    assert not begun.is_over(NOW + timedelta(seconds=600))
    assert begun.is_over(NOW + timedelta(seconds=601))


def test_repr_shows_no_secret(begun: Enrolment) -> None:
    assert repr(begun) == "Enrolment(https://host.example)"
    assert "HostAnswer object" in repr(HOST.pair(begun.share).answer)
