"""The page on which holders see their devices, add one, and remove what is not theirs any more."""

import re

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.disclosure import disclose, disclosed
from accounts.security import HolderRequest, holders_only
from binding import selectors
from binding.services import devices as services
from common.idempotency import once
from common.pages import malformed

_NEW_CODE = "device-code"
_UID = re.compile(r"[0-9a-f]{16}")


# A code stands on this page for a while: no cache keeps it.
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def devices(request: HolderRequest) -> HttpResponse:
    """GET /devices: the holder's.  POST makes a code by which to add one, or removes one."""
    if request.method == "POST":
        act = _ACTIONS.get(request.POST.get("action", ""))
        return act(request) if act else malformed(request)
    now = timezone.now()
    code = selectors.open_code(holder=request.holder, now=now)
    context = {
        "devices": selectors.devices_of(holder=request.holder),
        # Used or replaced, it is of no use to anybody and not shown.
        "code": disclosed(request, _NEW_CODE, now=now) if code else "",
        "until": code and code.expires_at,
        "origin": settings.COUNTERSIGN_ORIGIN,
    }
    return render(request, "devices/devices.html", context)


def _invite(request: HolderRequest) -> HttpResponse:
    return once(request, lambda: _make_code(request))


def _make_code(request: HolderRequest) -> HttpResponse:
    now = timezone.now()
    _row, code = services.create_device_code(holder=request.holder, now=now)
    disclose(request, _NEW_CODE, code, now=now)
    return redirect("devices")


def _remove(request: HolderRequest) -> HttpResponse:
    uid = request.POST.get("device", "")
    if not _UID.fullmatch(uid):
        return malformed(request)
    services.remove_device(holder=request.holder, uid=bytes.fromhex(uid), now=timezone.now())
    messages.success(request, _("The device is removed: its key opens nothing any more."))
    return redirect("devices")


_ACTIONS = {"invite": _invite, "remove": _remove}
