"""GET and POST /e: the enrolment page on the host's own origin."""

import base64
import io
import re
from urllib.parse import quote

import pytest
import time_machine
import zxingcpp
from django.conf import settings
from PIL import Image

from tests.authserver.world import LocalHost, Paired, Token

# A dense QR code may look like a bar code of another kind somewhere.
QR_ONLY = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def show(paired: Paired, host: LocalHost, link: str | None = None) -> str:
    given = paired.invitation.to_link() if link is None else link
    return host.client.post("/e", {"link": given}).content.decode()


def test_the_page_asks_for_the_link(host: LocalHost) -> None:
    response = host.client.get("/e")
    assert response.status_code == 200
    assert 'name="link"' in response.content.decode()


def test_the_page_has_no_inline_script_or_style(paired: Paired, host: LocalHost) -> None:
    page = show(paired, host)
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/enrolment.js" defer>']
    assert "<style" not in page
    assert "style=" not in page
    assert not re.findall(r"\son\w+=", page)


@pytest.mark.parametrize(
    ("path", "kind"), [("/enrolment.js", "text/javascript"), ("/enrolment.css", "text/css")]
)
def test_script_and_style_come_from_this_origin(host: LocalHost, path: str, kind: str) -> None:
    response = host.client.get(path)
    assert (response.status_code, response["Content-Type"]) == (200, kind)


def test_an_open_invitation_is_shown_as_a_qr_code(paired: Paired, host: LocalHost) -> None:
    page = show(paired, host)
    picture = re.search(r'src="data:image/png;base64,([^"]+)"', page)
    assert picture
    image = Image.open(io.BytesIO(base64.b64decode(picture[1])))
    assert zxingcpp.read_barcodes(image, formats=QR_ONLY)[0].text == paired.invitation.to_link()
    assert "https://bank.example" in page


def test_the_link_leads_to_the_token_app_of_the_same_device(
    paired: Paired, host: LocalHost
) -> None:
    link = quote(paired.invitation.to_link(), safe="")
    assert f'href="{settings.AUTHSERVER_ORIGIN}/token/#{link}"' in show(paired, host)


def test_the_link_may_be_pasted_with_blanks_around_it(paired: Paired, host: LocalHost) -> None:
    assert "data:image/png" in show(paired, host, f"\n {paired.invitation.to_link()} \n")


def test_after_the_token_enrolled_its_digits_are_shown(paired: Paired, host: LocalHost) -> None:
    paired.enrol()
    page = show(paired, host)
    assert paired.token.secrets
    digits = paired.token.secrets.digits
    assert f"{digits[:4]} {digits[4:]}" in page
    assert "data:image/png" not in page


def test_looking_changes_nothing(paired: Paired, host: LocalHost) -> None:
    for _ in range(3):
        show(paired, host)
    assert paired.enrol().status == 200


def test_a_stopped_enrolment_is_told_to_the_holder(paired: Paired, host: LocalHost) -> None:
    paired.enrol()
    paired.enrol(share=Token(paired.token.suite).share)
    page = show(paired, host)
    assert "was stopped" in page
    assert "data:image/png" not in page


def test_an_expired_invitation_shows_nothing(
    paired: Paired, host: LocalHost, clock: time_machine.Traveller
) -> None:
    clock.shift(601)
    response = host.client.post("/e", {"link": paired.invitation.to_link()})
    assert response.status_code == 404
    assert "not open" in response.content.decode()


@pytest.mark.parametrize(
    "link",
    [
        "",
        "x",
        "http://localhost:8001/e#",
        "http://localhost:8001/e#12345",
        "http://localhost:8001/r#0123",
        "1" * 60_000,
        "<script>alert(1)</script>",
        "http://localhost:8001/e#\uff11\uff12\uff13",
    ],
)
def test_what_is_no_link_is_refused_with_a_sentence(host: LocalHost, link: str) -> None:
    response = host.client.post("/e", {"link": link})
    assert response.status_code == 422
    assert "not a whole enrolment link" in response.content.decode()
    assert "<script>alert" not in response.content.decode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"link=x", "application/x-www-form-urlencoded; charset=utf-16"),
        (b"link=x", "application/x-www-form-urlencoded; charset=nonsense"),
        (b"not multipart", "multipart/form-data; boundary=x"),
        (b"not multipart", "multipart/form-data"),
        (b"&".join([b"a=1"] * 2000), "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"{}", ""),
    ],
)
def test_a_malformed_form_is_no_fault_of_ours(host: LocalHost, body: bytes, kind: str) -> None:
    response = host.client.generic("POST", "/e", body, content_type=kind)
    assert response.status_code in (400, 422)


def test_a_form_of_a_megabyte_is_too_large(host: LocalHost) -> None:
    assert host.client.post("/e", {"link": "1" * 1_000_000}).status_code == 413


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("en", "en"),
        ("zh-CN", "zh-hans"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-hans"),
        ("fr", "en"),
        ("\xff;q=x", "en"),
    ],
)
def test_the_page_speaks_the_language_of_its_reader(
    paired: Paired, host: LocalHost, wanted: str, language: str
) -> None:
    link = paired.invitation.to_link()
    response = host.client.post("/e", {"link": link}, headers={"Accept-Language": wanted})

    page = response.content.decode()
    assert f'<html lang="{language}">' in page
    assert ("Enrol a token" in page) is (language == "en")
    assert "Set-Cookie" not in response.headers


def test_what_is_said_to_programs_stays_english(host: LocalHost) -> None:
    response = host.client.get("/nothing", headers={"Accept-Language": "zh-CN"})

    assert "There is nothing at this address." in response.content.decode()
