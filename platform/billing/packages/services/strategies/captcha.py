"""Letters in an image, which a program reads less well than a person."""

import hmac
import secrets
from datetime import datetime, timedelta

from captcha.models import CaptchaStore
from captcha.views import captcha_image
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from billing.packages.errors import CaptchaWrongError
from billing.packages.models import BillingRequest, Prompt
from billing.packages.services.strategies.base import Answer, State, Strategy, ask, newest_prompt
from common.errors import NotFoundError

MAX_IMAGES = 3
# None that is taken for another, alone or beside its neighbour: no I, L, O, Q, S, U, V, Z.
_LETTERS = "ABCDEFGHJKMNPRTWXY"
_LENGTH = 6


class Captcha(Strategy):
    """Each image is good for one try; the next one comes by itself.

    ``Prompt.reference`` names the image.  It seeds its noise, too, so it is shown to nobody:
    whoever knew it could draw the image of every answer, and compare.
    """

    name = "captcha"
    rank = 2
    state = State.AWAITING_CAPTCHA
    life = timedelta(minutes=3)

    def begin(self, request: BillingRequest, now: datetime) -> None:
        """Draw the first image."""
        self._draw(request, 1, request_ends_at=now + self.life, now=now)

    def image(self, request: BillingRequest, now: datetime) -> bytes:
        """Return the image to be read now, PNG.

        Raises:
            NotFoundError: there is none left.
        """
        prompt = newest_prompt(request, self)
        if prompt.tries:
            # The letters were right, and what would have been charged was refused.
            self._draw_next(request, prompt, now)
            prompt = newest_prompt(request, self)
        if prompt.tries or prompt.expires_at <= now:
            raise NotFoundError
        answer = captcha_image(HttpRequest(), prompt.reference)
        if answer.status_code != 200:
            raise NotFoundError
        return bytes(answer.content)

    def images_left(self, request: BillingRequest) -> int:
        """Return how many may be tried yet, the one that is shown included."""
        prompt = newest_prompt(request, self)
        return MAX_IMAGES - prompt.position + (not prompt.tries)

    def prove(self, request: BillingRequest, answer: Answer, now: datetime) -> None:
        """Count the image's one try, then compare; draw the next image for a wrong answer.

        Raises:
            CaptchaWrongError: it shows something else, or was tried before; with ``images_left``.
        """
        prompt = newest_prompt(request, self)
        row = Prompt.objects.filter(pk=prompt.pk, tries=0, expires_at__gt=now)
        # Compare and set: of many answers to one image, one is looked at.
        if row.update(tries=1) and _is_right(prompt, answer):
            return
        self._draw_next(request, prompt, now)
        raise CaptchaWrongError(images_left=MAX_IMAGES - prompt.position)

    def _draw_next(self, request: BillingRequest, used: Prompt, now: datetime) -> None:
        if used.position < MAX_IMAGES:
            self._draw(request, used.position + 1, request_ends_at=used.expires_at, now=now)

    def _draw(
        self, request: BillingRequest, position: int, *, request_ends_at: datetime, now: datetime
    ) -> None:
        letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        try:
            with transaction.atomic():
                drawn = CaptchaStore.objects.create(
                    challenge=letters, response=letters, expiration=request_ends_at
                )
                ask(
                    request,
                    self,
                    now,
                    position=position,
                    life=request_ends_at - now,
                    reference=drawn.hashkey,
                )
        except IntegrityError:
            # Of answers at once to one image, each asks for the next one.
            return


def forget_old_images(*, now: datetime) -> int:
    """Delete what no answer is taken for any more; return how many."""
    return int(CaptchaStore.objects.filter(expiration__lte=now).delete()[0])


def _is_right(prompt: Prompt, answer: Answer) -> bool:
    row = CaptchaStore.objects.filter(hashkey=prompt.reference)
    drawn = row.first()
    # Whoever counted the try alone takes the letters away: they are of no use any more.
    row.delete()
    given = answer.text.strip().lower().encode("utf-8", "replace")
    return drawn is not None and hmac.compare_digest(given, drawn.response.encode())
