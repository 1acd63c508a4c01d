"""The terminal's receive, process and send modules, each by itself."""

import json
import stat
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.application import Channel
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.package_file import with_store
from terminal.application import process, receive
from terminal.application.process import Installed, load_sdk
from terminal.application.receive import Result
from terminal.application.send import Outbox, send_by_network, send_proof
from terminal.binding.platform import Platform
from terminal.errors import TerminalError
from terminal.sdk import SealedRequest
from terminal.sim import Sim
from tests.terminal.apps import PACKAGE, REQUEST, Biller, Packer, Terminal
from tests.terminal.test_any_input import JSON

ID = PACKAGE.hex()


@pytest.fixture
def biller(tmp_path: Path) -> Biller:
    return Biller(Packer(tmp_path / "packer"), Terminal(tmp_path / "terminal"))


@pytest.fixture
def platform(biller: Biller) -> Platform:
    return Platform(biller.client, biller.terminal.keys)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(TerminalError) as refusal:
        call()
    return refusal.value.code


# Receive.


def test_a_package_comes_whole_and_for_this_device(
    biller: Biller, platform: Platform, tmp_path: Path
) -> None:
    path = tmp_path / "it.cspkg"
    told: list[int] = []
    manifest = receive.download(platform, ID, path, progress=told.append)
    assert manifest == biller.packer.manifest
    assert told[-1] == path.stat().st_size
    process.install(biller.terminal.home, path)
    assert biller.terminal.start().found.files_match


@pytest.mark.parametrize(
    ("spoiled", "code"),
    [
        (lambda package: package[:-1], "package_invalid"),
        (lambda package: package.replace(b"a game", b"a gift"), "package_invalid"),
        (lambda package: b"<html>", "package_invalid"),
    ],
)
def test_a_download_that_is_damaged_leaves_nothing(
    biller: Biller,
    platform: Platform,
    tmp_path: Path,
    spoiled: Callable[[bytes], bytes],
    code: str,
) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    biller.package = spoiled(biller.packer.pack(biller.terminal.keys))
    assert refused(lambda: receive.download(platform, ID, folder / "it.cspkg")) == code
    assert list(folder.iterdir()) == []


def test_another_application_than_was_asked_for_is_refused(
    platform: Platform, tmp_path: Path
) -> None:
    call = lambda: receive.download(platform, "ffffffff", tmp_path / "it")  # noqa: E731
    assert refused(call) == "download_damaged"


def test_a_download_without_end_is_cut(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "_MAX_BYTES", 1000)
    assert refused(lambda: receive.download(platform, ID, tmp_path / "it")) == "download_damaged"


@pytest.mark.parametrize("package", ["", "../../et", "0A1B2C3D", "0a1b2c3d4"])
def test_what_is_no_id_of_an_application_is_not_asked_for(
    platform: Platform, biller: Biller, tmp_path: Path, package: str
) -> None:
    assert refused(lambda: receive.download(platform, package, tmp_path / "it")) == (
        "package_unknown"
    )
    assert refused(lambda: Installed.of(biller.terminal.home, package)) == "package_unknown"


@pytest.mark.parametrize("request_id", ["", "../x", "00112233AABBCCDD"])
def test_what_is_no_id_of_a_request_is_not_asked_for(
    platform: Platform, biller: Biller, tmp_path: Path, request_id: str
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: receive.read_status(platform, request_id),
        lambda: receive.fetch_captcha(platform, request_id, tmp_path / "c.png"),
        lambda: send_proof(platform, request_id, "captcha", answer="X"),
    ]
    assert {refused(call) for call in calls} == {"request_unknown"}
    assert biller.asked == []


def test_a_device_registers_as_itself(biller: Biller, platform: Platform) -> None:
    assert receive.register(platform) == biller.terminal.uid.hex()
    biller.spoil = {"thumbprint": "AAAA"}
    assert refused(lambda: receive.register(platform)) == "answer_invalid"


@pytest.mark.parametrize(
    "spoil",
    [{"nonces": None}, {"nonces": [1]}, {"nonces": ["xy"]}, {"expires_at": "soon"}],
)
def test_an_answer_without_nonces_is_refused(
    biller: Biller, platform: Platform, spoil: dict[str, Any]
) -> None:
    biller.spoil = spoil
    assert refused(lambda: receive.fetch_nonces(platform, 2)) == "answer_invalid"


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("nonces", "expires_at", "request", "state", "strategy"), JSON)
    )
)
def test_no_answer_gets_anything_but_a_refusal_or_what_it_says(
    biller: Biller, platform: Platform, answer: dict[str, Any]
) -> None:
    biller.spoil = answer
    for call in (
        lambda: receive.fetch_nonces(platform, 1),
        lambda: receive.read_status(platform, REQUEST),
    ):
        with suppress(TerminalError):
            call()


@pytest.mark.parametrize("name", ["request", "state", "strategy"])
def test_a_result_that_lacks_a_part_is_refused(name: str) -> None:
    whole = {"request": REQUEST, "state": "captured", "strategy": "captcha"}
    assert Result.read(whole).state == "captured"
    assert refused(lambda: Result.read({**whole, name: None})) == "answer_invalid"


def test_a_picture_without_end_is_refused(
    biller: Biller, platform: Platform, tmp_path: Path
) -> None:
    biller.picture = bytes(2**20 + 1)
    path = tmp_path / "c.png"
    assert refused(lambda: receive.fetch_captcha(platform, REQUEST, path)) == "answer_invalid"
    assert not path.exists()


# Process.


def test_a_package_that_is_not_sound_is_not_installed(biller: Biller, tmp_path: Path) -> None:
    packer, terminal = biller.packer, biller.terminal
    package = packer.pack(terminal.keys)
    for changed in (
        package.replace(b"a game", b"a gift"),
        package[: len(package) // 2],
        b"",
        b"PK\x05\x06" + bytes(18),
    ):
        assert refused(lambda: terminal.install(changed)) == "package_invalid"  # noqa: B023
    assert refused(terminal.start) == "not_installed"


def test_a_new_build_takes_the_place_of_the_old_one(biller: Biller, tmp_path: Path) -> None:
    terminal = biller.terminal
    terminal.install(biller.packer.pack(terminal.keys))
    terminal.start()
    (biller.packer.folder / "app" / "main.py").unlink()
    newer = Packer(tmp_path / "newer", build=4)
    terminal.install(newer.pack(terminal.keys))
    assert Installed.of(terminal.home, ID).build == 4
    assert terminal.start().found.files_match
    # Nothing is left of the old one, its store included.
    assert {path.name for path in (terminal.folder / "apps").iterdir()} == {ID}


def test_a_disk_that_refuses_is_named_in_one_line(
    biller: Biller, platform: Platform, tmp_path: Path
) -> None:
    package = biller.packer.pack(biller.terminal.keys)
    (tmp_path / "file").touch()
    assert refused(lambda: receive.download(platform, ID, tmp_path / "file" / "it")) == (
        "file_unwritable"
    )
    assert refused(lambda: receive.fetch_captcha(platform, REQUEST, tmp_path)) == (
        "file_unwritable"
    )
    (biller.terminal.folder / "apps").touch()
    assert refused(lambda: biller.terminal.install(package)) == "folder_unusable"
    biller.terminal.home.folder.joinpath("apps").unlink()
    biller.terminal.install(package)
    (biller.terminal.app / "state").rmdir()
    with pytest.raises(ProtocolError) as refusal:
        biller.terminal.start()
    assert refusal.value.code == "store_unusable"
    outbox = Outbox(tmp_path / "file", Sim(tmp_path / "sim.json"))
    outbox.sim.insert("+46701740605")
    request = SealedRequest(PACKAGE, Channel.SMS, text="CS1.")
    assert refused(lambda: outbox.send(request)) == "folder_unusable"


@pytest.mark.parametrize("build", ["", "three", "0", "-1", "65536"])
def test_a_folder_that_says_no_build_is_not_started(biller: Biller, build: str) -> None:
    biller.terminal.install(biller.packer.pack(biller.terminal.keys))
    (biller.terminal.app / "build").write_text(build)
    assert refused(biller.terminal.start) == "not_installed"


@pytest.mark.parametrize("code", ["syntax error (", "raise KeyError", "import nowhere", ""])
def test_an_sdk_that_does_not_run_is_refused_in_one_line(biller: Biller, code: str) -> None:
    biller.terminal.install(biller.packer.pack(biller.terminal.keys))
    (biller.terminal.app / "files" / "sdk" / "__init__.py").write_text(code)
    assert refused(biller.terminal.start) == "sdk_unusable"


def test_an_application_without_an_sdk_is_refused(biller: Biller, tmp_path: Path) -> None:
    assert refused(lambda: load_sdk(tmp_path)) == "sdk_unusable"


def test_the_sdk_runs_from_where_it_is_installed_each_time_under_another_name(
    biller: Biller,
) -> None:
    biller.terminal.install(biller.packer.pack(biller.terminal.keys))
    modules = [type(biller.terminal.start().billing).__module__ for _ in range(2)]
    assert len({*modules}) == 2
    sdk = load_sdk(biller.terminal.app / "files")
    assert Path(str(sdk.__file__)) == biller.terminal.app / "files" / "sdk" / "__init__.py"


# Send.


def test_a_request_goes_by_the_network(biller: Biller, platform: Platform) -> None:
    biller.terminal.install(biller.packer.pack(biller.terminal.keys))
    billing = biller.terminal.start().billing
    request = billing.bill(7, Channel.NETWORK, agreed=billing.consent(7))
    result = send_by_network(platform, request)
    assert (result.request, result.state) == (REQUEST, "awaiting_payment_password")
    ((path, body),) = biller.asked
    assert path == "/billing/request"
    assert {**body, "sealed": ""} == {"version": 1, "package": ID, "sealed": ""}
    assert biller.requests[0].item == 7


class Permitting:
    """A phone that always gets its permit."""

    def identity(self) -> dict[str, str]:
        return {}

    def permit(self, purpose: str) -> str:
        assert purpose == "billing"
        return "AAAA"


def test_where_the_policy_asks_for_a_permit_the_phone_gets_one(
    biller: Biller, platform: Platform
) -> None:
    biller.terminal.install(biller.packer.pack(biller.terminal.keys))
    billing = biller.terminal.start().billing
    request = billing.bill(7, Channel.NETWORK, agreed=billing.consent(7))
    biller.refusal = "permit_required"
    assert send_by_network(platform, request, Permitting()).request == REQUEST
    assert refused(lambda: send_by_network(platform, request)) == "permit_required"
    biller.refusal = "item_unknown"
    assert refused(lambda: send_by_network(platform, request, Permitting())) == "item_unknown"


def test_an_sms_goes_from_the_card_that_is_in_the_phone(biller: Biller, tmp_path: Path) -> None:
    biller.terminal.install(biller.packer.pack(biller.terminal.keys))
    billing = biller.terminal.start().billing
    request = billing.bill(7, Channel.SMS, agreed=billing.consent(7))
    outbox = Outbox(tmp_path / "outbox", Sim(tmp_path / "sim.json"))
    assert refused(lambda: outbox.send(request)) == "no_sim"
    outbox.sim.insert("+46701740605")
    path = outbox.send(request)
    assert json.loads(path.read_text()) == {"from": "+46701740605", "text": request.text}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_package_signed_again_by_a_thief_is_installed_and_then_found_out(
    biller: Biller,
) -> None:
    packer, terminal = biller.packer, biller.terminal
    sealed = packer.content().seal(terminal.keys.box_key, terminal.keys.thumbprint)
    _, pieces = with_store(packer.common(SigningKey.generate()), sealed)
    terminal.install(BytesIO(b"".join(pieces)).getvalue())
    assert not terminal.start().found.key_matches
