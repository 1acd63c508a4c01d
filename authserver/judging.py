"""The HTTP API of responses: what a token answered to a statement, and how that ended."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from authserver import base64url, selectors, services
from authserver.errors import AuthserverError, Code
from authserver.forms import Body, number_in_query
from authserver.models import Verdict
from authserver.views import for_platform
from protocol.cbor import MAX_INT
from protocol.verdict import Reason

_VOID_REASONS = {
    reason.name.lower(): reason for reason in (Reason.DECLINED, Reason.CANCELLED, Reason.EXPIRED)
}
_ANSWER = ["statement", "certificate", "response"]


@for_platform
def answer(request: HttpRequest, caller: bytes, vk: str, call: str) -> JsonResponse:
    """POST /v1/servers/{vk}/{verdicts,logins}: judge a response."""
    body = Body.read(request, [*_ANSWER, "last_seq"], ["tag"])
    outcome = services.give_verdict(
        caller=caller,
        vk=vk,
        statement=body.binary("statement"),
        certificate=body.binary("certificate"),
        response=body.text("response"),
        last_seq=body.integer("last_seq"),
        tag=body.binary("tag", 32) if body.has("tag") else None,
        is_login=call == "logins",
        now=timezone.now(),
    )
    return _wrong(outcome) if isinstance(outcome, services.Wrong) else _ended(outcome)


@for_platform
def resynchronise(request: HttpRequest, caller: bytes, vk: str) -> JsonResponse:
    """POST /v1/servers/{vk}/resynchronise: find a token again by two following responses."""
    body = Body.read(request, ["answers", "last_seq"])
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
        now=timezone.now(),
    )
    if isinstance(outcome, services.Wrong):
        return _wrong(outcome)
    refused = next((ended for ended in outcome if ended.reason is not Reason.ACCEPTED), None)
    if refused is not None:
        return _ended(refused)
    verdicts = [base64url.encode(ended.message) for ended in outcome]
    return JsonResponse({"accepted": True, "verdicts": verdicts})


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
    return _ended(
        services.Ended(
            Reason(verdict.reason), verdict.message, verdict.server.lock_end(timezone.now())
        )
    )


@for_platform
def void(request: HttpRequest, caller: bytes, vk: str, s: str) -> JsonResponse:
    """POST /v1/servers/{vk}/verdicts/{S}/void: end a statement without a response."""
    body = Body.read(request, ["statement", "certificate", "reason", "last_seq"], ["tag", "note"])
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
        now=timezone.now(),
    )
    return _ended(ended)


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


def _wrong(wrong: services.Wrong) -> JsonResponse:
    return JsonResponse(
        {"accepted": False, "reason": "response_wrong", "tries_left": wrong.tries_left}
    )


def _ended(ended: services.Ended) -> JsonResponse:
    end = {"verdict": base64url.encode(ended.message), "locked_until": ended.locked_until}
    if ended.reason is Reason.ACCEPTED:
        return JsonResponse({"accepted": True, **end})
    reason = ended.reason.name.lower()
    return JsonResponse({"accepted": False, "reason": reason, "tries_left": 0, **end})


def _entry(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.pk,
        "vk": verdict.server.vk,
        "seq": verdict.seq,
        "verdict": base64url.encode(verdict.message),
    }
