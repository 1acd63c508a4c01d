"""The billing manager: who asks it knows by itself; and the service that it is on loopback."""

import json
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from protocol.billing import Operation
from protocol.content import Release
from terminal.asking import RemoteManager
from terminal.errors import TerminalError
from terminal.manager import BillingManager
from terminal.resource import BillingRequest
from terminal.serving import MAX_BODY_BYTES, serving
from tests.terminal.loopback import HOSTS, Answer, answering, in_background
from tests.terminal.shop import CONTENT, Shop, Terminal

pytestmark = pytest.mark.allow_hosts(HOSTS)


@pytest.fixture
def shop() -> Shop:
    return Shop(paid={"anna"})


@pytest.fixture
def anna(shop: Shop) -> Terminal:
    return shop.terminal("anna")


@pytest.fixture
def request_(shop: Shop) -> BillingRequest:
    return BillingRequest(shop.resource, 1, bytes(32), Operation.PLAY, bytes(16), bytes(32))


@dataclass
class FakePhone:
    """A phone with a SIM."""

    def identity(self) -> Mapping[str, str]:
        return {"msisdn": "+4915112345678", "sim": "8949020000001234567"}

    def permit(self, purpose: str) -> str:
        return f"permit for {purpose}"


def test_account_and_device_reach_the_platform_though_the_resource_names_neither(
    anna: Terminal, request_: BillingRequest
) -> None:
    anna.manager.authorize(request_)
    ((path, key, body, _),) = anna.shop.asked
    assert path == "/billing/authorize"
    assert key == anna.keys.signing.public
    assert body["identity"] == {"account": "anna"}
    assert body["resource_id"] == anna.shop.resource.hex()
    assert body["resource_version"] == 1


def test_on_a_phone_number_and_sim_are_read_at_each_use(
    anna: Terminal, request_: BillingRequest
) -> None:
    manager = BillingManager(
        keys=anna.keys, pins=anna.pins, client=anna.shop.client(), phone=FakePhone()
    )
    manager.authorize(request_)
    assert anna.shop.asked[0][2]["identity"] == {"account": "anna", **FakePhone().identity()}


def test_a_permit_is_fetched_when_the_platform_wants_one(
    anna: Terminal, request_: BillingRequest
) -> None:
    anna.shop.needs_permit = True
    manager = BillingManager(
        keys=anna.keys, pins=anna.pins, client=anna.shop.client(), phone=FakePhone()
    )
    assert manager.authorize(request_)
    assert anna.shop.asked[-1][3] == {"Permit": "permit for billing"}


def test_a_terminal_without_a_phone_has_no_permit_to_give(
    anna: Terminal, request_: BillingRequest
) -> None:
    anna.shop.needs_permit = True
    with pytest.raises(TerminalError) as refused:
        anna.manager.authorize(request_)
    assert refused.value.code == "permit_required"


def test_a_platform_that_answers_without_a_code_is_refused(
    anna: Terminal, request_: BillingRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anna.shop, "_authorize", lambda *_: {"status_code": 7})
    with pytest.raises(TerminalError) as refused:
        anna.manager.authorize(request_)
    assert refused.value.code == "answer_invalid"


def test_the_manager_keeps_no_copy_of_the_code(anna: Terminal, request_: BillingRequest) -> None:
    manager = anna.manager
    before = vars(manager).copy()
    code = manager.authorize(request_)
    assert vars(manager) == before
    assert code not in repr(vars(manager))


@contextmanager
def running(terminal: Terminal, folder: Path) -> Iterator[Path]:
    file = folder / "manager.json"
    with serving(terminal.manager, file) as server, in_background(server):
        yield file


def test_a_resource_uses_the_manager_over_http(anna: Terminal, shop: Shop, tmp_path: Path) -> None:
    song = shop.pack(tmp_path / "song.csres")
    with running(anna, tmp_path) as file:
        interface = anna.interface(song, RemoteManager.find(file))
        with interface.operate() as opened:
            assert b"".join(opened.content) == CONTENT


def test_a_refusal_of_the_platform_reaches_the_resource_with_its_price(
    shop: Shop, request_: BillingRequest, tmp_path: Path
) -> None:
    ben = shop.terminal("ben")
    with running(ben, tmp_path) as file, pytest.raises(TerminalError) as refused:
        RemoteManager.find(file).authorize(request_)
    assert (refused.value.code, refused.value.members["price"]) == ("not_paid", 499)


def test_a_key_sealed_to_another_device_is_refused_over_http(
    anna: Terminal, shop: Shop, tmp_path: Path
) -> None:
    release = Release(shop.resource, 1, anna.keys.thumbprint, bytes(16))
    sealed = release.seal(bytes(32), shop.terminal("ben").keys.box_key)
    with running(anna, tmp_path) as file, pytest.raises(TerminalError) as refused:
        RemoteManager.find(file).open_key(release, sealed)
    assert refused.value.code == "sealed_invalid"


def test_the_file_that_says_how_is_the_owners_alone_and_gone_at_the_end(
    anna: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "manager.json").touch(mode=0o644)
    with running(anna, tmp_path) as file:
        assert file.stat().st_mode & 0o777 == 0o600
    assert not file.exists()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer \xff"}, 401),
        ({"Host": "pages.example"}, 401),
    ],
)
def test_programs_without_the_secret_and_pages_in_a_browser_are_refused(
    anna: Terminal, tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    with running(anna, tmp_path) as file:
        way = json.loads(file.read_text())
        if "Host" in headers:
            headers = {"Authorization": f"Bearer {way['secret']}", **headers}
        answer = urllib3.request(
            "POST", f"{way['origin']}/authorize", body=b"{}", headers=headers, timeout=60
        )
    assert answer.status == status
    assert anna.shop.asked == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/authorize", b"", 400),
        ("/authorize", b"[]", 400),
        ("/authorize", b'{"resource": "zz"}', 400),
        ("/authorize", b" " * (MAX_BODY_BYTES + 1), 400),
        ("/authorize", b'{"resource": "00", "version": Infinity}', 400),
        ("/open-key", b'{"resource": "00", "version": Infinity}', 400),
        ("/open-key", b'{"resource": "00", "version": 1}', 400),
        ("/keys", b"{}", 404),
    ],
)
def test_what_no_resource_asks_is_refused(
    anna: Terminal, tmp_path: Path, path: str, body: bytes, status: int
) -> None:
    with running(anna, tmp_path) as file:
        way = json.loads(file.read_text())
        headers = {"Authorization": f"Bearer {way['secret']}"}
        answer = urllib3.request(
            "POST", way["origin"] + path, body=body, headers=headers, timeout=60
        )
    assert answer.status == status
    assert anna.shop.asked == []


def test_a_caller_that_goes_away_leaves_no_trace_and_no_harm(
    anna: Terminal, request_: BillingRequest, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(anna, tmp_path) as file:
        way = json.loads(file.read_text())
        port = int(way["origin"].rsplit(":")[-1])
        with socket.create_connection(("127.0.0.1", port)) as caller:
            # Closed with an answer unread, so that what is written to it is reset.
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            caller.sendall(b"POST /authorize HTTP/1.0\r\nContent-Length: 5\r\n\r\n{")
        assert RemoteManager.find(file).authorize(request_)
    assert capfd.readouterr().err == ""


def test_a_manager_that_does_not_run_is_said_to_be_missing(
    anna: Terminal, request_: BillingRequest, tmp_path: Path
) -> None:
    with running(anna, tmp_path) as file:
        left = file.read_bytes()
    for _ in range(2):
        with pytest.raises(TerminalError) as refused:
            RemoteManager.find(file).authorize(request_)
        assert refused.value.code == "manager_not_running"
        file.write_bytes(left)


@pytest.mark.parametrize(
    "answer", [Answer(b"no"), Answer.of({}), Answer.of({"status_code": 7}), Answer(b"no", 500)]
)
def test_a_manager_that_answers_nonsense_is_refused(
    request_: BillingRequest, tmp_path: Path, answer: Answer
) -> None:
    with answering(lambda _: answer) as origin:
        file = tmp_path / "manager.json"
        file.write_text(json.dumps({"origin": origin, "secret": "s"}))
        with pytest.raises(TerminalError) as refused:
            RemoteManager.find(file).authorize(request_)
    assert refused.value.code == "answer_invalid"


def test_a_port_that_is_taken_is_named(anna: Terminal, tmp_path: Path) -> None:
    with running(anna, tmp_path) as file:
        port = int(json.loads(file.read_text())["origin"].rsplit(":")[-1])
        with pytest.raises(TerminalError) as refused, serving(anna.manager, file, port=port):
            pass
    assert refused.value.code == "port_in_use"
