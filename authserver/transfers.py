"""The HTTP API of moves between hosts; the platform carries what one host gives to the other."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from authserver import base64url, selectors, services
from authserver.errors import AuthserverError, Code
from authserver.forms import Body
from authserver.views import for_platform

VK_BYTES = 8
_BODY = "countersign.body"


@for_platform
def offer(request: HttpRequest, caller: bytes) -> JsonResponse:
    """POST /v1/offers: would this host take a server of another one?"""
    body = Body.read(request, ["vk", "serial", "suite", "source"])
    message, certificate = services.offer_place(
        caller=caller,
        vk=_hex(body.text("vk")),
        serial=body.text("serial"),
        suite=body.text("suite"),
        source=body.text("source"),
        now=timezone.now(),
    )
    return JsonResponse(
        {"offer": base64url.encode(message), "certificate": base64url.encode(certificate)}
    )


@for_platform
def move(request: HttpRequest, caller: bytes, vk: str) -> JsonResponse:
    """POST /v1/servers/{vk}/move: give a server away to a host that offered to take it."""
    body = Body.read(request, ["offer", "certificate"], ["actor"])
    origin = services.move_server(
        caller=caller,
        vk=vk,
        offer=body.binary("offer"),
        certificate=body.binary("certificate"),
        actor=body.text("actor") if body.has("actor") else "",
        now=timezone.now(),
    )
    return JsonResponse({"origin": origin})


@for_platform
def package(request: HttpRequest, caller: bytes, vk: str) -> HttpResponse:
    """GET /v1/servers/{vk}/package: a server that has left, sealed to where it went."""
    return HttpResponse(selectors.package_of(caller, vk), content_type="application/octet-stream")


@for_platform
def bring(request: HttpRequest, caller: bytes) -> JsonResponse:
    """POST /v1/servers/import: take in a server; the body is its package."""
    # Before a body is read that may be this large.
    selectors.calling_platform(caller)
    server = services.import_server(caller=caller, package=_whole(request), now=timezone.now())
    return JsonResponse(
        {
            "vk": server.vk,
            "serial": server.serial,
            "state": server.state,
            "seq": server.seq,
            "certificate": base64url.encode(server.certificate),
        }
    )


def _whole(request: HttpRequest) -> bytes:
    """Return a body that is larger than Django reads; kept, since a view may be begun anew."""
    if _BODY not in request.META:
        request.META[_BODY] = request.read()
    body: bytes = request.META[_BODY]
    return body


def _hex(vk: str) -> str:
    try:
        raw = bytes.fromhex(vk)
    except ValueError:
        raw = b""
    if len(raw) != VK_BYTES or raw.hex() != vk:
        raise AuthserverError(Code.INPUT_INVALID, "vk must be 16 hexadecimal digits.")
    return vk
