"""Holders, and one of them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import services
from accounts.adapter import AccountAdapter
from accounts.security import HolderRequest
from accounts.selectors import api_keys, holder_by_account, holders_matching
from audit.selectors import recent_rows
from common.errors import DomainError, NotFoundError
from common.pages import malformed
from common.paging import part_of
from console.forms import Search
from console.security import operators_only
from console.selectors import ROWS
from console.views.acting import acted, page
from enrolment.selectors import tokens_of
from transactions.search import recent_transactions_of


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List holders, newest first; ``?q=`` narrows."""
    form = Search(request.GET)
    part = part_of(holders_matching(form.values()["q"]), request)
    return render(request, "console/holders.html", {"form": form, "part": part})


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, account: str) -> HttpResponse:
    """Show a holder; POST ``sign_in``, ``token`` or ``auditor`` turns that ``on`` or ``off``."""
    refusal = None
    if request.method == "POST":
        act = next((act for name, act in _ACTS.items() if name in request.POST), None)
        if act is None:
            return malformed(request)
        result = act(request, account)
        if not isinstance(result, DomainError):
            return result
        refusal = result
    holder = holder_by_account(account)
    if holder is None:
        raise NotFoundError
    context = {
        "shown": holder,
        "tokens": tokens_of(holder=holder),
        "keys": api_keys(holder=holder),
        "transactions": recent_transactions_of(holder_id=holder.pk)[:ROWS],
        "rows": recent_rows(
            actors=[holder.actor, holder.operator_actor], subjects=[account], limit=ROWS
        ),
    }
    return page(request, "console/holder.html", context, refusal)


def _allow_sign_in(request: HolderRequest, account: str) -> HttpResponse | DomainError:
    is_allowed = request.POST["sign_in"] == "on"
    allow = partial(services.allow_sign_in, is_allowed=is_allowed)
    said = _("This holder can sign in again.") if is_allowed else _("Sign-in is suspended.")
    return _acted(request, account, allow, said)


def _stop_asking_token(request: HolderRequest, account: str) -> HttpResponse | DomainError:
    def stop(**named: Any) -> None:
        holder = services.stop_asking_token(**named)
        # Without a device: the operator's own is nobody's concern.
        AccountAdapter(request).send_notification_mail(
            "account/email/token_not_asked", holder.user, {"user_agent": ""}
        )

    return _acted(request, account, stop, _("This holder signs in without a token now."))


def _appoint_auditor(request: HolderRequest, account: str) -> HttpResponse | DomainError:
    is_auditor = request.POST["auditor"] == "on"
    appoint = partial(services.appoint_auditor, is_auditor=is_auditor)
    said = _("An auditor now.") if is_auditor else _("No auditor any more.")
    return _acted(request, account, appoint, said)


def _acted(
    request: HolderRequest, account: str, do: Callable[..., object], said: Promise
) -> HttpResponse | DomainError:
    operator = request.holder
    return acted(request, lambda: do(operator=operator, account=account, now=timezone.now()), said)


_ACTS: dict[str, Callable[[HolderRequest, str], HttpResponse | DomainError]] = {
    "sign_in": _allow_sign_in,
    "token": _stop_asking_token,
    "auditor": _appoint_auditor,
}
