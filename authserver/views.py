"""The HTTP API: read the request, call one service, write its answer."""

import functools
import logging
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from authserver import base64url, selectors, services
from authserver.errors import AuthserverError, Code
from authserver.forms import Body, number_in_query
from authserver.models import Server, Verdict
from protocol import cose
from protocol.cbor import MAX_INT
from protocol.keys import ServerCertificate
from protocol.verdict import Reason

logger = logging.getLogger(__name__)

_BEARER = "Bearer "
_VOID_REASONS = {
    reason.name.lower(): reason for reason in (Reason.DECLINED, Reason.CANCELLED, Reason.EXPIRED)
}
_ACTIONS = {
    "suspend": services.suspend,
    "resume": services.resume,
    "unlock": services.unlock,
    "revoke": services.revoke,
}


Address = ParamSpec("Address")


def for_platform(
    view: Callable[Concatenate[HttpRequest, bytes, Address], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Address], HttpResponse]:
    """Let only platforms in; the view gets the hash of the caller's key.

    A view finds its rows by that hash, so a stranger finds nothing; whatever error follows, a
    stranger is told only that the key is not known.  That saves every good request a query of
    its own for the key.
    """

    @functools.wraps(view)
    def guarded(
        request: HttpRequest, /, *args: Address.args, **address: Address.kwargs
    ) -> HttpResponse:
        given = request.headers.get("Authorization", "")
        if not given.startswith(_BEARER):
            raise AuthserverError(Code.NOT_AUTHENTICATED)
        caller = selectors.key_hash(given.removeprefix(_BEARER))
        try:
            return view(request, caller, *args, **address)
        except AuthserverError as error:
            selectors.calling_platform(caller)
            logger.info("request.refused", extra={"code": error.code.name.lower(), **address})
            raise

    return guarded


@for_platform
def pair(request: HttpRequest, caller: bytes) -> JsonResponse:
    """POST /v1/servers: make a server for a new token."""
    body = Body.read(request, ["suite", "certificate"], ["label"])
    paired = services.pair_server(
        caller=caller,
        suite=body.text("suite"),
        certificate=body.binary("certificate"),
        label=body.text("label") if body.has("label") else "",
        now=timezone.now(),
    )
    server = paired.server
    answer = {
        "vk": server.vk,
        "serial": server.serial,
        "suite": server.suite,
        "sight": server.sight,
        "certificate": base64url.encode(server.certificate),
        "invitation": paired.invitation,
        "expires": int(paired.expires_at.timestamp()),
    }
    return JsonResponse(answer, status=201)


@for_platform
def status(request: HttpRequest, caller: bytes, vk: str) -> JsonResponse:
    """GET /v1/servers/{vk}: how a server stands; never a secret, never an attempt."""
    server, now = selectors.server_of(caller, vk), timezone.now()
    certificate = ServerCertificate.from_payload(cose.parse(server.certificate).payload)
    return JsonResponse(
        {
            "vk": server.vk,
            "serial": server.serial,
            "label": server.label,
            "state": server.state,
            "suite": server.suite,
            "sight": server.sight,
            "public_key": base64url.encode(certificate.key),
            "certificate": base64url.encode(server.certificate),
            "seq": server.seq,
            "tries_left": server.tries_left(now),
            "locked": server.is_locked(now),
            "locked_until": server.lock_end(now),
            "digits_ready": server.state == Server.State.ENROLLED,
            "enrolled_at": server.enrolled_at and int(server.enrolled_at.timestamp()),
        }
    )


@for_platform
def activate(request: HttpRequest, caller: bytes, vk: str) -> JsonResponse:
    """POST /v1/servers/{vk}/activate: compare the digits that the holder read off the token."""
    digits = Body.read(request, ["digits"]).text("digits")
    return _state(services.confirm_digits(caller=caller, vk=vk, digits=digits))


@for_platform
def act(request: HttpRequest, caller: bytes, vk: str, action: str) -> JsonResponse:
    """POST /v1/servers/{vk}/{suspend,resume,unlock,revoke}."""
    Body.read(request)
    return _state(_ACTIONS[action](caller=caller, vk=vk))


@for_platform
def answer(request: HttpRequest, caller: bytes, vk: str) -> JsonResponse:
    """POST /v1/servers/{vk}/verdicts: judge a response."""
    body = Body.read(request, ["statement", "certificate", "response", "last_seq"], ["tag"])
    outcome = services.give_verdict(
        caller=caller,
        vk=vk,
        statement=body.binary("statement"),
        certificate=body.binary("certificate"),
        response=body.text("response"),
        last_seq=body.integer("last_seq"),
        tag=body.binary("tag", 32) if body.has("tag") else None,
        now=timezone.now(),
    )
    if isinstance(outcome, services.Wrong):
        return JsonResponse(
            {"accepted": False, "reason": "response_wrong", "tries_left": outcome.tries_left}
        )
    return _ended(outcome)


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


def enrol(request: HttpRequest) -> HttpResponse:
    """POST /v1/enrolments: called by the token itself, which has no key but its ticket."""
    body = Body.read(request, ["ticket", "share"])
    text = services.enrol_token(
        ticket=body.binary("ticket", 16), share=body.binary("share", 32), now=timezone.now()
    )
    return HttpResponse(text, content_type="application/json")


def keys(request: HttpRequest) -> JsonResponse:
    """GET /v1/keys: the host's root and certified keys, for whoever pins the root."""
    host = services.host_keys()
    return JsonResponse(
        {
            "name": host.name,
            "root": base64url.encode(host.root),
            "certificates": [base64url.encode(message) for message in host.certificates],
            "time": int(timezone.now().timestamp()),
        }
    )


def healthz(request: HttpRequest) -> JsonResponse:
    """GET /healthz: the process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """GET /readyz: the host can serve; its time shows drift."""
    now = timezone.now()
    services.check_ready(now)
    return JsonResponse({"status": "ready", "time": int(now.timestamp())})


def version(request: HttpRequest) -> JsonResponse:
    """GET /version."""
    return JsonResponse({"version": settings.VERSION})


def _state(server: Server) -> JsonResponse:
    return JsonResponse({"state": server.state})


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
