"""Every charge has a receipt: signed, drawn, read again, and verified by whoever has the keys."""

import io
from typing import Any

import pytest
import zxingcpp
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from PIL import Image

from billing.packages.models import BillingRequest
from notices.models import Notice
from notices.services import deliver_notices
from protocol import cose
from protocol.charge import Charge, Side
from protocol.cose import Typ
from protocol.keys import Directory
from protocol.qrtext import Link
from protocol.verification import verify_receipt
from receipts.services import directory, read_text
from signing.services import link_to
from tests.platform.charging import Payer
from tests.platform.operators import browser_of
from tests.platform.world import Person, call, now

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def payer() -> Payer:
    return Payer.make()


@pytest.fixture
def charge(payer: Payer) -> BillingRequest:
    return payer.charged()


def receipt_of(charge: BillingRequest) -> bytes:
    return bytes(charge.receipt or b"")


def receipt(browser: Client, charge: BillingRequest, form: str) -> Any:
    return browser.get(f"/charges/{charge.public_id}/receipt.{form}")


def test_the_receipt_of_a_charge_says_who_paid_whom_what_how_and_when(
    payer: Payer, charge: BillingRequest
) -> None:
    said = Charge.from_signed(cose.parse(receipt_of(charge)))
    developer = payer.application.developer.holder
    assert charge.captured_at is not None
    assert said == Charge(
        platform=said.platform,
        uid=bytes(charge.uid),
        way="payment_password",
        payer=Side(payer.person.holder.account, payer.person.holder.name or None),
        payee=Side(developer.account, developer.name or None),
        text="Golden sword (Dragons)",
        amount=250,
        currency="EUR",
        digest=bytes(charge.digest),
        captured=int(charge.captured_at.timestamp()),
    )


def test_the_receipt_of_a_charge_verifies_and_with_a_flipped_bit_does_not(
    charge: BillingRequest,
) -> None:
    keys = Directory.open(directory(now=now()))
    message = receipt_of(charge)
    assert verify_receipt(message, keys).is_valid
    for place in range(0, len(message), 7):
        flipped = bytearray(message)
        flipped[place] ^= 1
        assert not verify_receipt(bytes(flipped), keys).is_valid


@pytest.mark.parametrize("form", ["png", "svg", "txt", "cbor", "pdf"])
def test_the_receipt_is_drawn_in_every_form_for_the_payer(
    payer: Payer, charge: BillingRequest, form: str
) -> None:
    answer = receipt(browser_of(payer.person), charge, form)
    again = call("GET", f"/charges/{charge.public_id}/receipt.{form}", key=payer.person.key)
    assert answer.status_code == 200
    assert answer.content == again.raw
    if form == "cbor":
        assert answer.content == receipt_of(charge)
    if form == "txt":
        assert read_text(answer.content.decode()).message == receipt_of(charge)


def test_the_picture_of_a_receipt_is_read_by_any_scanner_and_verifies(
    payer: Payer, charge: BillingRequest
) -> None:
    picture = receipt(browser_of(payer.person), charge, "png").content
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    assert read_text(code.text).message == receipt_of(charge)
    answer = call("POST", "/receipts/verify", {"receipt": code.text})
    assert answer.body["is_valid"]
    assert not answer.body["is_complete"]
    assert answer.body["charge"]["amount"] == "2.50 EUR"
    assert answer.body["charge"]["way_words"] == "the payment password"
    assert answer.body["steps"] == []


def test_payer_and_payee_get_the_receipt_and_nobody_else(
    payer: Payer, charge: BillingRequest
) -> None:
    developer = payer.application.developer
    stranger = Person.make("Mallory")
    assert receipt(browser_of(developer), charge, "png").status_code == 200
    assert receipt(browser_of(stranger), charge, "png").status_code == 404
    assert receipt(Client(), charge, "png").status_code == 302
    path = f"/charges/{charge.public_id}/receipt.png"
    assert call("GET", path, key=developer.key).status == 200
    assert call("GET", path, key=stranger.key).status == 404
    assert call("GET", path).status == 401


def test_payer_and_payee_send_the_link_of_a_charge_and_nobody_else(
    payer: Payer, charge: BillingRequest
) -> None:
    path = f"/charges/{charge.public_id}/receipt/email"
    body = {"email": "carla@example.org"}
    for key in (payer.person.key, payer.application.developer.key):
        assert call("POST", path, body, key=key).status == 202
        deliver_notices(now=now())
        assert link_to(Link.RECEIPT, receipt_of(charge)) in str(mail.outbox[-1].body)
    assert call("POST", path, body, key=Person.make("Mallory").key).status == 404
    assert call("POST", path, body).status == 401
    page = browser_of(payer.person).post(
        f"/charges/{charge.public_id}", {**body, "action": "mail"}
    )
    assert page["Location"] == f"/charges/{charge.public_id}"
    wrong = browser_of(payer.person).post(f"/charges/{charge.public_id}", {"action": "mail"})
    assert wrong.status_code == 422
    assert Notice.objects.filter(kind="receipt_sent").count() == 3
    unpaid = f"/charges/{payer.asked().public_id}/receipt/email"
    assert call("POST", unpaid, body, key=payer.person.key).status == 404


@pytest.mark.parametrize("form", ["gif", "exe", "png.svg", "PNG"])
def test_a_receipt_has_no_other_form(payer: Payer, charge: BillingRequest, form: str) -> None:
    assert receipt(browser_of(payer.person), charge, form).status_code == 404


def test_what_is_not_charged_has_no_receipt(payer: Payer) -> None:
    waiting = payer.asked()
    assert receipt(browser_of(payer.person), waiting, "png").status_code == 404


def test_the_receipt_of_a_charge_continues_no_transaction(
    payer: Payer, charge: BillingRequest
) -> None:
    browser = browser_of(payer.person)
    text = receipt(browser, charge, "txt").content.decode()
    answer = browser.post("/continue", {"receipt": text})
    assert answer.status_code == 422
    assert "not a receipt of this platform" in answer.content.decode()


def test_a_receipt_that_another_typ_signed_is_no_charge(charge: BillingRequest) -> None:
    signed = cose.parse(receipt_of(charge))
    forged = cose.assemble(
        typ=Typ.RECEIPT, kid=signed.kid, payload=signed.payload, signature=signed.signature
    )
    assert not verify_receipt(forged, Directory.open(directory(now=now()))).is_valid


def test_a_picture_of_a_receipt_is_verified_when_it_is_uploaded(
    payer: Payer, charge: BillingRequest
) -> None:
    drawn = receipt(browser_of(payer.person), charge, "png").content
    body = encode_multipart(BOUNDARY, {"picture": SimpleUploadedFile("code.png", drawn)})
    answer = call(
        "POST", "/receipts/read", body, key=payer.person.key, content_type=MULTIPART_CONTENT
    )
    assert answer.body["is_valid"]
    assert answer.body["charge"]["id"] == charge.public_id


def test_the_command_line_verifies_the_receipt_of_a_charge(
    payer: Payer, charge: BillingRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    text = receipt(browser_of(payer.person), charge, "txt").content.decode()
    call_command("verify_receipt", text)
    said = capsys.readouterr().out
    assert "Amount: 2.50 EUR" in said
    assert "For: Golden sword (Dragons)" in said
    assert "9. not checked" in said
