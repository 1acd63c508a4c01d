"""``rotate_host_key``: a new key to certify with; the others stay known."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from authserver.base64url import decode
from authserver.models import HostKey
from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.keys import KeyCertificate, Purpose, open_certificate
from tests.authserver.world import NOON, LocalHost, Paired


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
