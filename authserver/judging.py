"""The HTTP API of responses: what a token answered to a statement, and how that ended."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from authserver import base64url, selectors, services
from authserver.errors import AuthserverError, Code, KeyProviderError
from authserver.forms import Body, number_in_query
from authserver.models import Verdict
from authserver.views import for_platform
from protocol.cbor import MAX_INT
from protocol.errors import ProtocolError
from protocol.fields import DIGEST_BYTES
from protocol.merkle import MAX_PATH
from protocol.verdict import Reason

logger = logging.getLogger(__name__)

_VOID_REASONS = {
    reason.name.lower(): reason for reason in (Reason.DECLINED, Reason.CANCELLED, Reason.EXPIRED)
}
_ANSWER = ["statement", "certificate", "response"]


@for_platform
def answer(request: HttpRequest, caller: bytes, vk: str, call: str) -> JsonResponse:
    """POST /v1/servers/{vk}/{verdicts,logins}: judge a response."""
    body = Body.read(request, [*_ANSWER, "last_seq"], ["tag", "log"])
    now = timezone.now()
    outcome = services.give_verdict(
        caller=caller,
        vk=vk,
        statement=body.binary("statement"),
        certificate=body.binary("certificate"),
        response=body.text("response"),
        last_seq=body.integer("last_seq"),
        tag=body.binary("tag", 32) if body.has("tag") else None,
        is_login=call == "logins",
        now=now,
    )
    answer = _wrong(outcome) if isinstance(outcome, services.Wrong) else _ended(outcome)
    return _answered(answer, caller, body, now)


@for_platform
def resynchronise(request: HttpRequest, caller: bytes, vk: str) -> JsonResponse:
    """POST /v1/servers/{vk}/resynchronise: find a token again by two following responses."""
    body = Body.read(request, ["answers", "last_seq"], ["log"])
    now = timezone.now()
    answers = [
        services.Answered(
            statement=each.binary("statement"),
            certificate=each.binary("certificate"),
            response=each.text("response"),
        )
        for each in body.objects("answers", 2, _ANSWER)
    ]
    outcome = services.resynchronise(
        caller=caller,
        vk=vk,
        answers=answers,
        last_seq=body.integer("last_seq"),
        now=now,
    )
    return _answered(_found(outcome), caller, body, now)


@for_platform
def prove(request: HttpRequest, caller: bytes, vk: str) -> JsonResponse:
    """POST /v1/servers/{vk}/proofs: answer the token's own challenge."""
    body = Body.read(request, ["statement", "certificate", "challenge"])
    answer = services.give_proof(
        caller=caller,
        vk=vk,
        statement=body.binary("statement"),
        certificate=body.binary("certificate"),
        challenge=body.text("challenge"),
        now=timezone.now(),
    )
    return JsonResponse({"answer": answer})


@for_platform
def stored(request: HttpRequest, caller: bytes, vk: str, s: str) -> JsonResponse:
    """GET /v1/servers/{vk}/verdicts/{S}: the terminal verdict of a statement."""
    verdict = selectors.stored_verdict(caller, vk, bytes.fromhex(s))
    ended = services.Ended(
        Reason(verdict.reason), verdict.message, verdict.server.lock_end(timezone.now())
    )
    return JsonResponse(_ended(ended))


@for_platform
def void(request: HttpRequest, caller: bytes, vk: str, s: str) -> JsonResponse:
    """POST /v1/servers/{vk}/verdicts/{S}/void: end a statement without a response."""
    needed, optional = ["statement", "certificate", "reason", "last_seq"], ["tag", "note", "log"]
    body = Body.read(request, needed, optional)
    now = timezone.now()
    reason = _VOID_REASONS.get(body.text("reason"))
    if reason is None:
        raise AuthserverError(
            Code.INPUT_INVALID, f"reason must be one of {', '.join(_VOID_REASONS)}."
        )
    ended = services.void_statement(
        caller=caller,
        vk=vk,
        s=bytes.fromhex(s),
        statement=body.binary("statement"),
        certificate=body.binary("certificate"),
        reason=reason,
        last_seq=body.integer("last_seq"),
        tag=body.binary("tag", 32) if body.has("tag") else None,
        note=body.text("note") if body.has("note") else "",
        now=now,
    )
    return _answered(_ended(ended), caller, body, now)


@for_platform
def journal(request: HttpRequest, caller: bytes) -> JsonResponse:
    """GET /v1/verdicts?after=N&limit=200: the caller's verdicts in the order of their ids."""
    after = number_in_query(request, "after", default=0, high=MAX_INT)
    limit = number_in_query(request, "limit", default=200, high=selectors.MAX_PAGE)
    verdicts = selectors.verdicts_after(caller, after, limit)
    return JsonResponse(
        {
            "verdicts": [_entry(verdict) for verdict in verdicts],
            "next": verdicts[-1].pk if verdicts else after,
        }
    )


def held_checkpoint(request: HttpRequest, platform: str) -> HttpResponse:
    """GET /v1/logs/{platform}/checkpoint.cbor: of its log, what this host signed for last."""
    held = selectors.witnessed_log(platform)
    return HttpResponse(held.checkpoint, content_type="application/cbor")


def _answered(answer: dict[str, Any], caller: bytes, body: Body, now: datetime) -> JsonResponse:
    """Answer, and say what becomes of the log where one came along."""
    log = {"log": _witnessed(caller, body, now)} if body.has("log") else {}
    return JsonResponse(answer | log)


def _found(outcome: services.Wrong | Sequence[services.Ended]) -> dict[str, Any]:
    """Return what comes of resynchronising."""
    if isinstance(outcome, services.Wrong):
        return _wrong(outcome)
    refused = next((ended for ended in outcome if ended.reason is not Reason.ACCEPTED), None)
    if refused is not None:
        return _ended(refused)
    verdicts = [base64url.encode(ended.message) for ended in outcome]
    return {"accepted": True, "verdicts": verdicts}


def _wrong(wrong: services.Wrong) -> dict[str, Any]:
    return {"accepted": False, "reason": "response_wrong", "tries_left": wrong.tries_left}


def _ended(ended: services.Ended) -> dict[str, Any]:
    end = {"verdict": base64url.encode(ended.message), "locked_until": ended.locked_until}
    if ended.reason is Reason.ACCEPTED:
        return {"accepted": True, **end}
    reason = ended.reason.name.lower()
    return {"accepted": False, "reason": reason, "tries_left": 0, **end}


def _witnessed(caller: bytes, body: Body, now: datetime) -> dict[str, str]:
    """Say what becomes of the log that came along; whatever is wrong with it, the verdict stands.

    Empty when the host itself is in trouble.
    """
    try:
        log = body.object("log", ["checkpoint", "certificate", "first", "path"])
        shown = services.Shown(
            checkpoint=log.binary("checkpoint"),
            certificate=log.binary("certificate"),
            first=log.integer("first"),
            path=log.binaries("path", MAX_PATH, DIGEST_BYTES),
        )
        witnessed = services.witness(caller=caller, shown=shown, now=now)
    except ProtocolError as error:
        return {"refused": error.code}
    except AuthserverError as error:
        return {"refused": error.code.name.lower()}
    except (DatabaseError, KeyProviderError):
        logger.exception("log.not_witnessed")
        return {}
    given = {"cosignature": witnessed.cosignature, "held": witnessed.held}
    answer = {name: base64url.encode(message) for name, message in given.items() if message}
    return answer | ({"refused": witnessed.refused} if witnessed.refused else {})


def _entry(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.pk,
        "vk": verdict.server.vk,
        "seq": verdict.seq,
        "verdict": base64url.encode(verdict.message),
    }
