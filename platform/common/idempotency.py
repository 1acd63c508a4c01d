"""``Idempotency-Key``: every POST of the API is safe to repeat for a day."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.module_loading import import_string

from common.models import IdempotentRequest
from common.problems import DATABASE_GONE, database_unavailable, problem
from protocol.sealing import Sealer

KEPT = timedelta(hours=24)
# A claim this old belongs to a process that died: whoever repeats the request may take it over.
# What that process may have committed is an unanswered challenge or an unused key at most: only a
# token's response binds anyone, and the authserver takes that once.
ABANDONED_AFTER = timedelta(seconds=60)
_MAX_KEY_LENGTH = 64
# Not kept: a caller is meant to try these again.
_RETRIED = frozenset({401, 403, 409, 423, 429})


class IdempotencyMiddleware:
    """Runs a request under a key once, and gives its answer again to every repetition."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, from store where it was answered before."""
        key = request.headers.get("Idempotency-Key")
        if key is None or request.method != "POST" or not request.path.startswith("/api/"):
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
        sealer = Sealer.from_base64(settings.COUNTERSIGN_KEK)
        scope = sealer.keyed_hash("idempotency-scope", _scope(request, key))
        body_hash = sealer.keyed_hash("idempotency-body", request.body)
        now = timezone.now()
        if not _claim(scope, body_hash, now):
            return _answer_again(request, sealer, scope, body_hash)
        try:
            response = self.get_response(request)
        except BaseException:
            IdempotentRequest.objects.filter(scope=scope).delete()
            raise
        _keep(sealer, scope, response)
        return response


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
    answer = json.loads(sealer.open(bytes(earlier.sealed_answer), scope))
    response = HttpResponse(
        answer["body"], status=earlier.status, content_type=answer["content_type"]
    )
    response["Idempotency-Replayed"] = "true"
    return response


def _keep(sealer: Sealer, scope: bytes, response: HttpResponse) -> None:
    """Store the answer, sealed, since it may hold an enrolment link or a new key."""
    claimed = IdempotentRequest.objects.filter(scope=scope)
    if response.status_code >= 500 or response.status_code in _RETRIED:
        claimed.delete()
        return
    answer = {"body": response.content.decode(), "content_type": response["Content-Type"]}
    claimed.update(
        status=response.status_code, sealed_answer=sealer.seal(json.dumps(answer).encode(), scope)
    )
