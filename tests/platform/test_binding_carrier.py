"""The carriers: one in a file, and the CAMARA API over a real connection."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from binding.carrier import CamaraSimSwap, FakeCarrier, carrier
from binding.errors import CarrierUnavailableError

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

NUMBER = "+4915112345678"


class Camara(BaseHTTPRequestHandler):
    """A carrier that answers what the test wants, and notes what it was asked."""

    status: ClassVar[int] = 200
    answer: ClassVar[bytes] = b""
    asked: ClassVar[list[tuple[str, dict[str, str], Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, dict(self.headers), body))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def camara(monkeypatch: pytest.MonkeyPatch) -> Iterator[CamaraSimSwap]:
    monkeypatch.setattr(Camara, "asked", [])
    with HTTPServer(("127.0.0.1", 0), Camara) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        asked = CamaraSimSwap(f"http://127.0.0.1:{server.server_port}/sim-swap/v1/", "secret")
        yield asked
        asked._pool.clear()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("is_swapped", [True, False])
def test_camara_is_asked_as_its_definition_says(
    camara: CamaraSimSwap, monkeypatch: pytest.MonkeyPatch, is_swapped: object
) -> None:
    monkeypatch.setattr(Camara, "answer", json.dumps({"swapped": is_swapped}).encode())
    assert camara.was_swapped(NUMBER, within_hours=5) is is_swapped
    assert camara.was_swapped(NUMBER, within_hours=9999) is is_swapped
    (path, headers, body), (_, _, other) = Camara.asked
    assert path == "/sim-swap/v1/check"
    assert headers["Authorization"] == "Bearer secret"
    assert body == {"phoneNumber": NUMBER, "maxAge": 5}
    assert other["maxAge"] == 2400


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, b"{}"),
        (200, b'{"swapped": "no"}'),
        (200, b"[]"),
        (200, b"\xff"),
        (403, b'{"code": "PERMISSION_DENIED", "swapped": false}'),
        (404, b'{"code": "IDENTIFIER_NOT_FOUND"}'),
        (302, b'{"swapped": false}'),
        (500, b""),
    ],
)
def test_whatever_is_no_plain_yes_or_no_is_no_answer(
    camara: CamaraSimSwap, monkeypatch: pytest.MonkeyPatch, status: int, answer: bytes
) -> None:
    monkeypatch.setattr(Camara, "status", status)
    monkeypatch.setattr(Camara, "answer", answer)
    with pytest.raises(CarrierUnavailableError):
        camara.was_swapped(NUMBER, within_hours=5)


def test_nobody_there_is_no_answer() -> None:
    with pytest.raises(CarrierUnavailableError):
        CamaraSimSwap("http://127.0.0.1:9", "").was_swapped(NUMBER, within_hours=5)


def test_the_fake_knows_the_numbers_in_its_file(tmp_path: Path) -> None:
    fake = FakeCarrier(tmp_path / "swapped")
    assert not fake.was_swapped(NUMBER, within_hours=5)
    (tmp_path / "swapped").write_text(f"+4915100000000\n{NUMBER}\n")
    assert fake.was_swapped(NUMBER, within_hours=5)
    assert not fake.was_swapped(NUMBER[:-1], within_hours=5)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("", type(None)),
        ("file:///tmp/swapped", FakeCarrier),
        ("https://api.example.com/sim-swap/v1", CamaraSimSwap),
        ("http://127.0.0.1:8080/sim-swap/v1", CamaraSimSwap),
    ],
)
def test_the_setting_says_whom_to_ask(settings: Any, url: str, kind: type[object]) -> None:
    settings.CARRIER_URL = url
    assert isinstance(carrier(), kind)


@pytest.mark.parametrize("url", ["http://api.example.com/sim-swap/v1", "ftp://host", "nonsense"])
def test_a_carrier_is_not_asked_where_others_can_read(settings: Any, url: str) -> None:
    settings.CARRIER_URL = url
    with pytest.raises(ImproperlyConfigured):
        carrier()
    assert [fault.id for fault in run_checks() if fault.id == "countersign.E006"]


def test_the_fake_does_not_go_into_service(settings: Any) -> None:
    settings.CARRIER_URL = "file:///tmp/swapped"
    faults = {fault.id for fault in run_checks(include_deployment_checks=True)}
    assert "countersign.E007" in faults
    assert "countersign.E007" not in {fault.id for fault in run_checks()}
