"""Programs that are told of events: what is written, how it is sent, and where it may go."""

import base64
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from notices import outgoing
from notices.models import WebhookEndpoint, WebhookMessage
from notices.outgoing import NotReachedError
from notices.services import deliver_webhooks, forget_old_messages, webhooks
from notices.services.webhooks import KEPT, MAX_ENDPOINTS, WAITS
from tests.platform.operators import browser_of, text_of
from tests.platform.world import Person, now

URL = "https://shop.example/hook"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Forget whether there are endpoints: those of a test before are gone."""
    webhooks._looked["at"] = -webhooks._LOOK_AGAIN_SECONDS
    yield
    webhooks._looked["at"] = -webhooks._LOOK_AGAIN_SECONDS


class Program:
    """A program behind every address: it notes what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.status: int | None = 204
        self.sent: list[tuple[str, bytes, dict[str, str]]] = []

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.sent.append((url, body, headers))
        if self.status is None:
            raise NotReachedError
        return 200 if self.status < 300 else self.status


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    program = Program()
    monkeypatch.setattr("notices.services.webhooks.post", program.post)
    return program


def listen(person: Person, url: str = URL) -> dict[str, Any]:
    answer: dict[str, Any] = person.post("/webhooks", {"url": url})
    return answer


def deliver(at: datetime | None = None) -> int:
    return deliver_webhooks(now=at or now())


def test_a_signed_step_is_told_with_ids_and_nothing_of_its_content(
    anna: Person, program: Program
) -> None:
    listen(anna)
    step = anna.open()
    anna.sign(step)

    assert deliver() == 1

    ((url, body, headers),) = program.sent
    told = json.loads(body)
    assert (url, told["type"]) == (URL, "step.signed")
    assert told["data"]["step"] == step["id"]
    assert told["data"]["transaction"] == step["transaction"]
    assert b"Flower" not in body
    assert headers["webhook-id"].startswith("msg_")


def test_the_signature_is_that_of_standard_webhooks(dora: Person, program: Program) -> None:
    made = listen(dora)
    dora.call("POST", f"/webhooks/{made['id']}/test")
    deliver()

    ((_, body, headers),) = program.sent
    secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
    signed = b".".join(
        [headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body]
    )
    digest = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"


def test_signing_agrees_with_another_implementation() -> None:
    # Made by the package standardwebhooks 1.1.0.
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = webhooks.sign(
        secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_others_are_not_told_and_operators_are_told_of_everything(
    anna: Person, dora: Person, program: Program
) -> None:
    listen(dora)
    webhooks.add_endpoint(holder_id=None, url="https://ops.example/", now=now())
    anna.sign(anna.open())
    deliver()

    assert [url for url, _, _ in program.sent] == ["https://ops.example/"]


def test_what_is_undone_is_not_told(dora: Person) -> None:
    listen(dora)
    with transaction.atomic():
        webhooks.publish("step.signed", {}, holders={dora.holder.pk}, now=now())
        transaction.set_rollback(True)
    assert not WebhookMessage.objects.exists()


def test_a_message_that_did_not_arrive_is_tried_again_ever_later(
    dora: Person, program: Program
) -> None:
    made, at = listen(dora), now()
    dora.call("POST", f"/webhooks/{made['id']}/test")
    program.status = 500
    for tries, wait in enumerate(WAITS, start=1):
        at += timedelta(seconds=1)
        assert deliver(at) == 0
        assert deliver(at) == 0, "not again before it is due"
        assert len(program.sent) == tries
        at += wait

    deliver(at + timedelta(seconds=1))

    assert len(program.sent) == len(WAITS) + 1
    assert len({headers["webhook-id"] for _, _, headers in program.sent}) == 1
    (message,) = WebhookMessage.objects.all()
    assert (message.due_at, message.arrived_at, message.status) == (None, None, 500)
    assert WebhookEndpoint.objects.get().stopped_at is not None


def test_a_program_that_is_away_delays_no_other(
    dora: Person, mallory: Person, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person, url in ((dora, URL), (mallory, "https://away.example/")):
        made = listen(person, url)
        person.call("POST", f"/webhooks/{made['id']}/test")

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        if "away" in url:
            raise NotReachedError
        return program.post(url, body, headers)

    monkeypatch.setattr("notices.services.webhooks.post", post)

    assert deliver() == 1
    assert [url for url, _, _ in program.sent] == [URL]


def test_two_workers_do_not_send_one_message_at_once(
    dora: Person, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = listen(dora)
    dora.call("POST", f"/webhooks/{made['id']}/test")
    at = now()

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        monkeypatch.setattr("notices.services.webhooks.post", program.post)
        # While one sends, the other looks for work.
        return program.post(url, body, headers)

    monkeypatch.setattr("notices.services.webhooks.post", post)
    (message,) = WebhookMessage.objects.all()
    assert WebhookMessage.objects.filter(pk=message.pk, due_at=message.due_at).update(
        due_at=at + webhooks._LEASE
    )
    assert deliver(at) == 0
    assert deliver(at + webhooks._LEASE) == 1, "whoever claimed it and died has lost it"


def test_gone_ends_an_endpoint_at_once_and_its_owner_may_go_on(
    dora: Person, program: Program
) -> None:
    made = listen(dora)
    dora.call("POST", f"/webhooks/{made['id']}/test")
    program.status = 410
    deliver()
    assert dora.get("/webhooks")[0]["stopped_at"] is not None

    program.status = 200
    assert deliver(now() + WAITS[-1]) == 0
    page = browser_of(dora).post(f"/webhooks/{made['id']}", {"action": "resume"})

    assert page.status_code == 302
    assert deliver(now() + timedelta(seconds=1)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "http://shop.example/",
        "ftp://shop.example/",
        "https://",
        "https://user:word@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:port/",
        "https://[::1/",
        "https://shop.example/a b",
        "https://shop.example/" + "a" * 400,
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://192.168.0.1/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
    ],
)
def test_an_address_that_is_not_public_is_refused(dora: Person, url: str) -> None:
    assert dora.call("POST", "/webhooks", {"url": url}).refusal == (422, "webhook_url_invalid")
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1"])
def test_a_public_name_that_leads_inside_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    found = [(0, 0, 0, "", ("93.184.215.14", 443)), (0, 0, 0, "", (address, 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)

    with pytest.raises(NotReachedError):
        outgoing.post(URL, b"{}", {})


@contextmanager
def listening(status: int, headers: dict[str, str]) -> Iterator[tuple[str, list[bytes]]]:
    """Run a program on this machine; give its address, and what it was sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/hook", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.enable_socket
def test_a_redirect_is_not_followed(settings: Any) -> None:
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    with listening(204, {}) as (target, reached):  # noqa: SIM117  # the first is the second's aim
        with listening(302, {"Location": target}) as (url, bodies):
            assert outgoing.post(url, b'{"a":1}', {}) == 302
    assert (bodies, reached) == ([b'{"a":1}'], [])


@pytest.mark.enable_socket
def test_private_addresses_are_for_those_who_set_so(settings: Any) -> None:
    with listening(204, {}) as (url, bodies):
        with pytest.raises(NotReachedError):
            outgoing.post(url, b"{}", {})
        assert bodies == []
        settings.WEBHOOKS_MAY_BE_PRIVATE = True
        assert outgoing.post(url, b"{}", {}) == 200


def test_an_endpoint_stands_once_and_there_are_ten_at_most(dora: Person) -> None:
    listen(dora)
    assert dora.call("POST", "/webhooks", {"url": URL}).refusal == (409, "webhook_known")
    for number in range(MAX_ENDPOINTS - 1):
        listen(dora, f"https://shop.example/{number}")

    refused = dora.call("POST", "/webhooks", {"url": "https://one.too.many/"})

    assert refused.refusal == (409, "too_many_webhooks")


def test_nobody_sees_or_changes_the_webhooks_of_another(dora: Person, mallory: Person) -> None:
    made = listen(dora)

    assert mallory.get("/webhooks") == []
    assert mallory.call("DELETE", f"/webhooks/{made['id']}").refusal == (404, "not_found")
    assert mallory.call("POST", f"/webhooks/{made['id']}/test").refusal == (404, "not_found")
    assert browser_of(mallory).get(f"/webhooks/{made['id']}").status_code == 404
    assert dora.call("DELETE", f"/webhooks/{made['id']}").status == 204


def test_the_secret_is_shown_when_it_is_made_and_stored_sealed(dora: Person) -> None:
    browser = browser_of(dora)
    made = browser.post("/webhooks", {"url": URL})
    page = text_of(browser.get(made["Location"]))
    (endpoint,) = WebhookEndpoint.objects.all()

    assert "whsec_" in page
    secret = page.split("whsec_")[1].split("<")[0]
    assert base64.b64decode(secret) not in bytes(endpoint.sealed_secret)
    assert "whsec_" not in text_of(browser_of(dora).get(made["Location"]))


def test_the_page_says_why_an_address_is_refused_and_keeps_it(dora: Person) -> None:
    page = text_of(browser_of(dora).post("/webhooks", {"url": "http://10.0.0.1/"}), 422)
    assert "public name" in page
    assert 'value="http://10.0.0.1/"' in page


def test_the_pages_show_what_was_told(dora: Person, program: Program) -> None:
    browser, made = browser_of(dora), listen(dora)
    assert browser.post(f"/webhooks/{made['id']}", {"action": "test"}).status_code == 302
    assert "On its way" in text_of(browser.get(f"/webhooks/{made['id']}"))
    deliver()
    assert "Arrived" in text_of(browser.get(f"/webhooks/{made['id']}"))

    assert browser.post(f"/webhooks/{made['id']}", {"action": "renew"}).status_code == 302
    assert "whsec_" in text_of(browser.get(f"/webhooks/{made['id']}"))
    assert browser.post(f"/webhooks/{made['id']}", {"action": "dance"}).status_code == 400
    assert browser.post(f"/webhooks/{made['id']}", {"action": "remove"}).status_code == 302
    assert browser.get(f"/webhooks/{made['id']}").status_code == 404


def test_operators_alone_name_those_who_are_told_of_everything(
    console: Client, dora: Person
) -> None:
    made = console.post("/console/webhooks", {"url": URL})
    assert made.status_code == 302
    assert "whsec_" in text_of(console.get(made["Location"]))
    assert WebhookEndpoint.objects.get().holder is None
    assert browser_of(dora).get("/console/webhooks").status_code == 403
    assert dora.get("/webhooks") == []


def test_old_messages_are_forgotten_and_those_that_wait_are_not(
    dora: Person, program: Program
) -> None:
    made = listen(dora)
    for _ in range(2):
        dora.call("POST", f"/webhooks/{made['id']}/test")
    deliver_webhooks(now=now(), limit=1)

    forget_old_messages(now=now() + KEPT + timedelta(days=1))

    assert [message.arrived_at for message in WebhookMessage.objects.all()] == [None]
