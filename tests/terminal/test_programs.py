"""The programs of the terminal: what they print, and one line for everything they refuse."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from protocol.ed25519 import SigningKey
from terminal.cli import app
from terminal.home import Home
from terminal.manager import BillingManager
from terminal.serving import serving
from tests.terminal.loopback import HOSTS, in_background
from tests.terminal.shop import CONTENT, Shop, over_http

pytestmark = pytest.mark.allow_hosts(HOSTS)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with over_http(Shop(paid={"anna"})) as shop:
        yield shop


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COUNTERSIGN_TERMINAL_FOLDER", str(tmp_path / "terminal"))
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refusal(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    return line


def add(shop: Shop, account: str = "anna") -> Result:
    result = run("device", "add", account, "--platform", shop.origin, "--name", "Phone")
    assert result.exit_code == 0, result.output
    return result


@contextmanager
def managed(folder: Path) -> Iterator[None]:
    home = Home(folder / "terminal")
    manager = BillingManager(keys=home.keys(), pins=home.pins(), client=home.client())
    with serving(manager, home.manager_file) as server, in_background(server):
        yield


def test_a_device_that_was_added_shows_whom_it_trusts(shop: Shop, folder: Path) -> None:
    added = add(shop)
    assert f"platform  shop {shop.origin}" in added.stdout
    assert run("device", "show").stdout == added.stdout


def test_present_keys_are_fetched_on_demand(shop: Shop, folder: Path) -> None:
    add(shop)
    shop.billing = SigningKey.generate()
    assert run("device", "update-keys").exit_code == 0
    assert shop.certificate in Home(folder / "terminal").pins().certificates


def test_a_resource_is_downloaded_and_played(shop: Shop, folder: Path) -> None:
    add(shop)
    song, content = folder / "song.csres", folder / "song.ogg"
    downloaded = run("resource", "download", shop.resource.hex(), "--output", song)
    assert downloaded.stdout == f"{song}\n"
    with managed(folder):
        played = run("resource", "play", song, "--output", content)
        assert played.stderr == "A song: song.ogg, audio/ogg, 150000 bytes\n"
        assert run("resource", "play", song).exit_code == 0
        printed = run("resource", "play", song, "--output", "-")
    assert content.read_bytes() == CONTENT
    assert printed.stdout_bytes == CONTENT


def test_what_is_not_paid_for_says_what_it_costs_and_writes_nothing(
    shop: Shop, folder: Path
) -> None:
    add(shop, "ben")
    song = shop.pack(folder / "song.csres")
    with managed(folder):
        line = refusal("resource", "play", song, "--output", folder / "song.ogg")
    assert line.startswith("not_paid: operation prohibited: ")
    assert line.endswith(f"It costs 4.99 EUR: {shop.origin}/shop/1")
    assert not (folder / "song.ogg").exists()


def test_nobody_is_sent_to_pay_elsewhere(
    shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(shop, "ben")
    song = shop.pack(folder / "song.csres")
    origin = shop.origin
    with managed(folder):
        # Only what it links to: the address that is called is pinned.
        monkeypatch.setattr(shop, "origin", "https://evil.example")
        line = refusal("resource", "play", song)
    assert "evil" not in line
    assert origin in line


def test_content_that_is_damaged_half_way_leaves_no_file(shop: Shop, folder: Path) -> None:
    add(shop)
    song = shop.pack(folder / "song.csres")
    song.write_bytes(song.read_bytes()[:-1])
    with managed(folder):
        line = refusal("resource", "play", song, "--output", folder / "song.ogg")
    assert line.startswith("size_wrong: ")
    assert [path.name for path in folder.glob("song.ogg*")] == []


def test_a_file_shows_what_it_says_of_itself(shop: Shop, folder: Path) -> None:
    shown = run("resource", "show", shop.pack(folder / "song.csres")).stdout
    assert "A song (music)" in shown
    assert shop.resource.hex() in shown


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["device", "show"], "device_not_added"),
        (["resource", "play", "none.csres"], "device_not_added"),
        (["resource", "show", "none.csres"], "file_unreadable"),
        (["device", "add", "1", "--platform", "http://shop.example"], "origin_refused"),
        (["billing-manager"], "keys_unusable"),
    ],
)
def test_every_refusal_is_one_line(folder: Path, arguments: list[str], code: str) -> None:
    assert refusal(*arguments).startswith(f"{code}: ")


def test_a_resource_without_a_billing_manager_says_so(shop: Shop, folder: Path) -> None:
    add(shop)
    line = refusal("resource", "play", shop.pack(folder / "song.csres"))
    assert line.startswith("manager_not_running: ")


def test_a_place_that_cannot_be_written_is_named(shop: Shop, folder: Path) -> None:
    add(shop)
    song = shop.pack(folder / "song.csres")
    with managed(folder):
        line = refusal("resource", "play", song, "--output", folder / "none" / "song.ogg")
    assert line.startswith("file_unwritable: ")


def test_the_billing_manager_says_where_it_listens_reads_the_phone_and_cleans_up(
    shop: Shop, folder: Path
) -> None:
    add(shop)
    assert run("phone", "chip").exit_code == run("phone", "sim", "+12025550123").exit_code == 0
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "terminal", "billing-manager"],
        env={**os.environ, "PYTHONPATH": "."},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("The billing manager listens on 127.0.0.1:")
        assert Home(folder / "terminal").manager_file.exists()
        assert run("resource", "play", shop.pack(folder / "song.csres")).exit_code == 0
        identity = shop.asked[0][2]["identity"]
        assert identity["msisdn"] == "+12025550123"
        assert identity.keys() == {"account", "msisdn", "sim"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert not Home(folder / "terminal").manager_file.exists()
