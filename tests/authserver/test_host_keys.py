"""Commands for host keys: a new one certifies, and what a compromised one certified is renewed."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from authserver.base64url import decode
from authserver.errors import AuthserverError, Code
from authserver.models import FormerKey, HostKey, Server
from authserver.services import renewal
from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey, key_id
from protocol.keys import KeyCertificate, Purpose, open_certificate
from tests.authserver.world import NOON, TYPED_SUITE, Bank, LocalHost, Paired


def run(name: str) -> str:
    out = io.StringIO()
    call_command(name, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture(autouse=True)
def root_file(settings: Settings, tmp_path: Path) -> Path:
    """The file with which the host of these tests was made."""
    settings.AUTHSERVER_ROOT_KEY_FILE = tmp_path / "root.key"
    return tmp_path / "root.key"


def published(host: LocalHost) -> list[KeyCertificate]:
    body = host.call("GET", "/v1/keys").body
    root = decode(body["root"])
    return [open_certificate(decode(message), root) for message in body["certificates"]]


def test_the_new_key_certifies_new_servers_and_old_certificates_stay(active: Paired) -> None:
    said = run("rotate_host_key")
    old, new = published(LocalHost())
    assert old.purpose is new.purpose is Purpose.HOST
    later = Paired.make(active.host, active.bank)
    for paired, key in ((active, old), (later, new)):
        assert cose.open_signed(paired.certificate, typ=Typ.SERVER, key=key.key)
    assert active.answer(active.statement()).body["accepted"] is True
    assert later.enrol().status == 200
    assert "1 retired" in said


def test_retired_keys_are_listed_with_their_dates(host: LocalHost) -> None:
    run("rotate_host_key")
    lines = [line for line in run("keys").splitlines() if line.startswith("host key")]
    assert f"retired {NOON:%Y-%m-%d %H:%M} UTC" in lines[0]
    assert "retired" not in lines[1]
    assert host.call("GET", "/v1/keys").body["retired_at"] == [int(NOON.timestamp()), None]


def test_init_renews_no_key_because_a_retired_one_lasts(
    host: LocalHost, clock: time_machine.Traveller
) -> None:
    run("rotate_host_key")
    clock.shift(timedelta(days=1826 - 80))
    run("init")
    assert HostKey.objects.filter(retired_at=None).count() == 2


def test_without_the_root_key_nothing_is_made(host: LocalHost, root_file: Path) -> None:
    root_file.unlink()
    with pytest.raises(CommandError, match=r"root\.key is not here"):
        run("rotate_host_key")
    root_file.write_text(SigningKey.generate().to_bytes().hex())
    with pytest.raises(CommandError, match="another root key"):
        run("rotate_host_key")
    assert HostKey.objects.get().retired_at is None
    assert not list(root_file.parent.glob("*.new"))


def test_before_init_there_is_no_host_to_rotate_for(db: None, root_file: Path) -> None:
    root_file.write_text(SigningKey.generate().to_bytes().hex())
    with pytest.raises(CommandError, match="no data key"):
        run("rotate_host_key")


# --- end_host_key


def end(kid: bytes, *options: str) -> str:
    out = io.StringIO()
    call_command("end_host_key", kid.hex(), *options, stdout=out)
    return out.getvalue()


def test_the_end_of_a_host_key_is_published_and_listed(host: LocalHost) -> None:
    [old] = published(host)
    run("rotate_host_key")
    assert "compromised" in end(key_id(old.key), "--compromised", "--at", NOON.isoformat())
    body = host.call("GET", "/v1/keys").body
    assert body["compromised_at"] == [int(NOON.timestamp()), None]
    assert f"{key_id(old.key).hex()}  days" in run("keys")
    assert f"compromised {NOON:%Y-%m-%d %H:%M} UTC" in run("keys")


def test_the_last_host_key_that_could_sign_cannot_be_ended(host: LocalHost) -> None:
    [only] = published(host)
    with pytest.raises(CommandError, match="rotate_host_key makes one"):
        end(key_id(only.key), "--compromised")
    run("rotate_host_key")
    end(key_id(only.key), "--compromised")
    assert HostKey.objects.earliest("id").compromised_at == NOON


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--at", "2999-01-01T00:00Z"], "never later than was told"),
        (["--at", "2026-01-01T00:00"], "lacks its offset"),
        (["--at", "soon"], "no time"),
        (["--at", "0026-11-22T03:00Z"], "ends on or after"),
        (["--at", "1969-12-31T00:00Z"], "ends on or after"),
        (["--at", "0001-01-01T00:00+02:00"], "no time"),
    ],
)
def test_a_host_key_ends_now_or_before(host: LocalHost, options: list[str], words: str) -> None:
    [old] = published(host)
    run("rotate_host_key")
    with pytest.raises(CommandError, match=words):
        end(key_id(old.key), "--compromised", *options)
    assert HostKey.objects.filter(compromised_at=None).count() == 2


def test_the_end_of_a_host_key_moves_to_an_earlier_time_alone(
    host: LocalHost, clock: time_machine.Traveller
) -> None:
    [old] = published(host)
    run("rotate_host_key")
    clock.shift(60)
    end(key_id(old.key), "--compromised")
    end(key_id(old.key), "--compromised", "--at", NOON.isoformat())
    with pytest.raises(CommandError, match="never later"):
        end(key_id(old.key), "--compromised")
    assert HostKey.objects.earliest("id").compromised_at == NOON


def test_only_keys_of_this_host_can_be_ended(host: LocalHost) -> None:
    with pytest.raises(CommandError, match="no such key"):
        end(bytes(8), "--retired")
    with pytest.raises(CommandError, match="16 hex digits"):
        call_command("end_host_key", "xyz", "--retired")


# --- renew_servers


def renew(*options: str) -> tuple[str, str]:
    out, progress = io.StringIO(), io.StringIO()
    call_command("renew_servers", *options, stdout=out, stderr=progress)
    return out.getvalue(), progress.getvalue()


def certifier(paired: Paired) -> bytes:
    """Return the kid of the host key that certified a server, as it is now."""
    return cose.parse(Server.objects.get(serial=paired.serial).certificate).kid


@pytest.fixture
def typed(host: LocalHost, bank: Bank) -> Paired:
    paired = Paired.make(host, bank, TYPED_SUITE)
    paired.activate()
    return paired


def test_servers_that_a_compromised_key_certified_get_new_ones_and_no_others(
    active: Paired, typed: Paired
) -> None:
    [old] = published(LocalHost())
    run("rotate_host_key")
    later = Paired.make(active.host, active.bank, TYPED_SUITE)
    later.activate()
    assert renew()[0] == "0 servers have a new key.\n"
    end(key_id(old.key), "--compromised", "--at", NOON.isoformat())
    new = certifier(later)

    said, progress = renew()
    assert "1 servers have a new key.\n1 were left whose tokens read statements" in said
    assert progress.endswith("2 of 2 servers\n")
    assert (certifier(typed), certifier(active)) == (new, key_id(old.key))

    assert renew("--scanning")[0] == "1 servers have a new key.\n"
    assert certifier(active) == new
    # What is done stays as it is.
    assert renew("--scanning") == ("0 servers have a new key.\n", "")
    assert FormerKey.objects.count() == 2
    statement = typed.statement()
    assert typed.answer(statement).body["accepted"] is True


def test_a_server_that_changed_meanwhile_is_left(
    typed: Paired, monkeypatch: pytest.MonkeyPatch
) -> None:
    [old] = published(LocalHost())
    run("rotate_host_key")
    end(key_id(old.key), "--compromised")

    def gone(**_: object) -> None:
        raise AuthserverError(code)

    monkeypatch.setattr(renewal, "rotate_signing_key", gone)
    code = Code.STATE_CONFLICT
    assert "1 were left that moved away or changed meanwhile." in renew()[0]
    code = Code.NOT_READY
    with pytest.raises(CommandError):
        renew()
