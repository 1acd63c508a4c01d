"""What all operator pages have in common."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from authserver.errors import AuthserverError
from authserver.operators.access import public_page
from authserver.operators.words import DONE, REFUSALS

Result = TypeVar("Result")


def shown(
    request: HttpRequest, template: str, *, status: int = 200, **context: object
) -> HttpResponse:
    """Render a page; what the address says was done is said on it."""
    common = {
        "operator": request.user.get_username() if hasattr(request, "user") else "",
        "host": urlsplit(settings.AUTHSERVER_ORIGIN).netloc,
        "done": DONE.get(request.GET.get("done", "")),
        "page": template,
    }
    return render(request, f"authserver/operator/{template}.html", common | context, status=status)


def attempted(act: Callable[[], Result]) -> Result | AuthserverError:
    """Do it; return the refusal if it is refused."""
    try:
        return act()
    except AuthserverError as error:
        return error


def in_words(error: AuthserverError) -> Promise | str:
    """Return a refusal in the reader's language."""
    return REFUSALS.get(error.code, error.detail)


def missing(request: HttpRequest, text: str) -> HttpResponse:
    """Say that something is not there."""
    return shown(request, "message", status=404, title=_("Not found"), text=text)


@public_page
def nothing(request: HttpRequest) -> HttpResponse:
    """Say that there is no such page."""
    return missing(request, _("There is nothing at this address."))


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that carries no token of this browser's session."""
    text = _("The form was too old, or came from elsewhere. Nothing was done. Open it anew.")
    return shown(request, "message", status=403, title=_("Not accepted"), text=text)
