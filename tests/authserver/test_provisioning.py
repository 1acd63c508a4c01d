"""A token without a network: its secret is shown once, on the host's own page."""

import base64
import io
import logging
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
import zxingcpp
from django.core import serializers
from django.db import connections
from PIL import Image

from authserver.base64url import encode
from authserver.logs import EventFormatter
from authserver.models import Enrolment, Event, Failure, Server
from protocol import qrtext
from protocol.bundle import Bundle
from protocol.provisioning import Provision
from protocol.qrtext import Link
from protocol.statement import Kind
from tests.authserver.world import Bank, LocalHost, Paired, Token
from tokens.enrolment import provisioned
from tokens.simulator import SimulatedToken

QR_ONLY = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
SUITES = [
    "OCRA-1:HOTP-SHA256-8:QH64-T1M",
    "OCRA-1:HOTP-SHA256-8:C-QH64",
    "OCRA-1:HOTP-SHA256-8:QN10-T1M",
    "GMT0021:SM3-8:T60-Q64",
    "GMT0021:SM4-8:T60-Q8",
]


def press(paired: Paired, host: LocalHost) -> Any:
    """Press the button that shows the code."""
    return host.client.post("/e", {"link": paired.invitation.to_link(), "show": "code"})


def look(paired: Paired, host: LocalHost) -> Any:
    return host.client.post("/e", {"link": paired.invitation.to_link()})


def code_in(response: Any) -> str | None:
    """Return the text of the QR code on a page; None where there is none."""
    found = re.search(r'src="data:image/png;base64,([^"]+)"', response.content.decode())
    if not found:
        return None
    image = Image.open(io.BytesIO(base64.b64decode(found[1])))
    [code] = zxingcpp.read_barcodes(image, formats=QR_ONLY)
    return str(code.text)


def read(paired: Paired, host: LocalHost) -> tuple[SimulatedToken, str, Provision]:
    """Show the code, and read it with a token."""
    code = code_in(press(paired, host))
    assert code
    provision = Provision.from_link(code)
    return *provisioned(provision, datetime.now(UTC)), provision


def digits_on(response: Any) -> str:
    found = re.search(r'id="digits">([0-9 ]+)<', response.content.decode())
    return found[1].replace(" ", "") if found else ""


@pytest.mark.parametrize("suite", SUITES)
def test_a_token_without_a_network_enrols_by_one_code_and_is_activated(
    host: LocalHost, bank: Bank, suite: str
) -> None:
    paired = Paired.make(host, bank, suite)
    token, digits, _ = read(paired, host)
    assert digits_on(look(paired, host)) == digits
    assert paired.status()["digits_ready"] is True
    assert paired.call("POST", "/activate", {"digits": digits}).status == 200
    now = datetime.now(UTC)
    activation = paired.statement(Kind.ACTIVATION)
    bundle = Bundle(bank.sign(activation), None, ())
    text = qrtext.encode(bank.information.origin, Link.BUNDLE, bundle.encode())
    response = token.respond(token.read(text, now), now)
    assert paired.answer(activation, response).body["accepted"] is True
    assert paired.status()["state"] == "active"


def test_the_page_with_the_code_has_its_digits_and_is_kept_nowhere(
    paired: Paired, host: LocalHost
) -> None:
    response = press(paired, host)
    _, digits = provisioned(Provision.from_link(str(code_in(response))), datetime.now(UTC))
    assert digits_on(response) == digits
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert "Set-Cookie" not in response.headers


def test_the_code_is_shown_only_once(paired: Paired, host: LocalHost) -> None:
    _, digits, _ = read(paired, host)
    for again in (press(paired, host), look(paired, host)):
        assert code_in(again) is None
        assert digits_on(again) == digits
    refused = press(paired, host)
    assert refused.status_code == 409
    assert "shown only once" in refused.content.decode()
    assert paired.status()["state"] == "enrolled"


def test_after_a_token_has_answered_no_code_is_shown(paired: Paired, host: LocalHost) -> None:
    paired.enrol()
    refused = press(paired, host)
    assert (refused.status_code, code_in(refused)) == (409, None)
    assert paired.confirm().status == 200


def test_a_stopped_enrolment_shows_no_code(paired: Paired, host: LocalHost) -> None:
    paired.enrol()
    paired.enrol(share=Token(paired.token.suite).share)
    refused = press(paired, host)
    assert (refused.status_code, code_in(refused)) == (409, None)
    assert "was stopped" in refused.content.decode()


def test_a_device_that_comes_with_the_ticket_afterwards_stops_the_enrolment(
    paired: Paired, host: LocalHost
) -> None:
    read(paired, host)
    assert paired.enrol(share=Token(paired.token.suite).share).code == "ticket_used"
    assert paired.status()["state"] == "revoked"


def test_an_expired_invitation_shows_no_code(
    paired: Paired, host: LocalHost, clock: time_machine.Traveller
) -> None:
    clock.shift(601)
    refused = press(paired, host)
    assert (refused.status_code, code_in(refused)) == (404, None)
    assert paired.status()["state"] == "issued"


def test_what_is_no_link_shows_no_code(host: LocalHost) -> None:
    refused = host.client.post("/e", {"link": "http://localhost:8001/e#1", "show": "code"})
    assert refused.status_code == 422


def test_the_story_of_the_token_says_that_the_host_showed_it(
    paired: Paired, host: LocalHost
) -> None:
    read(paired, host)
    enrolled = Event.objects.get(server=paired.row, kind="enrolled")
    assert enrolled.actor == "host"


def test_two_codes_never_hold_one_secret(host: LocalHost, bank: Bank) -> None:
    first, second = (read(Paired.make(host, bank), host)[0] for _ in range(2))
    assert first.seed != second.seed


def test_neither_code_nor_secret_is_in_a_log_or_in_clear_in_the_database(
    paired: Paired,
    host: LocalHost,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "django")
    # Django logs each query with its parameters then.
    monkeypatch.setattr(connections["default"], "force_debug_cursor", True)
    token, digits, provision = read(paired, host)
    press(paired, host)
    formatter = EventFormatter()
    places = "\n".join(formatter.format(record) for record in caplog.records)
    assert "SELECT" in places
    for model in (Enrolment, Event, Failure, Server):
        rows = model.objects.all()
        places += "".join(map(str, rows.values())) + serializers.serialize("json", rows)
    binary = (provision.private, token.seed, token.post_key, provision.ticket)
    texts = [write(value) for value in binary for write in (bytes.hex, encode, repr)]
    # Of the link any long piece of its digits; the rest at its end may be one digit alone.
    link = provision.to_link()
    for secret in (*texts, digits, *(link[at : at + 30] for at in range(40, len(link) - 29, 30))):
        assert secret not in places


def test_a_phone_that_reads_the_code_is_told_to_begin_again(host: LocalHost) -> None:
    response = host.client.get("/p")
    page = response.content.decode()
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert "for a token, not for a camera" in page
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/enrolment.js" defer>']
