"""What programs of others post to us: SMS that came in."""

import hmac
import json
import time
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from common.problems import problem
from notices.services import sign, take_sms

MAX_BODY_BYTES = 8_192
# Standard Webhooks: what is older may be a replay, beyond what is remembered.
TOLERANCE_SECONDS = 300
_MAX_ID_CHARACTERS = 64
_MAX_SIGNATURES = 8


# Nobody's browser sends this; the signature says who does.
@csrf_exempt
@require_POST
def sms_inbound(request: HttpRequest) -> HttpResponse:
    """Take an SMS: ``{"from": "+46…", "text": "…"}``, signed as Standard Webhooks has it.

    204 when it was taken, now or before; the same id is taken once.
    """
    if not settings.SMS_INBOUND_SECRETS:
        raise Http404
    body = _body(request)
    if body is None or not _is_signed(request, body):
        return problem(
            request,
            code="signature_invalid",
            status=HTTPStatus.UNAUTHORIZED,
            detail="The webhook's signature is missing, wrong, or too old.",
        )
    message = _read(body)
    if message is None:
        return problem(
            request,
            code="input_invalid",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            detail="An SMS is an object with the texts “from” and “text”.",
        )
    sender, text = message
    take_sms(
        provider="webhook",
        provider_id=request.headers["webhook-id"],
        sender=sender,
        text=text,
        now=timezone.now(),
    )
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _body(request: HttpRequest) -> str | None:
    try:
        body = request.body
        return body.decode() if len(body) <= MAX_BODY_BYTES else None
    except (RequestDataTooBig, UnicodeDecodeError):
        return None


def _is_signed(request: HttpRequest, body: str) -> bool:
    """Whether one of our secrets signed exactly this, just now."""
    message_id = request.headers.get("webhook-id", "")
    written = request.headers.get("webhook-timestamp", "")
    if not 0 < len(message_id) <= _MAX_ID_CHARACTERS or not message_id.isprintable():
        return False
    if not written.isascii() or not written.isdigit() or len(written) > 12:
        return False
    if abs(time.time() - int(written)) > TOLERANCE_SECONDS:
        return False
    given = request.headers.get("webhook-signature", "").split()[:_MAX_SIGNATURES]
    ours = [
        sign(secret, message_id, int(written), body) for secret in settings.SMS_INBOUND_SECRETS
    ]
    # All are compared, in constant time.
    matches = [hmac.compare_digest(a.encode(), b.encode()) for a in ours for b in given]
    return any(matches)


def _read(body: str) -> tuple[str, str] | None:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match message:
        case {"from": str(sender), "text": str(text)}:
            return sender, text
    return None
