"""A charge that is confirmed by the letters in an image."""

from datetime import timedelta
from io import BytesIO

import pytest
from captcha.models import CaptchaStore
from django.utils import timezone
from PIL import Image

from billing.packages.models import BillingRequest
from billing.packages.services.strategies.captcha import forget_old_images
from tests.platform.applications import Application, Biller
from tests.platform.proving import Waiting, assert_charged, is_uncharged
from tests.platform.shopping import buyer
from tests.platform.world import Person

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def waiting() -> Waiting:
    """Dora's sword, which waits for the letters."""
    return Waiting.on(Application.make(), Biller.of(buyer()), "captcha")


def test_the_letters_of_the_image_charge(waiting: Waiting) -> None:
    answer = waiting.post("captcha", {"answer": waiting.letters().upper()})
    assert_charged(waiting, answer)
    assert not CaptchaStore.objects.exists()


def test_the_payer_may_answer_for_the_terminal(waiting: Waiting) -> None:
    answer = waiting.post("captcha", {"answer": waiting.letters()}, by=waiting.biller.person)
    assert_charged(waiting, answer)


def test_an_image_is_good_for_one_try(waiting: Waiting) -> None:
    letters = waiting.letters()
    answer = waiting.post("captcha", {"answer": "wrong"})
    assert answer.refusal == (403, "captcha_wrong")
    assert answer.body["images_left"] == 2
    # The right answer to the image before is none.
    assert waiting.letters() != letters
    assert waiting.post("captcha", {"answer": letters}).refusal == (403, "captcha_wrong")
    assert_charged(waiting, waiting.post("captcha", {"answer": waiting.letters()}))


def test_after_right_letters_whose_charge_is_refused_the_next_image_is_shown() -> None:
    poor = buyer(amount=100)
    waiting = Waiting.on(Application.make(), Biller.of(poor), "captcha")
    for image in (1, 2, 3):
        assert waiting.post("captcha/image").status == 200
        assert waiting.row.prompts.count() == image
        refused = waiting.post("captcha", {"answer": waiting.letters()})
        assert refused.refusal[1] == "funds_insufficient"
    assert waiting.post("captcha/image").refusal == (404, "not_found")
    assert waiting.row.prompts.count() == 3


def test_after_three_images_there_is_no_fourth(waiting: Waiting) -> None:
    for left in (2, 1, 0):
        assert waiting.post("captcha", {"answer": ""}).body["images_left"] == left
    assert not CaptchaStore.objects.exists()
    assert waiting.post("captcha", {"answer": ""}).refusal == (403, "captcha_wrong")
    assert waiting.post("captcha/image").refusal == (404, "not_found")
    assert waiting.row.prompts.count() == 3
    assert is_uncharged(waiting.biller.person)


def test_after_three_minutes_the_letters_are_too_late(waiting: Waiting) -> None:
    letters = waiting.letters()
    BillingRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = waiting.post("captcha", {"answer": letters})
    assert answer.refusal == (410, "request_expired")
    assert is_uncharged(waiting.biller.person)


def test_three_minutes_are_for_all_images_together(waiting: Waiting) -> None:
    ends = waiting.row.expires_at
    assert ends - waiting.row.created_at == timedelta(minutes=3)
    waiting.post("captcha", {"answer": "wrong"})
    assert waiting.row.expires_at == ends
    assert waiting.row.prompts.latest("position").expires_at == ends


def test_the_image_is_shown_to_the_terminal_and_the_payer_alone(waiting: Waiting) -> None:
    for who in (waiting.biller.gadget, waiting.biller.person):
        answer = waiting.post("captcha/image", by=who)
        assert answer.headers["Content-Type"] == "image/png"
        width, height = Image.open(BytesIO(answer.raw)).size
        assert width > 120
        assert height > 30
    assert waiting.post("captcha/image", by=Person.make("Eve")).refusal == (404, "not_found")
    other = Biller.of(Person.make("Eva"))
    assert waiting.post("captcha/image", by=other.gadget).refusal == (404, "not_found")


def test_nothing_that_is_answered_names_the_image_or_its_letters(waiting: Waiting) -> None:
    reference = waiting.row.prompts.get().reference
    shown = waiting.post("captcha/image")
    told = waiting.post("captcha", {"answer": "wrong"}).raw + str(shown.headers).encode()
    assert reference.encode() not in told + shown.raw


def test_an_image_of_another_request_proves_nothing(waiting: Waiting) -> None:
    answer = waiting.biller.bill(waiting.application)
    second = Waiting(waiting.application, waiting.biller, answer.body["request"])
    assert second.letters() != waiting.letters()
    refused = second.post("captcha", {"answer": waiting.letters()})
    assert refused.refusal == (403, "captcha_wrong")


def test_old_images_are_forgotten(waiting: Waiting) -> None:
    now = timezone.now()
    assert forget_old_images(now=now) == 0
    assert forget_old_images(now=now + timedelta(minutes=3, seconds=1)) == 1


def test_letters_are_drawn_from_a_safe_source(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    import random

    # The library seeds the common generator with each image's name, which would tell the next.
    monkeypatch.setattr(random, "choice", lambda _: pytest.fail("drawn from the common source"))
    waiting.post("captcha", {"answer": "wrong"})
    assert len(waiting.letters()) == 6
