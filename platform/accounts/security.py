"""Who calls the API: a session with its CSRF token, or a bearer API key."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec
from urllib.parse import quote

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja.security import HttpBearer, SessionAuth

from accounts.errors import ClientNotAllowedError, NotRepresentedError, OperatorsOnlyError
from accounts.models import Holder
from accounts.selectors import client_by_key, holder_by_api_key, represented_by
from accounts.services import holder_for
from audit.services import record
from common.errors import DomainError
from common.schemas import CLIENT


class ApiKeyAuth(HttpBearer):
    """``Authorization: Bearer cs_…``, or ``co_…`` for a program of an organisation."""

    def authenticate(self, request: HttpRequest, token: str) -> Holder | None:
        """Return the holder the key acts for.

        Raises:
            ClientNotAllowedError, NotRepresentedError: it is an organisation's, and may not do
                this, or not for the holder it names.
        """
        return holder_by_api_key(token) or _represented(request, token)


class HolderSessionAuth(SessionAuth):
    """A signed-in browser; unsafe methods need the CSRF token."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        """Return the signed-in holder."""
        return holder_for(request.user) if request.user.is_authenticated else None


_Rest = ParamSpec("_Rest")
# What programs of organisations are for; of the rest they may read what they need for it.
_FOR_CLIENTS = ("/api/v1/transactions", "/api/v1/steps/", "/api/v1/receipts/")
_READ_BY_CLIENTS = ("/api/v1/tokens", "/api/v1/me")
_KEPT = "kept_form"


class HolderRequest(HttpRequest):
    """A request for a page, by a signed-in holder."""

    holder: Holder


def holders_only(
    *, keeps_form: bool = False, never_kept: frozenset[str] = frozenset()
) -> Callable[
    [Callable[Concatenate[HolderRequest, _Rest], HttpResponse]],
    Callable[Concatenate[HttpRequest, _Rest], HttpResponse],
]:
    """Let a page be seen by signed-in people alone; others sign in first and come back to it.

    Every form is sent to the address of the page it stands on, so coming back finds that page.

    Args:
        keeps_form: Keep what was typed, when the session had ended, for :func:`kept_form`.
        never_kept: Names of fields that hold secrets, which are not kept.
    """

    def decorate(
        view: Callable[Concatenate[HolderRequest, _Rest], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, _Rest], HttpResponse]:
        @wraps(view)
        def guarded(
            request: HttpRequest, /, *args: _Rest.args, **kwargs: _Rest.kwargs
        ) -> HttpResponse:
            if request.user.is_authenticated:
                request.holder = holder_for(request.user)  # type: ignore[attr-defined]  # set here
                return view(request, *args, **kwargs)  # type: ignore[arg-type]  # it is one now
            if keeps_form and request.method == "POST":
                typed = request.POST.dict()
                fields = {name: typed[name] for name in typed if name not in never_kept}
                request.session[_KEPT] = {"path": request.path, "fields": fields}
            return redirect_to_login(request.get_full_path())

        return guarded

    return decorate


def asks_again(
    view: Callable[Concatenate[HolderRequest, _Rest], HttpResponse],
) -> Callable[Concatenate[HolderRequest, _Rest], HttpResponse]:
    """Have whoever sends a form of this page show once more who it is; to look costs nothing."""
    guarded: Callable[Concatenate[HolderRequest, _Rest], HttpResponse] = reauthentication_required(
        app="allauth.account", allow_get=True
    )(view)
    return guarded


def kept_form(request: HttpRequest) -> dict[str, str] | None:
    """Return, once, what was typed on this page before the session ended."""
    if request.session.get(_KEPT, {}).get("path") != request.path:
        return None
    fields: dict[str, str] = request.session.pop(_KEPT)["fields"]
    return fields


def record_refusal(request: HttpRequest, holder: Holder, code: str, about: str = "") -> None:
    """Leave an audit row of what a holder was refused, and where, or about what."""
    record(
        action="request.refused",
        actor=holder.actor,
        subject=about or quote(request.path),
        now=timezone.now(),
        code=code,
    )


@contextmanager
def refusals_recorded(request: HolderRequest) -> Iterator[None]:
    """Leave an audit row when what is inside is refused; what is not there is no refusal."""
    try:
        yield
    except DomainError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            record_refusal(request, request.holder, error.code)
        raise


def can_read_console(holder: Holder) -> bool:
    """Tell whether a holder may look at what concerns everybody: operators and auditors may."""
    return holder.user.is_staff or holder.user.is_auditor


def can_act(holder: Holder) -> bool:
    """Tell whether a holder may change what concerns everybody: operators alone may."""
    return holder.user.is_staff


def _represented(request: HttpRequest, token: str) -> Holder | None:
    """Return the holder whom a program of an organisation names, and may act for."""
    client = client_by_key(token)
    if client is None:
        return None
    is_reading = request.method in ("GET", "HEAD")
    if not request.path.startswith(_FOR_CLIENTS + (_READ_BY_CLIENTS if is_reading else ())):
        raise ClientNotAllowedError
    holder = represented_by(client, _named_holder(request))
    if holder is None:
        raise NotRepresentedError
    if not is_reading and not hasattr(request, CLIENT):
        # What follows is noted as the holder's doing; this says by whom it was asked for.
        path, now = quote(request.path), timezone.now()
        record(action="client.called", actor=client.actor, subject=path, now=now)
    setattr(request, CLIENT, client)
    return holder


def _named_holder(request: HttpRequest) -> str:
    """Return the account in ``holder`` of the query, or of a JSON body; empty for none."""
    named: object = request.GET.get("holder")
    if named is None:
        try:
            body = json.loads(request.body or b"{}")
        except (ValueError, RecursionError):
            return ""
        named = body.get("holder") if isinstance(body, dict) else None
    # No database is asked for what cannot be an account number.
    return named if isinstance(named, str) and named.isdecimal() else ""


HOLDER_AUTH = [ApiKeyAuth(), HolderSessionAuth()]


def caller_name(request: HttpRequest) -> str:
    """Name who calls, for what must know it before the API does; empty for nobody known."""
    try:
        holder: Holder | None = HOLDER_AUTH[0](request)
    except DomainError:
        # The API says so, too, in its own shape.
        return ""
    if holder is not None:
        return holder.actor
    return f"user:{request.user.pk}" if request.user.is_authenticated else ""


def caller(request: HttpRequest) -> Holder:
    """Return the holder that authentication found."""
    holder: Holder = request.auth  # type: ignore[attr-defined]  # set by django-ninja
    return holder


def console_reader(request: HttpRequest) -> Holder:
    """Return the caller, who may look at what concerns everybody.

    Raises:
        OperatorsOnlyError: the caller may not.
    """
    return _allowed(caller(request), can_read_console)


def console_actor(request: HttpRequest) -> Holder:
    """Return the caller, who may change what concerns everybody.

    Raises:
        OperatorsOnlyError: the caller may not.
    """
    return _allowed(caller(request), can_act)


def _allowed(holder: Holder, may: Callable[[Holder], bool]) -> Holder:
    if not may(holder):
        raise OperatorsOnlyError
    return holder
