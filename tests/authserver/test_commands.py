"""python -m authserver COMMAND, and what it says."""

import io
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from authserver.models import Event, HostKey, HostState, Platform
from authserver.selectors import key_hash
from protocol.ed25519 import SigningKey
from protocol.keys import root_fingerprint
from tests.authserver.world import LocalHost, Paired

PUBLIC = SigningKey.generate().public
ROOT = PUBLIC.hex()


def run(*arguments: str | Path) -> str:
    out = io.StringIO()
    call_command(*map(str, arguments), stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def root_file(db: None, tmp_path: Path, settings: Settings) -> Path:
    settings.AUTHSERVER_ROOT_KEY_FILE = tmp_path / "keys" / "root.key"
    return tmp_path / "keys" / "root.key"


def test_init_makes_a_root_key_that_its_owner_alone_reads(root_file: Path) -> None:
    said = run("init", "--name", "north")
    assert root_file.stat().st_mode & 0o777 == 0o600
    root = SigningKey.from_bytes(bytes.fromhex(root_file.read_text().strip()))
    assert HostState.objects.get().root == root.public
    assert said == f"Host north, root key {root_fingerprint(root.public)}\n"


def test_init_is_safe_to_repeat(root_file: Path) -> None:
    assert run("init") == run("init", "--name", "other")
    assert HostState.objects.get().name == "localhost"
    assert HostKey.objects.count() == 1


def test_init_takes_a_root_key_that_is_there(root_file: Path) -> None:
    key = SigningKey.generate()
    root_file.parent.mkdir()
    root_file.write_text(key.to_bytes().hex())
    run("init")
    assert HostState.objects.get().root == key.public


def test_init_renews_a_host_key_that_is_about_to_end(
    root_file: Path, clock: time_machine.Traveller
) -> None:
    run("init")
    clock.shift(timedelta(days=1826 - 80))
    run("init")
    assert HostKey.objects.count() == 2


def test_init_refuses_another_root_than_the_hosts(
    root_file: Path, clock: time_machine.Traveller
) -> None:
    run("init")
    root_file.write_text(SigningKey.generate().to_bytes().hex())
    clock.shift(timedelta(days=1826))
    with pytest.raises(CommandError, match="another root key"):
        run("init")
    assert HostKey.objects.count() == 1


@pytest.mark.parametrize("content", ["", "zz", "00"])
def test_init_refuses_a_file_that_holds_no_key(root_file: Path, content: str) -> None:
    root_file.parent.mkdir()
    root_file.write_text(content)
    with pytest.raises(CommandError, match="bytes"):
        run("init")


@pytest.mark.parametrize("name", ["x" * 21, "a\tb"])
def test_init_refuses_a_name_that_no_certificate_may_hold(root_file: Path, name: str) -> None:
    with pytest.raises(CommandError, match="subject"):
        run("init", "--name", name)
    assert not HostState.objects.exists()


def add(*arguments: str | Path, root: str | Path = ROOT) -> str:
    return run(
        "add_platform",
        "--id",
        "bank",
        "--origin",
        "https://bank.example/",
        "--root",
        root,
        *arguments,
    )


def test_add_platform_prints_a_key_that_lets_in(host: LocalHost) -> None:
    key = add().strip()
    assert host.call("GET", "/v1/verdicts", key=key).status == 200
    platform = Platform.objects.get()
    assert (platform.id, platform.origin) == ("bank", "https://bank.example")
    assert (platform.root, platform.key_hash) == (PUBLIC, key_hash(key))


def test_add_platform_writes_the_key_for_its_owner_alone(host: LocalHost, tmp_path: Path) -> None:
    assert add("--key-file", tmp_path / "key") == ""
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    key = (tmp_path / "key").read_text().strip()
    assert host.call("GET", "/v1/verdicts", key=key).status == 200


def test_add_platform_takes_the_root_from_a_file(db: None, tmp_path: Path) -> None:
    (tmp_path / "root.pub").write_text(ROOT + "\n")
    add(root=tmp_path / "root.pub")
    assert Platform.objects.get().root == PUBLIC


@pytest.mark.parametrize("root", ["", "nothing", "00" * 31, "00" * 32, "01" + "00" * 31])
def test_add_platform_refuses_what_is_no_root_key(db: None, root: str) -> None:
    with pytest.raises(CommandError):
        add(root=root)
    assert not Platform.objects.exists()


def test_add_platform_refuses_a_second_one_of_the_same_id(db: None) -> None:
    add()
    with pytest.raises(CommandError, match="already"):
        add()


@pytest.mark.parametrize(
    "arguments", [["--id", "x" * 17], ["--origin", "https://" + "x" * 40], ["--id", "ö"]]
)
def test_add_platform_refuses_what_no_statement_may_hold(db: None, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        add(*arguments)


def test_add_platform_needs_origin_and_root_for_a_new_one(db: None) -> None:
    with pytest.raises(CommandError, match="--origin and --root"):
        run("add_platform", "--id", "bank")


def test_a_new_key_replaces_the_old_one(host: LocalHost, tmp_path: Path) -> None:
    add("--key-file", tmp_path / "key")
    old = (tmp_path / "key").read_text().strip()
    with pytest.raises(CommandError, match="--new-key"):
        add("--key-file", tmp_path / "key")
    run("add_platform", "--id", "bank", "--new-key", "--key-file", tmp_path / "key")
    new = (tmp_path / "key").read_text().strip()
    assert host.call("GET", "/v1/verdicts", key=old).status == 401
    assert host.call("GET", "/v1/verdicts", key=new).status == 200


def test_a_new_key_for_an_unknown_platform_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="no platform"):
        run("add_platform", "--id", "bank", "--new-key")


def test_keys_lists_what_people_compare(active: Paired) -> None:
    said = run("keys")
    assert "host-1" in said
    assert root_fingerprint(active.bank.root.public) in said
    assert "https://bank.example" in said


def test_keys_before_init_says_so(db: None) -> None:
    with pytest.raises(CommandError, match="not been set up"):
        run("keys")


def test_unlock_and_revoke_name_the_server(active: Paired) -> None:
    assert active.serial in run("unlock", active.serial)
    assert active.serial in run("revoke", active.vk)
    assert active.status()["state"] == "revoked"


@pytest.mark.parametrize("command", ["unlock", "revoke"])
def test_who_gave_a_command_stands_in_the_tokens_story(active: Paired, command: str) -> None:
    run(command, active.serial, "--by", "kim")
    event = Event.objects.latest("id")
    assert (event.kind, event.actor) == (f"{command.removesuffix('e')}ed", "operator:kim")
    for name in ("k" * 49, "kim\n"):
        with pytest.raises(CommandError, match="operator"):
            run(command, active.serial, "--by", name)


@pytest.mark.parametrize("command", ["unlock", "revoke"])
def test_a_server_that_is_not_there_is_named(db: None, command: str) -> None:
    with pytest.raises(CommandError, match="no server nobody"):
        run(command, "nobody")


def test_after_restore_says_when_the_host_is_ready(host: LocalHost) -> None:
    assert run("after_restore") == "Generation 1; ready at 2026-11-22 12:11:00 UTC\n"


def test_after_restore_before_init_says_so(db: None) -> None:
    with pytest.raises(CommandError, match="not been set up"):
        run("after_restore")


def test_serve_runs_the_production_server() -> None:
    with mock.patch("authserver.management.commands.serve.Granian") as server:
        run("serve", "--host", "127.0.0.2", "--port", "1234", "--workers", "2")
    server.return_value.serve.assert_called_once_with()
    assert server.call_args.args == ("authserver.wsgi:application",)
    asked = server.call_args.kwargs
    assert (asked["address"], asked["port"], asked["workers"]) == ("127.0.0.2", 1234, 2)


def test_serve_ends_tls_itself_when_it_is_given_a_certificate() -> None:
    with mock.patch("authserver.management.commands.serve.Granian") as server:
        run("serve", "--ssl-certificate", "server.crt", "--ssl-keyfile", "server.key")
    asked = server.call_args.kwargs
    assert (asked["ssl_cert"], asked["ssl_key"]) == (Path("server.crt"), Path("server.key"))


def test_serve_refuses_more_writers_than_sqlite_takes() -> None:
    with pytest.raises(CommandError, match="SQLite"):
        run("serve", "--workers", "3")
