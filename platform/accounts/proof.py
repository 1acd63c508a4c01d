"""A passkey as a second proof: shown once more, on purpose, for one thing."""

import time
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import passkeys

# What was shown longer ago than this proves nothing any more.
_FRESH_SECONDS = 300
_KEY = "passkey_asked"


def has_passkey(request: HttpRequest) -> bool:
    """Tell whether whoever is signed in can show a passkey."""
    return passkeys.has_passkey(request.user)  # type: ignore[arg-type]  # nobody else is asked


def ask_passkey(request: HttpRequest, purpose: str) -> HttpResponse:
    """Lead to where the passkey is shown, and back to this page then."""
    request.session[_KEY] = {"purpose": purpose, "at": time.time()}
    return redirect(
        f"{reverse('mfa_reauthenticate_webauthn')}?{urlencode({'next': request.path})}"
    )


def is_passkey_shown(request: HttpRequest, purpose: str) -> bool:
    """Tell whether a passkey was shown since it was asked for, for this purpose."""
    asked = request.session.get(_KEY)
    if asked is None or asked["purpose"] != purpose:
        return False
    since = max(asked["at"], time.time() - _FRESH_SECONDS)
    return any(
        record.get("type") == "webauthn" and record.get("reauthenticated") and record["at"] > since
        for record in get_authentication_records(request, request.user)
    )


def use_passkey(request: HttpRequest, purpose: str) -> bool:
    """Use a passkey up that was shown for this purpose; ``False`` when none was."""
    is_shown = is_passkey_shown(request, purpose)
    if is_shown:
        del request.session[_KEY]
    return is_shown
