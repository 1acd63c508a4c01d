"""What the SDK of an installed package finds at start-up: genuine, re-signed, or changed."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.application import Channel
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.measuring import app_signature
from protocol.package_file import PackageFile, with_store
from terminal.errors import TerminalError
from terminal.keys import DeviceKeys
from tests.terminal.apps import PACKAGE, Packer, Terminal


@pytest.fixture
def packer(tmp_path: Path) -> Packer:
    return Packer(tmp_path / "packer")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "terminal")


@pytest.fixture
def installed(packer: Packer, terminal: Terminal) -> Terminal:
    terminal.install(packer.pack(terminal.keys))
    return terminal


def found(terminal: Terminal) -> tuple[bool, bool]:
    comparisons = terminal.start().found
    return comparisons.key_matches, comparisons.files_match


def test_a_genuine_package_gives_true_and_true_at_every_start(installed: Terminal) -> None:
    assert [found(installed), found(installed)] == [(True, True)] * 2


def test_a_package_that_was_signed_again_is_sound_but_its_key_does_not_match(
    packer: Packer, terminal: Terminal
) -> None:
    thief = SigningKey.generate()
    sealed = packer.content().seal(terminal.keys.box_key, terminal.keys.thumbprint)
    pirated = b"".join(with_store(packer.common(thief), sealed)[1])
    terminal.install(pirated)
    with (terminal.folder / "it.cspkg").open("rb") as file:
        assert PackageFile(file).check().package == PACKAGE
    assert found(terminal) == (False, True)


def test_a_package_that_was_changed_and_signed_again_matches_in_nothing(
    packer: Packer, terminal: Terminal
) -> None:
    content = packer.content()
    (packer.folder / "app" / "main.py").write_text("print('free')\n")
    sealed = content.seal(terminal.keys.box_key, terminal.keys.thumbprint)
    terminal.install(b"".join(with_store(packer.common(SigningKey.generate()), sealed)[1]))
    assert found(terminal) == (False, False)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    # In the business module this is a letter of its docstring: it runs as before.
    content[len(content) // 2 if path.suffix != ".py" else 4] ^= 1
    path.write_bytes(content)


def change_price(path: Path) -> None:
    catalogue = path.read_bytes()
    assert catalogue.count(b"\x18\xfa") == 1
    path.write_bytes(catalogue.replace(b"\x18\xfa", b"\x18\x64"))


def add_compiled(files: Path) -> None:
    (files / "sdk" / "__pycache__").mkdir()
    (files / "sdk" / "__pycache__" / "business.cpython-311.pyc").write_bytes(b"nothing")


def link(path: Path) -> None:
    files = next(folder for folder in path.parents if folder.name == "files")
    moved = path.rename(files.parent / "elsewhere")
    path.symlink_to(moved)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a byte of a file": lambda files: flip(files / "app" / "levels" / "1.txt"),
    "a byte of the business module": lambda files: flip(files / "sdk" / "business.py"),
    "a byte of the store's module": lambda files: flip(files / "sdk" / "security" / "store.py"),
    "a price": lambda files: change_price(files / "billing.cbor"),
    "a file added": lambda files: (files / "app" / "crack.py").touch(),
    "a compiled file added": add_compiled,
    "a file removed": lambda files: (files / "app" / "main.py").unlink(),
    "a file renamed": lambda files: (files / "app" / "main.py").rename(files / "app" / "m.py"),
    "a file that is a link": lambda files: link(files / "app" / "main.py"),
    "the billing file as a link": lambda files: link(files / "billing.cbor"),
    "the application as a link": lambda files: link(files / "app"),
    "a pipe": lambda files: os.mkfifo(files / "app" / "pipe"),
    "a folder that is a link": lambda files: (files / "app" / "more").symlink_to("/"),
    "a name that no package has": lambda files: (files / "app" / "a\n").touch(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_files_that_changed_do_not_match(
    installed: Terminal, change: Callable[[Path], object]
) -> None:
    change(installed.app / "files")
    assert found(installed) == (True, False)


def test_running_leaves_nothing_among_the_files(installed: Terminal) -> None:
    before = set((installed.app / "files").rglob("*"))
    installed.start()
    after = set((installed.app / "files").rglob("*"))
    assert before - after == {installed.app / "files" / "store.sealed"}
    assert not after - before


def test_another_first_key_file_does_not_match(installed: Terminal) -> None:
    for content in (SigningKey.generate().public, b""):
        (installed.app / "files" / "first.key").write_bytes(content)
        assert found(installed) == (False, True)
    (installed.app / "files" / "first.key").unlink()
    assert found(installed) == (False, True)


def test_a_store_that_was_edited_locks_for_good(installed: Terminal) -> None:
    store = installed.app / "state" / "store"
    installed.start()
    genuine = store.read_bytes()
    flip(store)
    running = installed.start()
    assert (running.found.key_matches, running.found.files_match) == (False, False)
    # Putting the right bytes back does not help, and nothing is billed.
    store.write_bytes(genuine)
    assert found(installed) == (False, False)
    agreed = running.billing.consent(7)
    with pytest.raises(ProtocolError) as refusal:
        running.billing.bill(7, Channel.NETWORK, agreed=agreed)
    assert refusal.value.code == "store_locked"
    assert not store.exists()


@pytest.mark.parametrize("size", [0, 5, 11, 100, 100_000])
def test_a_store_of_any_other_bytes_locks(installed: Terminal, size: int) -> None:
    installed.start()
    (installed.app / "state" / "store").write_bytes(bytes(size))
    assert found(installed) == (False, False)


def test_a_store_that_was_taken_away_locks(installed: Terminal) -> None:
    installed.start()
    (installed.app / "state" / "store").unlink()
    assert [found(installed), found(installed)] == [(False, False)] * 2


def test_a_preloaded_store_that_was_edited_locks(installed: Terminal) -> None:
    flip(installed.app / "files" / "store.sealed")
    assert [found(installed), found(installed)] == [(False, False)] * 2


def test_the_store_of_another_device_locks(packer: Packer, terminal: Terminal) -> None:
    terminal.install(packer.pack(DeviceKeys.generate()))
    assert found(terminal) == (False, False)


def test_the_store_of_another_build_locks(
    packer: Packer, terminal: Terminal, tmp_path: Path
) -> None:
    content = replace(packer.content(), build=4)
    terminal.install(packer.pack(terminal.keys, content))
    assert found(terminal) == (False, False)


def test_a_store_is_opened_by_its_own_chip_alone(installed: Terminal, tmp_path: Path) -> None:
    installed.start()
    chip = installed.folder / "chip.json"
    away = chip.rename(tmp_path / "chip.json")
    with pytest.raises(TerminalError) as refusal:
        installed.start()
    assert refusal.value.code == "no_chip"
    # A chip that is away for a while is no tampering; another one is.
    away.rename(chip)
    assert found(installed) == (True, True)
    other = Terminal(tmp_path / "other").folder / "chip.json"
    chip.write_bytes(other.read_bytes())
    assert found(installed) == (False, False)


def test_a_locked_application_is_good_again_after_it_was_installed_anew(
    packer: Packer, installed: Terminal
) -> None:
    installed.start()
    (installed.app / "state" / "store").write_bytes(b"")
    assert found(installed) == (False, False)
    installed.install(packer.pack(installed.keys))
    assert found(installed) == (True, True)


def test_the_store_shows_nothing_of_what_it_holds(packer: Packer, installed: Terminal) -> None:
    installed.start()
    store = (installed.app / "state" / "store").read_bytes()
    content = packer.content()
    for secret in (packer.salt, content.first_key, content.third_key, content.signature, PACKAGE):
        assert secret not in store


def test_no_private_key_and_no_secret_is_in_a_package(packer: Packer, terminal: Terminal) -> None:
    package = packer.pack(terminal.keys)
    secrets = [
        packer.first.to_bytes(),
        packer.third.private_bytes_raw(),
        packer.ours.private_bytes_raw(),
        packer.salt,
        app_signature(packer.salt, packer.manifest.root),
        packer.evidence_key(terminal.keys),
        terminal.keys.signing.to_bytes(),
        terminal.keys.box.private_bytes_raw(),
    ]
    assert packer.first.public in package
    for secret in secrets:
        for written in (secret, secret.hex().encode(), secret[::-1]):
            assert written not in package
