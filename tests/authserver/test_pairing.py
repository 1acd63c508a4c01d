"""POST /v1/servers: a server for a new token."""

import hashlib
from typing import Any

import pytest

from authserver.base64url import decode, encode
from authserver.models import Enrolment, HostKey, Server
from authserver.services import matching
from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.enrolment import Invitation
from protocol.keys import KeyCertificate, Purpose, ServerCertificate, day_of, open_certificate
from tests.authserver.world import DEFAULT_SUITE, NOON, Answer, Bank, LocalHost

TODAY = day_of(int(NOON.timestamp()))


def pair(host: LocalHost, bank: Bank, **changes: object) -> Answer:
    body = {"suite": DEFAULT_SUITE, "certificate": encode(bank.certificate)}
    return host.call("POST", "/v1/servers", body | changes, bank.key)


def certificate(bank: Bank, **changes: Any) -> str:
    fields: dict[str, Any] = {
        "key": bank.statement_key.public,
        "purpose": Purpose.STATEMENT,
        "subject": bank.information.id,
        "from_day": TODAY,
        "to_day": TODAY,
    }
    return encode(KeyCertificate(**(fields | changes)).sign(bank.root))


def test_a_new_server_is_certified_by_the_host(host: LocalHost, bank: Bank) -> None:
    made = pair(host, bank)
    keys = host.call("GET", "/v1/keys").body
    host_key = open_certificate(decode(keys["certificates"][0]), decode(keys["root"]))
    payload = cose.open_signed(decode(made.body["certificate"]), typ=Typ.SERVER, key=host_key.key)
    certified = ServerCertificate.from_payload(payload)
    assert (certified.vk.hex(), certified.serial) == (made.body["vk"], made.body["serial"])
    assert certified.from_day == host_key.from_day == TODAY


def test_the_invitation_names_this_host_and_its_root(host: LocalHost, bank: Bank) -> None:
    made = pair(host, bank)
    invitation = Invitation.from_link(made.body["invitation"])
    root = decode(host.call("GET", "/v1/keys").body["root"])
    assert invitation.origin == "http://localhost:8001"
    assert invitation.fingerprint == hashlib.sha256(root).digest()[:16]
    assert made.body["expires"] == int(NOON.timestamp()) + 600


def test_the_ticket_is_stored_hashed(host: LocalHost, bank: Bank) -> None:
    ticket = Invitation.from_link(pair(host, bank).body["invitation"]).ticket
    assert Enrolment.objects.get().ticket_hash == hashlib.sha256(ticket).digest()


def test_a_new_server_waits_for_its_token(host: LocalHost, bank: Bank) -> None:
    made = pair(host, bank, label="Anna's Handy ✓")
    server = Server.objects.get(vk=made.body["vk"])
    assert (server.state, server.label, server.seq) == ("issued", "Anna's Handy ✓", 0)
    assert server.sealed_seed is None


def test_two_servers_differ_in_id_serial_and_key(host: LocalHost, bank: Bank) -> None:
    first, second = pair(host, bank).body, pair(host, bank).body
    for name in ("vk", "serial", "certificate", "invitation"):
        assert first[name] != second[name]


@pytest.mark.parametrize(
    ("suite", "sight"),
    [
        ("OCRA-1:HOTP-SHA256-8:QH64-T1M", 2),
        ("OCRA-1:HOTP-SHA256-8:QH64", 2),
        ("OCRA-1:HOTP-SHA256-8:QN10-T1M", 1),
        ("OCRA-1:HOTP-SHA256-8:QN10", 1),
        ("OCRA-1:HOTP-SHA512-6:C-QN08", 1),
        ("OCRA-1:HOTP-SHA1-9:C-QH40-T30S", 1),
    ],
)
def test_sight_follows_from_the_suite(host: LocalHost, bank: Bank, suite: str, sight: int) -> None:
    made = pair(host, bank, suite=suite)
    assert (made.status, made.body["sight"], made.body["suite"]) == (201, sight, suite)


@pytest.mark.parametrize(
    ("suite", "code"),
    [
        ("", "suite_invalid"),
        ("OCRA-1:HOTP-SHA256-8", "suite_invalid"),
        ("OCRA-1:HOTP-MD5-8:QH64", "suite_invalid"),
        ("OCRA-1:HOTP-SHA256-5:QH64", "suite_refused"),
        ("OCRA-1:HOTP-SHA256-0:QH64", "suite_refused"),
        ("OCRA-1:HOTP-SHA256-10:QH64", "suite_refused"),
        ("OCRA-1:HOTP-SHA256-8:QN07", "suite_refused"),
        ("OCRA-1:HOTP-SHA256-8:QA10", "suite_refused"),
        ("OCRA-1:HOTP-SHA256-8:QH63", "suite_refused"),
        ("OCRA-1:HOTP-SHA256-8:QH64-PSHA1", "suite_refused"),
        ("OCRA-1:HOTP-SHA256-8:QH64-S064", "suite_refused"),
    ],
)
def test_an_unfit_suite_is_refused_with_a_sentence(
    host: LocalHost, bank: Bank, suite: str, code: str
) -> None:
    refused = pair(host, bank, suite=suite)
    assert (refused.status, refused.code) == (422, code)
    assert refused.body["detail"].endswith(".")
    assert not Server.objects.exists()


def test_a_suite_that_the_verifier_cannot_judge_is_refused(
    host: LocalHost, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "find_place", lambda **_: None)
    assert pair(host, bank).code == "suite_refused"


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": Purpose.RECEIPT},
        {"subject": "other"},
        {"to_day": TODAY - 1, "from_day": TODAY - 9},
        {"from_day": TODAY + 1, "to_day": TODAY + 9},
    ],
    ids=["other purpose", "other platform", "ended", "not begun"],
)
def test_a_certificate_for_something_else_is_refused(
    host: LocalHost, bank: Bank, changes: dict[str, Any]
) -> None:
    refused = pair(host, bank, certificate=certificate(bank, **changes))
    assert (refused.status, refused.code) == (422, "certificate_invalid")


def test_a_certificate_by_another_root_is_refused(host: LocalHost, bank: Bank) -> None:
    forged = KeyCertificate(
        bank.statement_key.public, Purpose.STATEMENT, bank.information.id, TODAY, TODAY
    ).sign(SigningKey.generate())
    assert pair(host, bank, certificate=encode(forged)).code == "certificate_invalid"


@pytest.mark.parametrize("label", ["x" * 41, "a\u0000b", "\u202e", "e\u0301"])
def test_a_label_that_cannot_be_shown_is_refused(host: LocalHost, bank: Bank, label: str) -> None:
    assert pair(host, bank, label=label).code == "input_invalid"


def test_a_host_without_a_valid_key_pairs_nothing(host: LocalHost, bank: Bank) -> None:
    HostKey.objects.update(to_day=TODAY - 1, from_day=TODAY - 2)
    refused = pair(host, bank)
    assert (refused.status, refused.code) == (503, "not_ready")
