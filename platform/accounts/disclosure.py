"""Secrets that a page shows for ten minutes to whoever asked for them: sealed in the session."""

import base64
from datetime import datetime, timedelta

from django.http import HttpRequest

from common.sealing import sealer
from protocol.errors import ProtocolError

SHOWN = timedelta(minutes=10)


def disclose(request: HttpRequest, name: str, secret: str, *, now: datetime) -> None:
    """Keep a secret for the pages that follow, under a name."""
    until = int((now + SHOWN).timestamp())
    sealed = sealer().seal(secret.encode(), _context(request, name, until))
    request.session[_key(name)] = {"until": until, "sealed": base64.b64encode(sealed).decode()}


def disclosed(request: HttpRequest, name: str, *, now: datetime) -> str:
    """Return the secret of a name; empty, and gone, once its time is over."""
    kept = request.session.get(_key(name))
    if kept is None:
        return ""
    try:
        if now.timestamp() < kept["until"]:
            context = _context(request, name, kept["until"])
            return sealer().open(base64.b64decode(kept["sealed"]), context).decode()
    except ProtocolError:
        # Sealed under a key that was replaced meanwhile.
        pass
    del request.session[_key(name)]
    return ""


def _key(name: str) -> str:
    return f"disclosed:{name}"


def _context(request: HttpRequest, name: str, until: int) -> bytes:
    return f"{name} for user {request.user.pk} until {until}".encode()
