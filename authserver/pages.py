"""The enrolment page, on the host's own origin: the invitation as QR, then the eight digits.

For a token without a network the page shows, once, a QR code that holds its secret.  That code is
in the one answer to the one form that asks for it: in no address, no cache and no log.
"""

import base64
import io
import mimetypes
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import qrcode
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language_from_request, override
from django.utils.translation import gettext as _

from authserver import services
from authserver.errors import AuthserverError, Code
from protocol.enrolment import Invitation
from protocol.errors import ProtocolError

_STATIC = Path(__file__).with_name("static")


def in_readers_language(
    view: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer in the language that the browser asks for."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        with override(get_language_from_request(request)):
            return view(request)

    return answer


@in_readers_language
def enrolment(request: HttpRequest) -> HttpResponse:
    """GET /e: asks for the link.  POST /e: shows what belongs to it.

    The link's fragment never reaches a server by itself; the page's script, or the holder by
    pasting, sends it in the body.  Nothing is changed by looking, so looking may be repeated.
    With ``show`` in the form the invitation is used up, and the token's secret shown.
    """
    if request.method != "POST":
        return _page(request)
    link = request.POST.get("link", "").strip()
    try:
        invitation = Invitation.from_link(link)
        code, problem = _provision(invitation) if "show" in request.POST else ("", "")
        found = services.comparison(ticket=invitation.ticket, now=timezone.now())
    except ProtocolError:
        return _page(request, status=422, problem=_("This is not a whole enrolment link."))
    except AuthserverError as error:
        # All that can be wrong with a whole link.
        problem = _("This enrolment is not open: it was finished, has expired, or never was.")
        return _page(request, status=error.code.status, problem=problem)
    return _page(
        request,
        status=409 if problem else 200,
        problem=problem,
        code=_picture(code) if code else "",
        link=link,
        found=found,
        digits=f"{found.digits[:4]} {found.digits[4:]}".strip(),
        image="" if found.digits or found.is_void else _picture(link),
        app=f"{settings.AUTHSERVER_ORIGIN}/token/",
    )


@in_readers_language
def stray_code(request: HttpRequest) -> HttpResponse:
    """GET /p: where the camera of a phone leads that reads the code meant for a token."""
    return _page(request, is_stray=True)


def static_file(request: HttpRequest, name: str) -> HttpResponse:
    """GET the page's script or style sheet."""
    return HttpResponse((_STATIC / name).read_bytes(), mimetypes.guess_type(name)[0])


def _page(request: HttpRequest, *, status: int = 200, **context: object) -> HttpResponse:
    return render(request, "authserver/enrolment.html", context, status=status)


def _provision(invitation: Invitation) -> tuple[str, str]:
    """Return the code for a token without a network; or why it is not shown, as a sentence."""
    try:
        provision = services.provision_token(ticket=invitation.ticket, now=timezone.now())
    except AuthserverError as error:
        if error.code is not Code.STATE_CONFLICT:
            raise
        return "", _("The code was shown before, or a token has answered. It is shown only once.")
    return provision.to_link(), ""


def _picture(link: str) -> str:
    """Return a QR code as a data URL, so that the ticket is in no address and no log."""
    buffer = io.BytesIO()
    qrcode.make(link, error_correction=qrcode.constants.ERROR_CORRECT_M).save(buffer)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
