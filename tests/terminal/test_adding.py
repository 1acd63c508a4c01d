"""How a terminal becomes a device: keys made once, a root pinned, and files for nobody else."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.ended import EndedKey
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64
from protocol.keys import Purpose
from terminal.adding import add_device
from terminal.errors import TerminalError
from terminal.home import Home
from terminal.keys import DeviceKeys
from terminal.pins import Pins
from tests.terminal.loopback import HOSTS, Answer, Asked, answering
from tests.terminal.shop import NOW, Shop, certificate

pytestmark = pytest.mark.allow_hosts(HOSTS)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "terminal")


def introduction(shop: Shop, origin: str) -> dict[str, Any]:
    return {
        "device": "0011223344556677",
        "account": "CS12 3456",
        "platform": {"id": "shop", "name": "Shop", "origin": origin},
        "root": to_base64(shop.root.public),
        "certificates": {
            "billing": to_base64(certificate(shop.root, shop.billing, Purpose.BILLING))
        },
    }


def add(home: Home, change: Callable[[dict[str, Any]], object] = lambda _: None) -> list[Asked]:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        answered = introduction(Shop(), origin)
        change(answered)
        return Answer.of(answered, 201)

    with answering(answer) as origin:
        add_device(home, origin=origin, code="ABCD", name="Phone")
    return asked


def test_the_platform_gets_code_name_and_box_key_proved_by_the_new_key(home: Home) -> None:
    (asked,) = add(home)
    body = json.loads(asked.body)
    assert (asked.path, body["code"], body["name"]) == ("/api/v1/devices", "ABCD", "Phone")
    assert from_base64(body["box_key"]) == home.keys().box_key
    assert "DPoP" in asked.headers


def test_root_and_account_are_pinned(home: Home) -> None:
    add(home)
    pins = home.pins()
    assert (pins.account, pins.device, pins.platform) == ("CS12 3456", "0011223344556677", "shop")
    assert pins.thumbprint == home.keys().thumbprint
    assert home.client().origin == pins.origin


def test_pins_of_before_the_directory_was_kept_are_read(home: Home) -> None:
    add(home)
    pins = home.pins()
    kept = json.loads(home.pins_file.read_text())
    del kept["directory"]
    home.pins_file.write_text(json.dumps(kept))
    assert home.pins() == pins


def test_keys_and_pins_are_their_owners_alone(home: Home) -> None:
    add(home)
    for path in (home.keys_file, home.pins_file):
        assert path.stat().st_mode & 0o777 == 0o600
    assert home.folder.stat().st_mode & 0o777 == 0o700


def test_neither_keys_nor_their_repr_show_a_secret(home: Home) -> None:
    add(home)
    secret = home.keys().signing.to_bytes().hex()
    assert secret not in repr(home.keys())
    assert secret not in home.pins_file.read_text()


def test_a_terminal_is_added_once(home: Home) -> None:
    add(home)
    with pytest.raises(TerminalError) as refused:
        add(home)
    assert refused.value.code == "device_exists"


def test_a_second_try_after_a_lost_answer_is_another_device(home: Home) -> None:
    with pytest.raises(TerminalError):
        add(home, lambda answer: answer.pop("root"))
    before = home.keys().thumbprint
    add(home)
    assert home.keys().thumbprint != before
    assert home.pins().thumbprint == home.keys().thumbprint


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("root", "*", "answer_invalid"),
        ("root", to_base64(SigningKey.generate().public), "answer_invalid"),
        ("certificates", {"billing": "AAAA"}, "answer_invalid"),
        ("certificates", [], "answer_invalid"),
        ("platform", {"id": "shop", "origin": "https://elsewhere.example"}, "origin_wrong"),
    ],
)
def test_an_answer_that_cannot_be_trusted_pins_nothing(
    home: Home, member: str, value: object, code: str
) -> None:
    with pytest.raises(TerminalError) as refused:
        add(home, lambda answer: answer.update({member: value}))
    assert refused.value.code == code
    assert not home.pins_file.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TerminalError) as refused:
        add(Home(tmp_path / "file" / "terminal"))
    assert refused.value.code == "folder_unusable"


@pytest.mark.parametrize("content", [b"", b"{}", b'{"signing": "00", "box": "00"}', b"\xff"])
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    with pytest.raises(TerminalError) as refused:
        DeviceKeys.load(path)
    assert refused.value.code == "keys_unusable"


def test_what_cannot_be_written_is_named(home: Home) -> None:
    with pytest.raises(TerminalError) as refused:
        DeviceKeys.generate().save(home.keys_file)
    assert refused.value.code == "keys_unusable"
    with pytest.raises(TerminalError) as refused:
        Shop().terminal("anna").pins.save(home.pins_file)
    assert refused.value.code == "folder_unusable"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"root": "*"}', b"\xff"])
def test_a_file_that_holds_no_pins_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "platform.json"
    path.write_bytes(content)
    with pytest.raises(TerminalError) as refused:
        Pins.load(path)
    assert refused.value.code == "device_not_added"


def test_keys_of_another_platform_of_the_same_root_are_refused() -> None:
    shop = Shop()
    pins = replace(shop.terminal("anna").pins, platform="other")
    with pytest.raises(TerminalError) as refused:
        pins.with_keys(shop.directory(shop.billing))
    assert refused.value.code == "wrong_platform"


def test_keys_older_than_those_held_are_refused_and_an_end_is_not_taken_back() -> None:
    shop = Shop()
    end = EndedKey(shop.billing.kid, None, int(NOW.timestamp()))
    pins = shop.terminal("anna").pins.with_keys(
        shop.directory(shop.billing, number=5, ended=(end,))
    )
    for number, code in ((4, "directory_outdated"), (6, "value_out_of_range")):
        with pytest.raises(ProtocolError) as refused:
            pins.with_keys(shop.directory(shop.billing, number=number))
        assert refused.value.code == code
    newer = pins.with_keys(shop.directory(shop.billing, number=6, ended=(end,)))
    assert newer.directory != pins.directory


@pytest.mark.parametrize("late", [0, 1])
def test_a_key_that_ended_signs_nothing_for_this_terminal(late: int) -> None:
    shop = Shop()
    message = cose.sign(shop.billing, Typ.BILLING_VERDICT, b"")
    pins = shop.terminal("anna").pins
    at = int(NOW.timestamp()) + late
    known = pins.with_keys(shop.directory(shop.billing))
    assert known.signer(message, Purpose.BILLING, NOW).key == shop.billing.public
    for end in (EndedKey(shop.billing.kid, at, None), EndedKey(shop.billing.kid, None, at)):
        ended = pins.with_keys(shop.directory(shop.billing, ended=(end,)))
        if late and end.compromised_at is None:
            assert ended.signer(message, Purpose.BILLING, NOW).key == shop.billing.public
            continue
        with pytest.raises(TerminalError) as refused:
            ended.signer(message, Purpose.BILLING, NOW)
        assert refused.value.code == "signer_unknown"


def test_the_directory_held_is_kept_in_the_file(tmp_path: Path) -> None:
    shop = Shop()
    pins = shop.terminal("anna").pins.with_keys(shop.directory(shop.billing))
    pins.save(tmp_path / "platform.json")
    assert Pins.load(tmp_path / "platform.json") == pins


def test_a_key_of_another_purpose_signs_no_verdict() -> None:
    shop = Shop()
    pins = shop.terminal("anna").pins
    message = shop.directory()
    with pytest.raises(TerminalError) as refused:
        pins.signer(message, Purpose.BILLING, NOW)
    assert refused.value.code == "signer_unknown"
