"""Hosts give servers and themselves new keys: the platform follows, and old receipts stay good."""

from datetime import timedelta
from typing import Any

import cbor2
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from audit.models import AuditRow
from enrolment import authserver_client
from enrolment.models import AuthserverHost, RetiredServer, Token
from enrolment.services import fetch_events, refresh_hosts
from protocol.ed25519 import SigningKey, key_id
from protocol.keys import Directory, KeyCertificate, Purpose
from protocol.verification import verify_receipt
from tests.platform.world import (
    Authserver,
    Person,
    call,
    now,
    read_receipt,
    receipt_bytes,
    to_base64,
    token_client,
    unreachable,
)
from tokens.question import question_for

TYPED = "OCRA-1:HOTP-SHA256-8:QN10-T1M"


@pytest.fixture
def typed(host: AuthserverHost) -> Person:
    """A holder whose token never sees its server's id."""
    person = Person.make("Tina")
    person.enrol(TYPED)
    return person


def rotate(authserver: Authserver, person: Person, *options: str) -> None:
    authserver.services.authserver("rotate_signing_key", person.token.serial, *options)


def follow() -> None:
    """Fetch what happened, late enough for it to be settled."""
    fetch_events(now=now() + timedelta(seconds=10))


def row(person: Person) -> Token:
    return Token.objects.get(serial=person.token.serial)


def directory() -> Directory:
    return Directory.open(call("GET", "/.well-known/countersign/keys").raw)


def bucket(vk: bytes) -> dict[bytes, int | None]:
    """Return when the keys of a bucket were retired, by certificate."""
    answer = call("GET", f"/.well-known/countersign/servers/{vk.hex()[:3]}.cbor")
    entries: list[tuple[bytes, int | None]] = cbor2.loads(answer.raw)[1]
    return dict(entries)


def test_the_platform_learns_the_new_key_and_keeps_the_old(
    authserver: Authserver, typed: Person
) -> None:
    before = row(typed)
    rotate(authserver, typed)
    follow()
    after, retired = row(typed), RetiredServer.objects.get()
    assert bytes(after.vk) != bytes(before.vk) == bytes(retired.vk)
    assert bytes(retired.certificate) == bytes(before.certificate)
    assert now() < retired.retired_at < now() + timedelta(minutes=11)
    assert AuditRow.objects.filter(action="token.key_rotated", subject=after.serial).exists()
    follow()
    assert RetiredServer.objects.count() == 1


def test_a_step_under_way_is_signed_with_the_old_key_and_the_next_with_the_new(
    authserver: Authserver, typed: Person
) -> None:
    old = bytes(row(typed).vk)
    under_way = typed.open()
    rotate(authserver, typed)
    follow()
    first = typed.sign(under_way)
    next_step = typed.open()
    question = question_for(typed.token.suite, bytes.fromhex(next_step["id"]))
    answer = typed.answer(next_step, typed.token.respond_typed(str(question), now()))
    second = answer.body["receipt"]
    keys = [read_receipt(text).steps[0].by for text in (first, second)]
    assert [key_id(by.key) for by in keys if not isinstance(by, bytes)] == [
        old,
        bytes(row(typed).vk),
    ]
    for text in (first, second):
        assert verify_receipt(receipt_bytes(text), directory()).is_complete


def test_before_the_platform_knows_the_old_key_still_answers(
    authserver: Authserver, typed: Person
) -> None:
    rotate(authserver, typed)
    receipt = typed.sign(typed.open())
    assert verify_receipt(receipt_bytes(receipt), directory()).is_complete


def test_a_step_under_way_can_be_cancelled(authserver: Authserver, typed: Person) -> None:
    step = typed.open()
    rotate(authserver, typed)
    follow()
    assert typed.post(f"/steps/{step['id']}/cancel")["state"] == "cancelled"


def test_a_receipt_of_before_stays_good_and_is_continued(
    authserver: Authserver, typed: Person, ben: Person
) -> None:
    old = typed.sign(typed.open())
    rotate(authserver, typed)
    follow()
    assert verify_receipt(receipt_bytes(old), directory()).is_complete
    continued = ben.sign(ben.follow(old))
    report = verify_receipt(receipt_bytes(continued), directory())
    assert report.is_valid
    assert [check.code for check in report.checks].count("verdict") == 2


def test_the_buckets_serve_both_keys_with_their_dates(
    authserver: Authserver, typed: Person
) -> None:
    before = row(typed)
    rotate(authserver, typed)
    follow()
    after, retired = row(typed), RetiredServer.objects.get()
    old_entries, new_entries = bucket(bytes(before.vk)), bucket(bytes(after.vk))
    assert old_entries[bytes(before.certificate)] == int(retired.retired_at.timestamp())
    assert new_entries[bytes(after.certificate)] is None


def test_a_scanning_token_refuses_until_it_has_fetched_the_certificate(
    authserver: Authserver, anna: Person
) -> None:
    rotate(authserver, anna, "--scanning")
    follow()
    step = anna.open()
    with pytest.raises(Exception, match="update-server"):
        anna.look(step)
    renewed = anna.token.with_server(*token_client().server_certificate(anna.token))
    anna.tokens[-1] = renewed
    anna.sign(step)


def test_a_certificate_for_another_token_is_not_taken_over(
    authserver: Authserver, typed: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bytes(row(typed).vk)
    other = Person.enrolled("Otto")
    shown = authserver_client.AuthserverClient.server

    def lie(client: Any, vk: bytes) -> dict[str, Any]:
        return shown(client, vk) | {"certificate": to_base64(bytes(row(other).certificate))}

    rotate(authserver, typed)
    monkeypatch.setattr(authserver_client.AuthserverClient, "server", lie)
    follow()
    assert bytes(row(typed).vk) == before
    monkeypatch.undo()
    follow()
    assert bytes(row(typed).vk) != before


def test_a_new_host_key_is_fetched_and_the_old_one_stays(
    authserver: Authserver, host: AuthserverHost, anna: Person
) -> None:
    old = anna.sign(anna.open())
    known = len(directory().hosts[0].certificates)
    authserver.services.authserver("rotate_host_key")
    call_command("refresh_hosts")
    assert len(directory().hosts[0].certificates) == known + 1
    assert AuditRow.objects.filter(action="host.keys_changed", subject=host.name).exists()
    nora = Person.enrolled("Nora")
    for receipt in (old, nora.sign(nora.open())):
        assert verify_receipt(receipt_bytes(receipt), directory()).is_complete


def test_a_host_key_nobody_told_us_of_is_learned_when_it_is_met(
    authserver: Authserver, host: AuthserverHost
) -> None:
    authserver.services.authserver("rotate_host_key")
    Person.enrolled("Nora")
    host.refresh_from_db()
    assert len(host.certificates) == len(directory().hosts[0].certificates)


def test_a_key_that_a_host_shows_no_more_is_kept(
    host: AuthserverHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = list(host.certificates)
    shown = authserver_client.AuthserverClient.keys

    def forget(client: Any) -> dict[str, Any]:
        return shown(client) | {"certificates": []}

    monkeypatch.setattr(authserver_client.AuthserverClient, "keys", forget)
    assert refresh_hosts(now=now()) == {host.name: ""}
    host.refresh_from_db()
    assert host.certificates == known


@pytest.mark.parametrize("fault", ["root", "certificate", "shape"])
def test_keys_that_are_not_the_hosts_are_refused(
    host: AuthserverHost, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    known, stranger = list(host.certificates), SigningKey.generate()
    forged = KeyCertificate(stranger.public, Purpose.HOST, host.name, 0, 99_999).sign(stranger)
    lies: dict[str, dict[str, object]] = {
        "root": {"root": to_base64(stranger.public)},
        "certificate": {"certificates": [*known, to_base64(forged)]},
        "shape": {"certificates": "none"},
    }
    shown = authserver_client.AuthserverClient.keys
    monkeypatch.setattr(
        authserver_client.AuthserverClient, "keys", lambda client: shown(client) | lies[fault]
    )
    assert refresh_hosts(now=now())[host.name] in ("host_invalid", "authserver_unavailable")
    host.refresh_from_db()
    assert host.certificates == known


def test_a_host_that_is_away_is_named_and_the_command_fails(
    host: AuthserverHost, capsys: pytest.CaptureFixture[str]
) -> None:
    with unreachable(host), pytest.raises(CommandError, match="1 of 1 hosts"):
        call_command("refresh_hosts")
    assert f"{host.name}: authserver_unavailable" in capsys.readouterr().out
