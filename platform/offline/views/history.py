"""What phones authorized without a network, each with its receipt."""

from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.carrying_out import carry_out
from accounts.security import HolderRequest, holders_only
from billing.ledger.providers import provider
from common.charts import days_chart
from common.errors import NotFoundError
from common.paging import part_of
from common.qrcodes import asked_paper
from offline import selectors
from offline.selectors_figures import by_day, currencies_in
from offline.services.holding import share_receipt
from protocol.qrtext import Link
from signing.services import link_to
from transactions.selectors import own_step_beginning
from transactions.services import draw_message
from transactions.step_forms import MailForm

if TYPE_CHECKING:
    from accounts.models import Holder
    from offline.models import Authorization
    from transactions.models import Step

_DAYS = 30


@never_cache
@require_safe
@holders_only()
def history(request: HolderRequest) -> HttpResponse:
    """GET /offline/history: whatever the holder's phones asked for; ``?currency=`` draws that."""
    now = timezone.now()
    everything = selectors.history_of(request.holder)
    currencies = currencies_in(everything)
    asked = request.GET.get("currency")
    currency = asked if asked in currencies else next(iter(currencies), "")
    drawn = partial(by_day, everything, since=now - timedelta(days=_DAYS))
    part = part_of(everything, request)
    context = {
        "part": part,
        "authorizations": part.rows,
        "currencies": currencies,
        "currency": currency,
        "chart": days_chart(drawn(currency), currency, until=now.date(), days=_DAYS)
        if currency
        else None,
        "has_phones": selectors.clients_of(request.holder).exists(),
        "is_play_money": provider().is_play_money,
    }
    return render(request, "offline/history.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def authorization(request: HolderRequest, serial: bytes) -> HttpResponse:
    """GET, POST /offline/history/<serial>: one, with its receipt; send that."""
    found = selectors.own_authorization(request.holder, serial)
    form, status = MailForm(), int(HTTPStatus.OK)
    if request.method == "POST":
        form = MailForm(request.POST)
        send = partial(share_receipt, serial=serial, holder=request.holder, now=timezone.now())
        status = carry_out(request, form, send, field="email")
        if not status:
            messages.success(request, _("The link is on its way."))
            return redirect("offline-authorization", serial=serial)
    context = {
        "authorization": found,
        "mail_form": form,
        "step": _step_of(found, request.holder),
        "receipt": link_to(Link.RECEIPT, bytes(found.receipt)) if found.receipt else "",
        "is_play_money": provider().is_play_money,
    }
    return render(request, "offline/authorization.html", context, status=status)


def _step_of(authorization: "Authorization", holder: "Holder") -> "Step | None":
    """Return the step that the holder's token was to sign, if it was that."""
    if authorization.subject is None:
        return None
    try:
        return own_step_beginning(holder=holder, prefix=bytes(authorization.subject))
    except NotFoundError:
        # Named by the phone, and never there.
        return None


@never_cache
@require_safe
@holders_only()
def receipt(request: HolderRequest, serial: bytes, form: str) -> HttpResponse:
    """GET /offline/history/<serial>/receipt.<form>: to both sides."""
    found = selectors.visible_authorization(request.holder, serial)
    reader, paper = request.holder.account, asked_paper(request)
    name = f"offline-{found.public_id}"
    return draw_message(found.receipt, form, name, reader=reader, paper=paper)
