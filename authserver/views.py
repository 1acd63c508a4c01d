"""The HTTP API: read the request, call one service, write its answer.

Responses and verdicts are in authserver.judging, moves between hosts in authserver.transfers.
"""

import functools
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from authserver import base64url, selectors, services
from authserver.errors import AuthserverError, Code
from authserver.forms import Body, number_in_query
from authserver.models import Event, Server
from protocol import cose
from protocol.cbor import MAX_INT
from protocol.keys import ServerCertificate

logger = logging.getLogger(__name__)

_BEARER = "Bearer "
# What each action does, and what its body must say.
_ACTIONS: dict[str, tuple[Callable[..., Server], list[str]]] = {
    "suspend": (services.suspend, []),
    "resume": (services.resume, []),
    "unlock": (services.unlock, ["proof"]),
    "revoke": (services.revoke, []),
    "replace": (services.replace, ["successor"]),
    "release": (services.release, []),
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
    answer = {"invitation": paired.invitation, "expires": _unix(paired.expires_at)}
    return JsonResponse(_named(server) | answer, status=201)


@for_platform
def assign(request: HttpRequest, caller: bytes) -> JsonResponse:
    """POST /v1/servers/assign: give a token of the stock to a holder."""
    body = Body.read(request, ["serial", "certificate", "label"])
    server = services.assign_token(
        caller=caller,
        serial=body.text("serial"),
        certificate=body.binary("certificate"),
        label=body.text("label"),
        now=timezone.now(),
    )
    return JsonResponse(_named(server) | {"expires_at": _unix(server.expires_at)})


@for_platform
def stock(request: HttpRequest, caller: bytes) -> JsonResponse:
    """GET /v1/stock?q=&after=N&limit=200: the caller's tokens that nobody has yet, by id."""
    after = number_in_query(request, "after", default=0, high=MAX_INT)
    limit = number_in_query(request, "limit", default=200, high=selectors.MAX_PAGE)
    query = request.GET.get("q", "")
    if not query.isprintable():
        raise AuthserverError(Code.INPUT_INVALID, "q must be the beginning of a serial.")
    found = selectors.stock_after(caller, query, after, limit, timezone.now())
    tokens = [
        {
            "id": server.pk,
            "vk": server.vk,
            "serial": server.serial,
            "suite": server.suite,
            "sight": server.sight,
            "batch": server.batch.name if server.batch else "",
            "expires_at": _unix(server.expires_at),
        }
        for server in found
    ]
    return JsonResponse({"tokens": tokens, "next": found[-1].pk if found else after})


@for_platform
def status(request: HttpRequest, caller: bytes, vk: str) -> JsonResponse:
    """GET /v1/servers/{vk}: how a server stands; never a secret, never an attempt."""
    server, now = selectors.server_of(caller, vk), timezone.now()
    certificate = ServerCertificate.from_payload(cose.parse(server.certificate).payload)
    recent = selectors.recent_failures(server, now)
    return JsonResponse(
        {
            **_named(server),
            "label": server.label,
            "state": server.state_at(now),
            "public_key": base64url.encode(certificate.key),
            "seq": server.seq,
            "digits_ready": server.state == Server.State.ENROLLED,
            "enrolled_at": _unix(server.enrolled_at),
            "expires_at": _unix(server.expires_at),
            "drift": server.drift,
            "tries_left": server.tries_left(now, recent),
            "max_failures": server.platform.max_failures,
            "failures": recent,
            "budget": server.platform.budget,
            "locked": server.is_locked(now),
            "locked_until": server.lock_end(now),
            "lock_level": server.lock_level,
            "is_blocked": server.is_blocked,
            "batch": server.batch and server.batch.name,
            "successor": server.successor and server.successor.vk,
            "moved_to": server.moved_to or None,
            "former_keys": [
                {"vk": former.vk, "retired_at": _unix(former.retired_at)}
                for former in server.former_keys.order_by("id")
            ],
        }
    )


def certificate(request: HttpRequest, vk: str) -> JsonResponse:
    """GET /v1/servers/{vk}/certificate: what a token that pinned this id should know now."""
    host = services.host_keys()
    return JsonResponse(
        {
            "certificate": base64url.encode(selectors.certificate_of(vk)),
            "host_certificates": [base64url.encode(key.certificate) for key in host.keys],
        }
    )


@for_platform
def activate(request: HttpRequest, caller: bytes, vk: str) -> JsonResponse:
    """POST /v1/servers/{vk}/activate: compare the digits that the holder read off the token."""
    digits = Body.read(request, ["digits"]).text("digits")
    return _state(services.confirm_digits(caller=caller, vk=vk, digits=digits, now=timezone.now()))


@for_platform
def act(request: HttpRequest, caller: bytes, vk: str, action: str) -> JsonResponse:
    """POST /v1/servers/{vk}/{suspend,resume,unlock,revoke,replace,release}."""
    service, names = _ACTIONS[action]
    body = Body.read(request, names, ["actor"])
    server = service(
        caller=caller,
        vk=vk,
        actor=body.text("actor") if body.has("actor") else "",
        now=timezone.now(),
        **{name: body.text(name) for name in names},
    )
    return _state(server)


@for_platform
def events(request: HttpRequest, caller: bytes) -> JsonResponse:
    """GET /v1/events?after=N&limit=200: what happened to the caller's servers, by id."""
    after = number_in_query(request, "after", default=0, high=MAX_INT)
    limit = number_in_query(request, "limit", default=200, high=selectors.MAX_PAGE)
    services.expire_due(now=timezone.now())
    found = selectors.events_after(caller, after, limit)
    return JsonResponse(
        {"events": [_told(event) for event in found], "next": found[-1].pk if found else after}
    )


@for_platform
def policy(request: HttpRequest, caller: bytes) -> JsonResponse:
    """GET, PUT /v1/policy: how wrong responses lock the caller's tokens."""
    if request.method == "PUT":
        body = Body.read(request, ["max_failures", "locks", "budget"])
        platform = services.set_policy(
            caller=caller,
            max_failures=body.integer("max_failures"),
            locks=body.integers("locks"),
            budget=body.integer("budget"),
        )
    else:
        platform = selectors.calling_platform(caller)
    return JsonResponse(
        {
            "max_failures": platform.max_failures,
            "locks": platform.locks,
            "budget": platform.budget,
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
            "certificates": [base64url.encode(key.certificate) for key in host.keys],
            "retired_at": [_unix(key.retired_at) for key in host.keys],
            "compromised_at": [_unix(key.compromised_at) for key in host.keys],
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


def _named(server: Server) -> dict[str, Any]:
    return {
        "vk": server.vk,
        "serial": server.serial,
        "suite": server.suite,
        "sight": server.sight,
        "certificate": base64url.encode(server.certificate),
    }


def _unix(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _told(event: Event) -> dict[str, Any]:
    return {
        "id": event.pk,
        "vk": event.server.vk,
        "serial": event.server.serial,
        "at": _unix(event.at),
        "kind": event.kind,
        "actor": event.actor,
        "detail": event.detail,
    }


def _state(server: Server) -> JsonResponse:
    return JsonResponse({"state": server.state})
