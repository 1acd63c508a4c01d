"""The page on which holders see where they are signed in, and end what is not theirs."""

from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.devices import NO_ADDRESS, device_of
from accounts.security import HolderRequest, holders_only
from audit.services import record
from common.errors import NotFoundError
from common.pages import malformed


@dataclass(frozen=True, slots=True)
class Seen:
    """A session in words.

    Attributes:
        pk: Which.
        device: Browser and system.
        address: Where it was last; empty where that is not known.
        since: When it began.
        last: When it was last seen, to within five minutes.
        is_this: Whether it is the one that looks.
    """

    pk: int
    device: str
    address: str
    since: datetime
    last: datetime
    is_this: bool


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def sessions(request: HolderRequest) -> HttpResponse:
    """GET, POST /accounts/sessions/: where the holder is signed in; end one, or all others."""
    if request.method == "POST":
        return _end(request)
    found = UserSession.objects.purge_and_list(request.user)
    seen = sorted((_seen(session) for session in found), key=lambda one: one.last, reverse=True)
    return render(request, "accounts/sessions.html", {"sessions": seen})


def _end(request: HolderRequest) -> HttpResponse:
    action, which = request.POST.get("action", ""), request.POST.get("session", "")
    others = UserSession.objects.filter(user=request.user).exclude(
        session_key=request.session.session_key
    )
    if action == "end" and which.isascii() and which.isdecimal() and len(which) < 19:
        ended = list(others.filter(pk=int(which)))
    elif action == "end-others":
        ended = list(others)
    else:
        return malformed(request)
    if action == "end" and not ended:
        raise NotFoundError
    for session in ended:
        session.end()
    holder = request.holder
    record(action="sessions.ended", actor=holder.actor, subject=holder.account, now=timezone.now())
    messages.success(request, _("Whoever was there has to sign in again."))
    return redirect("sessions")


def _seen(session: UserSession) -> Seen:
    return Seen(
        pk=session.pk,
        device=device_of(session.user_agent),
        address="" if session.ip == NO_ADDRESS else session.ip,
        since=session.created_at,
        last=session.last_seen_at,
        is_this=session.is_current(),
    )
