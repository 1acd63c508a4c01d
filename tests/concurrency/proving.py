"""One charge that is proved by many at once: how each try ended, and what was paid."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

from captcha.models import CaptchaStore

from billing.ledger.services import set_payment_password
from billing.packages.errors import SmsCodeExpiredError, SmsCodeWrongError
from billing.packages.models import BillingRequest, Build, Prompt, Terminal
from billing.packages.selectors_requests import request_with_all
from billing.packages.services import proving
from billing.packages.services.keys import create_package
from billing.packages.services.strategies import SMS_CODE, captcha, sms_code
from billing.packages.services.strategies.base import Answer, State, digest_of, newest_prompt
from billing.packages.services.strategies.sms_code import SmsCode
from tests.concurrency.phoning import Phone
from tests.concurrency.racing import at_once
from tests.concurrency.spending import _fill, _holder, _money, _now

GUESSES = 32
RIGHT = 16
PRICE = 250
MONEY = 10_000
PASSWORD = "violet-otter-3"


def guess_letters() -> dict[str, Any]:
    """Guess what the image shows, 32 times at once."""
    waiting = _waiting("captcha")
    with _counted(captcha, "_is_right") as seen:
        return {**_race(waiting, "captcha", "AAAAAA", GUESSES), "compared": len(seen)}


def guess_code() -> dict[str, Any]:
    """Guess the code that was sent, 32 times at once."""
    waiting = _waiting("sms_code")
    with _counted(sms_code, "_is_right") as seen:
        return {**_race(waiting, "sms_code", "no code", GUESSES), "compared": len(seen)}


def guess_code_unguarded() -> dict[str, Any]:
    """As :func:`guess_code`, but compare first and count then: it must go wrong."""

    def prove(way: SmsCode, request: BillingRequest, answer: Answer, now: datetime) -> None:
        prompt = newest_prompt(request, way)
        if prompt.tries >= sms_code.MAX_TRIES:
            raise SmsCodeExpiredError
        is_right = sms_code._is_right(request, prompt, answer)
        Prompt.objects.filter(pk=prompt.pk).update(tries=prompt.tries + 1)
        if not is_right:
            raise SmsCodeWrongError

    with patch.object(SmsCode, "prove", prove):
        return guess_code()


def guess_password() -> dict[str, Any]:
    """Guess the payment password, 32 times at once."""
    return _race(_waiting("payment_password"), "payment_password", "no password", GUESSES)


def know_letters() -> dict[str, Any]:
    """Say what the image shows, 16 times at once."""
    waiting = _waiting("captcha")
    letters = CaptchaStore.objects.get(hashkey=waiting.prompts.get().reference).response
    return _race(waiting, "captcha", letters, RIGHT)


def know_code() -> dict[str, Any]:
    """Give the code that was sent, 16 times at once."""
    with patch.object(sms_code, "_new_code", lambda: "314159"):
        waiting = _waiting("sms_code")
    return _race(waiting, "sms_code", "314159", RIGHT)


def know_password() -> dict[str, Any]:
    """Give the payment password, 16 times at once."""
    return _race(_waiting("payment_password"), "payment_password", PASSWORD, RIGHT)


def resend() -> dict[str, Any]:
    """Have another code sent, 16 times at once, a minute after the first."""
    waiting = _waiting("sms_code")
    prompt = waiting.prompts.get()
    prompt.expires_at -= sms_code.GAP
    prompt.save()

    def once(_number: int) -> None:
        SMS_CODE.resend(waiting, _now())

    return {"ended": at_once(once, RIGHT)}


RACES: dict[str, Callable[[], dict[str, Any]]] = {
    race.__name__: race
    for race in (
        guess_letters,
        guess_code,
        guess_code_unguarded,
        guess_password,
        know_letters,
        know_code,
        know_password,
        resend,
    )
}


def _waiting(strategy: str) -> BillingRequest:
    """Return a request that waits for a proof; its payer has money and a payment password."""
    device = Phone().bound().device
    payer = device.holder
    _fill(payer, MONEY)
    set_payment_password(holder=payer, password=PASSWORD, now=_now())
    package = create_package(developer=_holder(), title="Race", currency="EUR", now=_now())
    build = Build.objects.create(
        package=package,
        number=1,
        sealed_salt=b"",
        root=bytes(32),
        digest=bytes(32),
        size=1,
        measured_size=1,
        created_at=_now(),
    )
    request = BillingRequest(
        terminal=Terminal.objects.create(
            device=device, sealed_evidence_key=b"", share=bytes(32), created_at=_now()
        ),
        payer=payer,
        item=build.items.create(number=1, title="Sword", amount=PRICE),
        channel="network",
        amount=PRICE,
        currency="EUR",
        nonce=bytes(8),
        key_matches=True,
        files_match=True,
        level="high",
        strategy=strategy,
        state=State.VERIFIED,
        created_at=_now(),
        expires_at=_now(),
    )
    request.digest = digest_of(request)
    request.save()
    proving.begin(request, _now())
    return request


def _race(waiting: BillingRequest, strategy: str, answer: str, many: int) -> dict[str, Any]:
    def once(_number: int) -> None:
        request = request_with_all(waiting.pk)
        proving.prove(request, strategy, Answer(answer), _now())

    ended = at_once(once, many)
    waiting.refresh_from_db()
    return {"ended": ended, "payer": _money(waiting.payer), "state": waiting.state}


@contextmanager
def _counted(module: Any, name: str) -> Iterator[list[None]]:
    """Count how often a function is called, whatever it says."""
    seen: list[None] = []
    right = getattr(module, name)

    def counting(*given: Any) -> Any:
        seen.append(None)
        return right(*given)

    with patch.object(module, name, counting):
        yield seen
