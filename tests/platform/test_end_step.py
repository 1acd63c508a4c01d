"""POST /steps/{S}/cancel and /decline: only the authentication server ends a statement."""

import io

import pytest
from PIL import Image

from enrolment.models import AuthserverHost
from tests.platform.world import (
    Person,
    call,
    everything_stored,
    lose_the_answer,
    now,
    read_receipt,
    scan,
    step_row,
    unreachable,
)
from transactions.models import Step
from transactions.services import reconcile_steps


def test_its_holder_cancels_a_step(anna: Person) -> None:
    step = anna.open()

    ended = anna.post(f"/steps/{step['id']}/cancel")

    assert ended["state"] == "cancelled"
    assert ended["reason"] == "cancelled"
    assert ended["receipt_id"]


def test_the_owner_evicts_whoever_holds_the_place(anna: Person, ben: Person, cora: Person) -> None:
    receipt = anna.sign(anna.open())
    step = ben.follow(receipt)

    assert anna.post(f"/steps/{step['id']}/cancel")["state"] == "cancelled"
    assert cora.follow(receipt)["position"] == 1


@pytest.mark.parametrize("way", ["cancel", "decline"])
def test_nobody_else_ends_a_step(anna: Person, ben: Person, cora: Person, way: str) -> None:
    step = ben.follow(anna.sign(anna.open()))
    before = everything_stored()

    answer = cora.call("POST", f"/steps/{step['id']}/{way}", {"reason": "no"})

    assert answer.refusal == (404, "not_found")
    assert everything_stored() == before


def test_the_owner_cannot_decline_in_the_name_of_another(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))

    answer = anna.call("POST", f"/steps/{step['id']}/decline", {"reason": "no"})

    assert answer.refusal == (404, "not_found")


@pytest.mark.parametrize("way", ["cancel", "decline"])
def test_an_unknown_step_is_not_found(anna: Person, way: str) -> None:
    answer = anna.call("POST", f"/steps/{'0' * 64}/{way}", {"reason": "no"})

    assert answer.refusal == (404, "not_found")


def test_a_signed_step_stays_signed(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)

    assert anna.post(f"/steps/{step['id']}/cancel")["state"] == "signed"


def test_a_step_is_ended_once(anna: Person) -> None:
    step = anna.open()
    anna.post(f"/steps/{step['id']}/cancel")

    for way in ("cancel", "decline"):
        answer = anna.call("POST", f"/steps/{step['id']}/{way}", {"reason": "no"})
        assert answer.refusal == (409, "challenge_void")


def test_a_step_that_the_server_had_accepted_is_signed_instead(anna: Person) -> None:
    step = anna.open()
    lose_the_answer(step, anna.response(step))

    assert anna.post(f"/steps/{step['id']}/cancel")["state"] == "signed"
    assert read_receipt(receipt_text(anna, step)).is_accepted


def test_a_holder_declines_with_words(anna: Person) -> None:
    step = anna.open()

    ended = anna.post(f"/steps/{step['id']}/decline", {"reason": "  not what we said "})

    assert ended["state"] == "refused"
    assert ended["reason"] == "declined"
    assert ended["note"] == "not what we said"


@pytest.mark.parametrize(
    ("words", "code"),
    [("", "text_empty"), ("a\x00", "text_refused"), ("付" * 41, "text_too_long")],
    ids=["empty", "nul", "long"],
)
def test_words_that_may_not_be_kept_are_refused(anna: Person, words: str, code: str) -> None:
    step = anna.open()

    answer = anna.call("POST", f"/steps/{step['id']}/decline", {"reason": words})

    assert answer.refusal == (422, code)
    assert step_row(step).state == Step.State.CHALLENGED


@pytest.mark.parametrize("is_test", [False, True])
def test_the_pictures_of_a_refusal_say_refused_above_the_code_and_in_it(
    anna: Person, *, is_test: bool
) -> None:
    step = anna.post(f"/tokens/{anna.token.serial}/test") if is_test else anna.open()
    ended = anna.post(f"/steps/{step['id']}/decline", {"reason": "too dear"})
    path = f"/receipts/{ended['receipt_id']}"

    picture = anna.call("GET", f"{path}.png")
    drawing = anna.call("GET", f"{path}.svg")

    name, words = ("test-refused", "TEST REFUSED") if is_test else ("refused", "REFUSED")
    assert (
        f'"{name}-receipt-1-{ended["transaction"]}.png"'
        in (picture.headers["Content-Disposition"])
    )
    assert f">{words}</text>" in drawing.raw.decode()
    with Image.open(io.BytesIO(picture.raw)) as image:
        bar = image.crop((0, 0, image.width, image.height - image.width))
        # Words, and black all around them: they are not cut.
        inner = bar.convert("L").getbbox()
        assert inner is not None
        assert 0 < inner[0] < inner[2] < bar.width
    report = call("POST", "/receipts/verify", {"receipt": scan(picture.raw)}).body
    assert report["is_refusal"] is True
    assert report["is_valid"] is False
    assert [line["code"] for line in report["checks"] if line["outcome"] == "failed"] == [
        "refused"
    ]


def test_a_step_is_closing_while_the_server_cannot_be_reached(
    anna: Person, ben: Person, cora: Person, host: AuthserverHost
) -> None:
    receipt = anna.sign(anna.open())
    step = ben.follow(receipt)

    with unreachable(host):
        answer = ben.call("POST", f"/steps/{step['id']}/cancel")
        assert answer.refusal == (503, "authserver_unavailable")
        assert "settled by itself" in answer.body["detail"]

    assert ben.get(f"/steps/{step['id']}")["state"] == "closing"
    assert cora.try_follow(receipt).refusal == (409, "chain_head_moved")


def test_a_closing_step_is_settled_later(anna: Person, host: AuthserverHost) -> None:
    step = anna.open()
    with unreachable(host):
        anna.call("POST", f"/steps/{step['id']}/decline", {"reason": "too dear"})
        assert reconcile_steps(now=now()) == (0, 1)

    assert reconcile_steps(now=now()) == (1, 0)
    assert step_row(step).state == Step.State.REFUSED
    assert step_row(step).note == "too dear"


def test_a_closing_step_can_still_be_signed(anna: Person, host: AuthserverHost) -> None:
    step = anna.open()
    with unreachable(host):
        anna.call("POST", f"/steps/{step['id']}/cancel")

    assert anna.answer(step).body["accepted"] is True


def test_a_closing_step_is_ended_by_asking_again(anna: Person, host: AuthserverHost) -> None:
    step = anna.open()
    with unreachable(host):
        anna.call("POST", f"/steps/{step['id']}/cancel")

    assert anna.post(f"/steps/{step['id']}/cancel")["state"] == "cancelled"


def receipt_text(person: Person, step: dict[str, str]) -> str:
    receipt_id = bytes(step_row(step).receipt_id or b"").hex()
    return person.call("GET", f"/receipts/{receipt_id}.txt").raw.decode()
