"""GET /receipts/{id}.{form} and /steps/{S}/challenge.{form}: drawn only from what verifies."""

import io
from typing import Any

import pytest
from PIL import Image

from protocol import cose, qrtext
from protocol.bundle import Bundle
from protocol.qrtext import Link
from protocol.receipt import Receipt
from protocol.verdict import Reason, Verdict
from tests.platform.world import (
    Person,
    call,
    everything_stored,
    receipt_bytes,
    scan,
    step_row,
)
from transactions.models import Step

CHALLENGE_FORMS = {
    "cbor": "application/cose",
    "txt": "text/plain; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
}
FORMS = {**CHALLENGE_FORMS, "pdf": "application/pdf"}


def signed(person: Person) -> tuple[str, str]:
    """Sign a step; return the receipt's id and its text."""
    body = person.answer(person.open()).body
    return str(body["receipt_id"]), str(body["receipt"])


@pytest.mark.parametrize(("form", "content_type"), FORMS.items())
def test_a_receipt_comes_in_five_forms(anna: Person, form: str, content_type: str) -> None:
    receipt_id, _ = signed(anna)

    answer = anna.call("GET", f"/receipts/{receipt_id}.{form}")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == content_type
    assert f'.{form}"' in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_text_is_what_the_answer_held(anna: Person) -> None:
    receipt_id, text = signed(anna)

    assert anna.call("GET", f"/receipts/{receipt_id}.txt").raw.decode() == text


def test_the_bytes_are_those_of_the_text_and_hash_to_the_id(anna: Person) -> None:
    import hashlib

    receipt_id, text = signed(anna)

    message = anna.call("GET", f"/receipts/{receipt_id}.cbor").raw

    assert message == receipt_bytes(text)
    assert hashlib.sha256(message).hexdigest() == receipt_id


def test_another_decoder_reads_the_text_from_the_picture(anna: Person) -> None:
    receipt_id, text = signed(anna)

    assert scan(anna.call("GET", f"/receipts/{receipt_id}.png").raw) == text


def test_the_drawing_is_dark_on_a_white_ground(anna: Person) -> None:
    receipt_id, _ = signed(anna)

    drawing = anna.call("GET", f"/receipts/{receipt_id}.svg").raw

    assert drawing.startswith(b"<?xml")
    assert b'fill="#fff"' in drawing
    assert b"<script" not in drawing


def test_the_picture_is_sharp_and_has_its_quiet_zone(anna: Person) -> None:
    receipt_id, _ = signed(anna)

    with Image.open(io.BytesIO(anna.call("GET", f"/receipts/{receipt_id}.png").raw)) as image:
        assert image.size[0] % 8 == 0
        assert image.getpixel((31, 31)) == 255
        assert image.getpixel((32, 32)) == 0


def test_the_invited_see_the_receipt_and_strangers_do_not(
    anna: Person, ben: Person, mallory: Person
) -> None:
    body = anna.answer(anna.open(next={"account": ben.account})).body
    path = f"/receipts/{body['receipt_id']}.txt"

    assert ben.call("GET", path).status == 200
    assert mallory.call("GET", path).refusal == (404, "not_found")
    assert call("GET", path).refusal == (401, "not_authenticated")


@pytest.mark.parametrize("form", ["exe", "PDF", "PNG", "%00", "png.txt"])
def test_a_form_that_there_is_not_is_not_found(anna: Person, form: str) -> None:
    receipt_id, _ = signed(anna)

    status, _ = anna.call("GET", f"/receipts/{receipt_id}.{form}").refusal

    assert status in (404, 422)


@pytest.mark.parametrize("paper", ["a5", "", "A4"])
def test_a_paper_that_there_is_not_is_refused(anna: Person, paper: str) -> None:
    receipt_id, _ = signed(anna)

    answer = anna.call("GET", f"/receipts/{receipt_id}.pdf?paper={paper}")

    assert answer.refusal[0] == 422


def test_a_receipt_without_a_font_is_refused_and_the_picture_still_comes(
    anna: Person, settings: Any
) -> None:
    receipt_id, _ = signed(anna)
    settings.PDF_FONTS = ["/nowhere/font.ttf"]

    refusal = anna.call("GET", f"/receipts/{receipt_id}.pdf").refusal

    assert refusal == (503, "fonts_missing")
    assert anna.call("GET", f"/receipts/{receipt_id}.png").status == 200


def test_an_unknown_receipt_is_not_found(anna: Person) -> None:
    assert anna.call("GET", f"/receipts/{'0' * 64}.png").refusal == (404, "not_found")


def alter(step: dict[str, str], **changes: bytes) -> None:
    Step.objects.filter(s=bytes.fromhex(step["id"])).update(**changes)


def test_a_receipt_altered_by_hand_is_not_drawn(anna: Person) -> None:
    step = anna.open()
    receipt_id = anna.answer(step).body["receipt_id"]
    stored = bytes(step_row(step).receipt or b"")
    alter(step, receipt=stored.replace(b"I agree", b"I agrea"))

    for form in FORMS:
        answer = anna.call("GET", f"/receipts/{receipt_id}.{form}")
        assert answer.refusal == (409, "receipt_invalid")


def another_verdict(step: dict[str, str]) -> bytes:
    """The stored verdict with another time in it: no longer what the server signed."""
    row = step_row(step)
    signed = cose.parse(bytes(row.verdict or b""))
    verdict = Verdict.from_payload(signed.payload)
    changed = Verdict(verdict.vk, verdict.s, Reason.ACCEPTED, verdict.decided + 1, verdict.seq)
    return cose.assemble(
        typ=signed.typ,
        kid=signed.kid,
        payload=changed.payload(),
        signature=signed.signature,
    )


def test_a_verdict_altered_by_hand_is_not_drawn(anna: Person) -> None:
    step = anna.open()
    receipt_id = anna.answer(step).body["receipt_id"]
    alter(step, verdict=another_verdict(step))

    assert anna.call("GET", f"/receipts/{receipt_id}.png").refusal == (409, "receipt_invalid")


@pytest.mark.parametrize("statement", [b"", b"hello"])
def test_a_statement_altered_by_hand_is_not_drawn(anna: Person, statement: bytes) -> None:
    step = anna.open()
    receipt_id = anna.answer(step).body["receipt_id"]
    alter(step, statement=statement)

    assert anna.call("GET", f"/receipts/{receipt_id}.png").refusal == (409, "receipt_invalid")


def test_nobody_signs_behind_a_verdict_altered_by_hand(anna: Person, ben: Person) -> None:
    first = anna.open()
    step = ben.follow(anna.sign(first))
    response = ben.response(step)
    intact = bytes(step_row(first).verdict or b"")
    alter(first, verdict=another_verdict(first))
    before = everything_stored()

    assert ben.answer(step, response).refusal == (422, "chain_broken")
    assert everything_stored() == before

    alter(first, verdict=intact)
    assert ben.answer(step, response).body["accepted"] is True


def test_nobody_signs_behind_a_statement_altered_by_hand(anna: Person, ben: Person) -> None:
    first = anna.open()
    step = ben.follow(anna.sign(first))
    response = ben.response(step)
    alter(first, statement=bytes(step_row(first).statement).replace(b"I agree", b"I agrea"))

    assert ben.answer(step, response).refusal == (422, "chain_broken")


@pytest.mark.parametrize("form", CHALLENGE_FORMS)
def test_an_open_challenge_comes_in_four_forms(anna: Person, form: str) -> None:
    step = anna.open()

    answer = anna.call("GET", f"/steps/{step['id']}/challenge.{form}")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == FORMS[form]


def test_the_picture_of_a_challenge_is_the_challenge(anna: Person) -> None:
    step = anna.open()
    path = f"/steps/{step['id']}/challenge"

    assert scan(anna.call("GET", f"{path}.png").raw) == step["challenge"]
    content = anna.call("GET", f"{path}.cbor").raw
    assert Bundle.decode(content) == Bundle.decode(
        qrtext.decode(step["challenge"], Link.BUNDLE)[1]
    )


def test_a_challenge_that_has_ended_is_not_drawn(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)

    answer = anna.call("GET", f"/steps/{step['id']}/challenge.png")

    assert answer.refusal == (404, "not_found")


def test_a_challenge_is_shown_to_parties_alone(anna: Person, mallory: Person) -> None:
    path = f"/steps/{anna.open()['id']}/challenge.png"

    assert mallory.call("GET", path).refusal == (404, "not_found")
    assert anna.call("GET", path.replace("png", "pdf")).refusal == (404, "not_found")


def test_a_receipt_of_two_is_never_folded(anna: Person, ben: Person) -> None:
    text = ben.sign(ben.follow(anna.sign(anna.open())))

    receipt = Receipt.from_signed(cose.parse(receipt_bytes(text)))

    assert receipt.folded == 0
    assert len(receipt.steps) == 2
