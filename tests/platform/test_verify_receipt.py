"""POST /receipts/verify and /receipts/read: a line for each check, for anybody who asks."""

import io
from dataclasses import replace
from typing import Any

import pytest
import qrcode
import time_machine
from PIL import Image
from qrcode.image.pil import PilImage

from protocol import qrtext
from protocol.ed25519 import SigningKey
from protocol.qrtext import Link
from protocol.statement import Platform
from receipts import services
from tests.platform.world import (
    PAYMENT,
    Answer,
    Person,
    call,
    everything_stored,
    now,
    read_receipt,
    receipt_bytes,
    scan,
    to_base64,
)

ORIGIN = "http://localhost:8000"


def verify(receipt: str) -> dict[str, Any]:
    answer = call("POST", "/receipts/verify", {"receipt": receipt})
    assert answer.status == 200, answer
    return dict(answer.body)


def failures(report: dict[str, Any]) -> list[str]:
    return [line["code"] for line in report["checks"] if line["outcome"] == "failed"]


def as_text(message: bytes) -> str:
    return qrtext.encode(ORIGIN, Link.RECEIPT, message)


def upload(person: Person, picture: bytes, name: str = "receipt.png") -> Answer:
    """Upload a picture as a browser's form does."""
    boundary = b"----boundary"
    body = (
        b"--" + boundary + b"\r\n"
        b'Content-Disposition: form-data; name="picture"; filename="' + name.encode() + b'"\r\n'
        b"Content-Type: image/png\r\n\r\n" + picture + b"\r\n--" + boundary + b"--\r\n"
    )
    return person.call(
        "POST",
        "/receipts/read",
        body,
        content_type="multipart/form-data; boundary=----boundary",
    )


def picture_of(text: str, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    qrcode.make(text, image_factory=PilImage).convert("RGB").save(out, form)
    return out.getvalue()


# By text or bytes.


def test_a_receipt_passes_every_check_and_says_what_was_signed(anna: Person, ben: Person) -> None:
    anna.post("/me", {"name": "Anna"})
    receipt = ben.sign(ben.follow(anna.sign(anna.open(remark="please"))))

    report = verify(receipt)

    assert report["is_valid"] is True
    assert report["is_complete"] is True
    assert report["is_refusal"] is False
    assert report["length"] == 2
    assert report["transaction"] == read_receipt(receipt).tx.hex()
    first, second = report["steps"]
    assert first["name"] == "Anna"
    assert first["remark"] == "please"
    assert first["amount"] == "1250.00 EUR"
    assert first["payee_account"] == PAYMENT["payee_account"]
    assert second["account"] == ben.account
    assert second["amount"] is None


def test_the_bytes_of_a_receipt_verify_like_its_text(anna: Person) -> None:
    receipt = anna.sign(anna.open())

    # Reports say as of when the keys are.
    with time_machine.travel(now(), tick=False):
        assert verify(to_base64(receipt_bytes(receipt))) == verify(receipt)


def test_a_receipt_that_was_folded_says_that_lines_are_unchecked(
    anna: Person, ben: Person
) -> None:
    receipt = anna.sign(anna.open())
    for person in (ben, anna, ben, anna):
        receipt = person.sign(person.follow(receipt, PAYMENT))

    report = verify(receipt)

    assert report["is_valid"] is True
    assert report["is_complete"] is False
    assert "unchecked" in {line["outcome"] for line in report["checks"]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"please", b"plea5e"),
        (b"Flower shop", b"Flowes shop"),
        (b"DE8937", b"DE8938"),
        (b"2026-117", b"2026-118"),
        (b"EUR", b"USD"),
        (b"countersign", b"countersigm"),
        ((125_000).to_bytes(4), (125_001).to_bytes(4)),
    ],
    ids=lambda value: repr(value)[2:-1],
)
def test_one_changed_character_fails_and_the_line_says_where(
    anna: Person, old: bytes, new: bytes
) -> None:
    message = receipt_bytes(anna.sign(anna.open(remark="please")))
    assert old in message

    report = verify(as_text(message.replace(old, new, 1)))

    assert report["is_valid"] is False
    assert failures(report)


def test_a_receipt_signed_by_another_key_fails(anna: Person) -> None:
    forged = read_receipt(anna.sign(anna.open())).sign(SigningKey.generate())

    assert failures(verify(as_text(forged))) == ["receipt_signature_invalid"]


def test_a_receipt_of_another_platform_fails(anna: Person) -> None:
    receipt = read_receipt(anna.sign(anna.open()))
    other = replace(receipt, platform=Platform("other", "Other", "https://other.example"))

    assert "receipt_not_ours" in failures(verify(as_text(other.sign(SigningKey.generate()))))


def test_a_forged_refusal_is_no_refusal(anna: Person) -> None:
    step = anna.open()
    receipt_id = anna.post(f"/steps/{step['id']}/cancel")["receipt_id"]
    refusal = anna.call("GET", f"/receipts/{receipt_id}.txt").raw.decode()
    assert verify(refusal)["is_refusal"] is True

    forged = as_text(read_receipt(refusal).sign(SigningKey.generate()))

    assert verify(forged)["is_refusal"] is False


def test_bytes_that_are_no_receipt_fail_the_first_check(host: None) -> None:
    report = verify("AAAA")

    assert report["is_valid"] is False
    assert report["transaction"] is None
    assert report["steps"] == []


@pytest.mark.parametrize(
    "receipt",
    ["hello world", "http://localhost:8000/r#", "http://localhost:8000/r#1", "付款", "\x00", "A"],
)
def test_what_is_no_text_of_a_receipt_is_refused(host: None, receipt: str) -> None:
    answer = call("POST", "/receipts/verify", {"receipt": receipt})

    assert answer.refusal == (422, "receipt_not_ours")


@pytest.mark.parametrize(
    "body",
    [{}, {"receipt": None}, {"receipt": 5}, {"receipt": "A" * 12_001}, {"receipt": "\ud800"}, []],
    ids=lambda value: str(value)[:30],
)
def test_what_names_no_receipt_is_refused(host: None, body: object) -> None:
    assert call("POST", "/receipts/verify", body).refusal == (422, "input_invalid")


def test_verifying_needs_no_login_and_changes_nothing(anna: Person) -> None:
    receipt = anna.sign(anna.open())
    # The directory to verify with is published once an hour.
    services.directory(now=now())
    before = everything_stored()

    verify(receipt)

    assert everything_stored() == before


def test_without_keys_nothing_is_verified(db: None) -> None:
    assert call("POST", "/receipts/verify", {"receipt": "AAAA"}).refusal == (503, "keys_missing")


# From a picture.


def test_a_receipt_is_read_from_its_picture(anna: Person) -> None:
    body = anna.answer(anna.open()).body
    picture = anna.call("GET", f"/receipts/{body['receipt_id']}.png").raw

    assert upload(anna, picture).body == verify(body["receipt"])


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "GIF"])
def test_other_kinds_of_picture_are_read_too(anna: Person, form: str) -> None:
    body = anna.answer(anna.open()).body
    drawn = anna.call("GET", f"/receipts/{body['receipt_id']}.png").raw
    out = io.BytesIO()
    with Image.open(io.BytesIO(drawn)) as image:
        image.convert("RGB").save(out, form)

    assert upload(anna, out.getvalue()).body["is_valid"] is True


def test_among_several_codes_the_receipt_is_found(anna: Person) -> None:
    body = anna.answer(anna.open()).body
    drawn = anna.call("GET", f"/receipts/{body['receipt_id']}.png").raw
    with (
        Image.open(io.BytesIO(drawn)) as receipt,
        Image.open(io.BytesIO(picture_of("hello"))) as other,
    ):
        both = Image.new("L", (receipt.width + other.width, receipt.height), 255)
        both.paste(other, (0, 0))
        both.paste(receipt, (other.width, 0))
        out = io.BytesIO()
        both.save(out, "PNG")

    assert upload(anna, out.getvalue()).body["is_valid"] is True


def test_a_code_that_is_no_receipt_is_refused(anna: Person) -> None:
    challenge = anna.open()["challenge"]

    assert upload(anna, picture_of("hello")).refusal == (422, "receipt_not_ours")
    assert upload(anna, picture_of(challenge)).refusal == (422, "receipt_not_ours")


def blank(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (width, height), 1).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"hello",
        b"%PDF-1.7 not a picture",
        b"\x00" * 1000,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture_of("http://localhost:8000/r#000")[:200],
        picture_of("http://localhost:8000/r#000")[:-40],
        b"BM" + picture_of("x", "BMP")[2:],
        blank(64, 64),
        blank(10_000, 10_000),
        blank(6_500, 6_500),
        blank(70_000, 10),
        blank(1, 70_000),
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 900_000,
        # A picture of 65535 by 65535 that begins with its first frame.
        b"GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00",
    ],
    ids=[
        "empty",
        "text",
        "pdf",
        "zeros",
        "svg",
        "truncated",
        "no end",
        "bmp",
        "no code",
        "bomb",
        "many pixels",
        "wide",
        "tall",
        "noise",
        "huge frame",
    ],
)
def test_what_holds_no_code_is_refused(anna: Person, picture: bytes) -> None:
    before = everything_stored()

    assert upload(anna, picture).refusal == (422, "image_unreadable")
    assert everything_stored() == before


def test_a_picture_over_the_limit_is_refused(anna: Person) -> None:
    assert upload(anna, b"x" * 1_000_000).refusal == (413, "too_large")


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "付款.png", 'a"b', "x" * 5000])
def test_the_name_of_a_file_means_nothing(anna: Person, name: str) -> None:
    status, _ = upload(anna, b"hello", name).refusal

    assert status in (400, 422)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"--x--", "multipart/form-data"),
        (b"--x", "multipart/form-data; boundary=\xff"),
        (b"{}", "application/json"),
        (b"picture=hello", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "text/plain"),
    ],
)
def test_a_form_without_a_picture_is_refused(anna: Person, body: bytes, content_type: str) -> None:
    answer = anna.call("POST", "/receipts/read", body, content_type=content_type)

    assert answer.refusal[0] in (400, 422)


def test_a_picture_is_read_for_holders_alone(host: None) -> None:
    nobody = Person(None, "cs_wrong")  # type: ignore[arg-type]  # nobody holds this key

    assert upload(nobody, b"hello").refusal == (401, "not_authenticated")


def test_the_same_scanner_reads_what_we_draw(anna: Person) -> None:
    body = anna.answer(anna.open()).body

    assert scan(anna.call("GET", f"/receipts/{body['receipt_id']}.png").raw) == body["receipt"]
