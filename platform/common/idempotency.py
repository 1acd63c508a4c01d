"""Every POST of the API is safe to repeat for a day, and so is every form that makes something."""

import json
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.module_loading import import_string

from common import sealing
from common.models import IdempotentRequest
from common.pages import error_page
from common.problems import DATABASE_GONE, database_unavailable, problem
from protocol.sealing import Sealer

KEPT = timedelta(hours=24)
# A claim this old belongs to a process that died: whoever repeats the request may take it over.
# What that process may have committed is an unanswered challenge or an unused key at most: only a
# token's response binds anyone, and the authserver takes that once.
ABANDONED_AFTER = timedelta(seconds=60)
_MAX_KEY_LENGTH = 64
# Not kept: a caller is meant to try these again.
_RETRIED = frozenset({401, 402, 403, 409, 423, 429})
# So long a form that was sent twice waits for what becomes of the first.
PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.1


class IdempotencyMiddleware:
    """Runs a request under a key once, and gives its answer again to every repetition."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, from store where it was answered before."""
        key = request.headers.get("Idempotency-Key")
        if key is None or request.method != "POST" or not request.path.startswith("/api/"):
            return self.get_response(request)
        if request.content_type == "multipart/form-data":
            # A file is not read into memory to be compared; sent twice, it is a further version.
            return self.get_response(request)
        if not (0 < len(key) <= _MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
            return problem(
                request,
                code="idempotency_key_invalid",
                status=422,
                detail=f"Idempotency-Key must be 1 to {_MAX_KEY_LENGTH} printable characters.",
            )
        try:
            return self._once(request, key)
        except DATABASE_GONE as error:
            return database_unavailable(request, error)

    def _once(self, request: HttpRequest, key: str) -> HttpResponse:
        sealer = sealing.sealer()
        scope = sealer.keyed_hash("idempotency-scope", _scope(request, key))
        body_hash = sealer.keyed_hash("idempotency-body", request.body)
        if not _claim(scope, body_hash, timezone.now()):
            return _answer_again(request, sealer, scope, body_hash)
        return _run(sealer, scope, lambda: self.get_response(request), _is_final)


def once(request: HttpRequest, work: Callable[[], HttpResponse]) -> HttpResponse:
    """Do what the form on a page asks for once, however often that form is sent.

    The same form is the same to the letter: its CSRF token is masked anew whenever the page is
    drawn.  A script may tell pages apart itself by a field ``drawing``, which survives the Back
    button; then the CSRF token does not count.  A form that succeeds ends in a redirect, and that
    is given again; a form that was refused may be sent again.

    Args:
        request: The POST.
        work: Does it, and answers.
    """
    sealer = sealing.sealer()
    fields = request.POST.copy()
    if fields.get("drawing"):
        fields.pop("csrfmiddlewaretoken", None)
    body_hash = sealer.keyed_hash("idempotency-body", fields.urlencode().encode())
    scope = sealer.keyed_hash("idempotency-scope", _scope(request, body_hash.hex()))
    patient_until = time.monotonic() + PATIENCE_SECONDS
    while not _claim(scope, body_hash, timezone.now()):
        earlier = IdempotentRequest.objects.filter(scope=scope, status__isnull=False).first()
        if earlier is not None:
            return HttpResponseRedirect(_kept(sealer, earlier)["location"])
        if time.monotonic() > patient_until:
            return error_page(request, code="idempotency_in_progress", status=409)
        time.sleep(_PAUSE_SECONDS)
    return _run(sealer, scope, work, _is_redirect)


def request_key(request: HttpRequest) -> str:
    """Return what tells a request of the API from others, the same when it is repeated.

    For what must not be done twice, not even by a repetition of an abandoned request.  Without a
    key of the caller's every request is another.
    """
    given = request.headers.get("Idempotency-Key")
    # Drawn ones are longer than given ones may be.
    return f"api:{given or secrets.token_hex(33)}"


def forget_old_requests(*, now: datetime) -> int:
    """Delete what is older than a day; return how many."""
    return IdempotentRequest.objects.filter(claimed_at__lt=now - KEPT).delete()[0]


def _scope(request: HttpRequest, key: str) -> bytes:
    # Who calls, not with which credential: one that was revoked gets no earlier answer.
    name_caller = import_string(settings.IDEMPOTENCY_CALLER)
    return json.dumps([name_caller(request), request.path, key]).encode()


def _claim(scope: bytes, body_hash: bytes, now: datetime) -> bool:
    """Take the key for this request; ``False`` when another holds it."""
    try:
        with transaction.atomic():
            IdempotentRequest.objects.create(scope=scope, body_hash=body_hash, claimed_at=now)
    except IntegrityError:
        return (
            IdempotentRequest.objects.filter(
                scope=scope,
                body_hash=body_hash,
                status=None,
                claimed_at__lt=now - ABANDONED_AFTER,
            ).update(claimed_at=now)
            == 1
        )
    return True


def _answer_again(
    request: HttpRequest, sealer: Sealer, scope: bytes, body_hash: bytes
) -> HttpResponse:
    earlier = IdempotentRequest.objects.filter(scope=scope).first()
    if earlier is not None and bytes(earlier.body_hash) != body_hash:
        return problem(
            request,
            code="idempotency_key_reused",
            status=422,
            detail="This Idempotency-Key was used with another body.",
        )
    if earlier is None or earlier.status is None:
        return problem(
            request,
            code="idempotency_in_progress",
            status=409,
            detail="The first request with this Idempotency-Key is still running.",
        )
    answer = _kept(sealer, earlier)
    response = HttpResponse(
        answer["body"], status=earlier.status, content_type=answer["content_type"]
    )
    response["Idempotency-Replayed"] = "true"
    return response


def _run(
    sealer: Sealer,
    scope: bytes,
    work: Callable[[], HttpResponse],
    is_kept: Callable[[HttpResponse], bool],
) -> HttpResponse:
    """Do what was claimed; store the answer, sealed, since it may hold a link or a new key."""
    claimed = IdempotentRequest.objects.filter(scope=scope)
    try:
        response = work()
    except BaseException:
        claimed.delete()
        raise
    if not is_kept(response):
        claimed.delete()
        return response
    answer = {
        "body": response.content.decode(),
        "content_type": response["Content-Type"],
        "location": response.headers.get("Location", ""),
    }
    claimed.update(
        status=response.status_code, sealed_answer=sealer.seal(json.dumps(answer).encode(), scope)
    )
    return response


def _is_final(response: HttpResponse) -> bool:
    # A file or picture is made anew for whoever asks again.
    is_text = not response.streaming and (
        not response.content or "json" in response["Content-Type"]
    )
    return is_text and response.status_code < 500 and response.status_code not in _RETRIED


def _is_redirect(response: HttpResponse) -> bool:
    return 300 <= response.status_code < 400


def _kept(sealer: Sealer, earlier: IdempotentRequest) -> dict[str, str]:
    answer: dict[str, str] = json.loads(
        sealer.open(bytes(earlier.sealed_answer), bytes(earlier.scope))
    )
    return answer
