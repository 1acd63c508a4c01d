"""POST /v1/enrolments: the token's half of the key exchange."""

import hashlib

import pytest
import time_machine

from authserver.base64url import decode, encode
from authserver.models import Enrolment
from protocol import cose
from protocol.cose import Typ
from protocol.enrolment import Transcript
from protocol.keys import KeyCertificate, Purpose
from tests.authserver.world import Bank, LocalHost, Paired, Token

# RFC 7748 section 6.1: with these the shared secret is all zero.
SMALL_ORDER_SHARES = [bytes(32), b"\x01" + bytes(31)]


def test_the_host_signs_what_both_sides_agreed_on(paired: Paired, bank: Bank) -> None:
    body = paired.enrol().body
    host_key = KeyCertificate.open(
        decode(body["host_certificate"]), root=decode(body["host_root"])
    )
    payload = cose.open_signed(decode(body["enrol"]), typ=Typ.ENROL, key=host_key.key)
    transcript = Transcript.from_payload(payload)
    assert host_key.purpose is Purpose.HOST
    assert transcript.platform_root == hashlib.sha256(bank.root.public).digest()
    assert (transcript.platform_id, transcript.platform_origin) == ("bank", "https://bank.example")
    assert (transcript.vk.hex(), transcript.serial) == (paired.vk, paired.serial)
    assert (transcript.suite, transcript.sight) == (str(paired.token.suite), paired.sight)
    assert transcript.token_share == paired.token.share
    assert transcript.ticket_hash == hashlib.sha256(paired.invitation.ticket).digest()


def test_the_token_gets_all_it_has_to_pin(paired: Paired, bank: Bank) -> None:
    body = paired.enrol().body
    assert (
        hashlib.sha256(decode(body["host_root"]))
        .digest()
        .startswith(paired.invitation.fingerprint)
    )
    assert decode(body["platform_root"]) == bank.root.public
    assert decode(body["platform_certificate"]) == bank.certificate
    assert decode(body["server_certificate"]) == paired.certificate


def test_both_sides_derive_the_same_secrets(paired: Paired) -> None:
    body = paired.enrol().body
    assert paired.token.secrets
    assert decode(body["confirmation"]) == paired.token.secrets.confirmation
    assert paired.status()["digits_ready"] is True
    assert paired.confirm().status == 200


def test_no_seed_travels(paired: Paired) -> None:
    raw = paired.enrol().raw.decode()
    assert paired.token.secrets
    for secret in (paired.token.secrets.seed, paired.token.secrets.post_key):
        assert encode(secret) not in raw
        assert secret.hex() not in raw


def test_a_repeat_with_the_same_share_gets_the_same_bytes(
    paired: Paired, clock: time_machine.Traveller
) -> None:
    first = paired.enrol()
    clock.shift(599)
    assert paired.enrol().raw == first.raw


def test_another_share_kills_the_ticket_and_the_server(paired: Paired) -> None:
    paired.enrol()
    stranger = paired.enrol(share=Token(paired.token.suite).share)
    assert (stranger.status, stranger.code) == (409, "ticket_used")
    assert paired.status()["state"] == "revoked"


def test_a_dead_ticket_stays_dead_for_the_first_share_too(paired: Paired) -> None:
    paired.enrol()
    paired.enrol(share=Token(paired.token.suite).share)
    assert paired.enrol().code == "ticket_used"
    assert paired.confirm().code == "state_conflict"


def test_a_ticket_ends_after_ten_minutes(paired: Paired, clock: time_machine.Traveller) -> None:
    clock.shift(600)
    late = paired.enrol()
    assert (late.status, late.code) == (404, "ticket_unknown")
    assert paired.status()["state"] == "issued"


def test_unknown_and_expired_tickets_get_one_answer(
    paired: Paired, host: LocalHost, clock: time_machine.Traveller
) -> None:
    body = {"ticket": encode(bytes(16)), "share": encode(paired.token.share)}
    unknown = host.call("POST", "/v1/enrolments", body)
    clock.shift(601)
    expired = paired.enrol()
    assert unknown.body | {"trace_id": ""} == expired.body | {"trace_id": ""}


def test_a_ticket_ends_when_the_digits_are_confirmed(paired: Paired) -> None:
    paired.enrol()
    paired.confirm()
    assert paired.enrol(share=Token(paired.token.suite).share).code == "ticket_unknown"
    assert paired.status()["state"] == "confirmed"
    assert not Enrolment.objects.exists()


@pytest.mark.parametrize("share", SMALL_ORDER_SHARES)
def test_a_share_of_small_order_is_refused_and_changes_nothing(
    paired: Paired, share: bytes
) -> None:
    refused = paired.enrol(share=share)
    assert (refused.status, refused.code) == (422, "share_invalid")
    assert paired.enrol().status == 200


@pytest.mark.parametrize(
    ("field", "size"), [("ticket", 15), ("ticket", 17), ("share", 31), ("share", 33)]
)
def test_ticket_and_share_have_their_lengths(
    paired: Paired, host: LocalHost, field: str, size: int
) -> None:
    body = {"ticket": encode(paired.invitation.ticket), "share": encode(paired.token.share)}
    refused = host.call("POST", "/v1/enrolments", body | {field: encode(bytes(size))})
    assert (refused.status, refused.code) == (422, "input_invalid")
