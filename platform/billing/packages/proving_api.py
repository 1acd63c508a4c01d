"""Endpoints by which a waiting request is proved, by its terminal or by the payer."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router, Status

from billing.ledger.schemas import PaymentPasswordIn
from billing.packages.models import BillingRequest
from billing.packages.proving_schemas import (
    AnsweringTokenIn,
    AskedOut,
    CredentialIn,
    LettersIn,
    PasskeyOut,
    SealedIn,
    SmsCodeIn,
    StrategyIn,
    WaysOut,
)
from billing.packages.requests_schemas import RequestOut
from billing.packages.security import PartyAuth, asked_request
from billing.packages.services import proving, proving_token
from billing.packages.services.strategies import CAPTCHA, ONLINE, PASSKEY, SMS_CODE, TOKEN
from billing.packages.services.strategies.base import Answer
from binding.security import DeviceAuth, shown_permit
from common.schemas import Hex8

router = Router(auth=PartyAuth(), tags=["billing"])


@router.post("/billing/requests/{uid}/captcha/image", url_name="captcha_image")
def draw(request: HttpRequest, uid: Hex8) -> HttpResponse:
    """Return the image to be read now, as PNG; each is good for one try."""
    found, now = _named(request, uid), timezone.now()
    proving.require_waiting(found, CAPTCHA.name, now)
    return HttpResponse(CAPTCHA.image(found, now), content_type="image/png")


@router.post("/billing/requests/{uid}/captcha", response=RequestOut)
def prove_by_captcha(request: HttpRequest, uid: Hex8, body: LettersIn) -> RequestOut:
    """Say what the image shows; after a wrong answer the next image is ready."""
    return _proved(request, uid, CAPTCHA.name, body.answer)


@router.post("/billing/requests/{uid}/sms-code", response=RequestOut)
def prove_by_sms_code(request: HttpRequest, uid: Hex8, body: SmsCodeIn) -> RequestOut:
    """Give the code that was sent to the number bound to the terminal."""
    return _proved(request, uid, SMS_CODE.name, body.code)


@router.post("/billing/requests/{uid}/sms-code/resend", response=RequestOut)
def resend(request: HttpRequest, uid: Hex8) -> RequestOut:
    """Have another code sent in place of the last one: three times, a minute apart."""
    found, now = _named(request, uid), timezone.now()
    proving.require_waiting(found, SMS_CODE.name, now)
    SMS_CODE.resend(found, now)
    return RequestOut.of(found)


@router.post("/billing/requests/{uid}/payment-password", response=RequestOut)
def prove_by_password(request: HttpRequest, uid: Hex8, body: PaymentPasswordIn) -> RequestOut:
    """Give the payer's payment password."""
    return _proved(request, uid, "payment_password", body.payment_password)


@router.post("/billing/requests/{uid}/online", response=RequestOut, auth=DeviceAuth())
def prove_online(request: HttpRequest, uid: Hex8, body: SealedIn) -> RequestOut:
    """Show, as the terminal itself, by a fresh nonce that the comparisons still hold."""
    return _proved(request, uid, ONLINE.name, body.sealed)


@router.get("/billing/requests/{uid}/passkey", response=PasskeyOut)
def ask_passkey(request: HttpRequest, uid: Hex8) -> PasskeyOut:
    """Get what a browser needs to ask for the payer's passkey."""
    found = _named(request, uid)
    proving.require_waiting(found, PASSKEY.name, timezone.now())
    return PasskeyOut(request_options=PASSKEY.options(found))


@router.post("/billing/requests/{uid}/passkey", response=RequestOut)
def prove_by_passkey(request: HttpRequest, uid: Hex8, body: CredentialIn) -> RequestOut:
    """Give what the browser got from the payer's passkey."""
    return _proved(request, uid, PASSKEY.name, body.text)


@router.post("/billing/requests/{uid}/token", response={201: AskedOut})
def ask_token(request: HttpRequest, uid: Hex8, body: AnsweringTokenIn) -> Status[AskedOut]:
    """Ask one of the payer's tokens; when its step is signed, the request is charged."""
    found, now = _named(request, uid), timezone.now()
    proving.require_waiting(found, TOKEN.name, now)
    step = proving_token.ask_token(found, serial=body.token, permit=shown_permit(request), now=now)
    return Status(
        201,
        AskedOut(
            request=found.public_id,
            transaction=bytes(step.transaction.tx).hex(),
            step=bytes(step.s).hex(),
        ),
    )


@router.get("/billing/requests/{uid}/strategy", response=WaysOut)
def show_ways(request: HttpRequest, uid: Hex8) -> WaysOut:
    """List to which strategies a request may be switched."""
    found, now = _named(request, uid), timezone.now()
    proving.require_waiting(found, found.strategy, now)
    return WaysOut.of(found, [way.name for way in proving.other_ways(found, now)])


@router.post("/billing/requests/{uid}/strategy", response=RequestOut)
def switch(request: HttpRequest, uid: Hex8, body: StrategyIn) -> RequestOut:
    """Let a request wait for another strategy, which is as strict or stricter."""
    return RequestOut.of(proving.switch(_named(request, uid), body.strategy, timezone.now()))


@router.post("/billing/requests/{uid}/cancel", response=RequestOut)
def cancel(request: HttpRequest, uid: Hex8) -> RequestOut:
    """End a request, uncharged."""
    actor = request.auth.actor  # type: ignore[attr-defined]  # set by django-ninja
    return RequestOut.of(proving.cancel(_named(request, uid), actor=actor, now=timezone.now()))


def _named(request: HttpRequest, uid: str) -> BillingRequest:
    return asked_request(request, bytes.fromhex(uid))


def _proved(request: HttpRequest, uid: str, name: str, answer: str) -> RequestOut:
    found = _named(request, uid)
    return RequestOut.of(proving.prove(found, name, Answer(answer), timezone.now()))
