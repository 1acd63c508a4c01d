"""What applications charged: receipts, limits and disputes, for payers and for developers."""

from datetime import datetime, timedelta
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
from billing.ledger.selectors_caps import caps_of, spent_now
from billing.packages import selectors_charges as selectors
from billing.packages.answering import answer, is_answer, with_forms
from billing.packages.charges_forms import AnswerForm, CapsForm, DisputeForm
from billing.packages.services.caps import set_cap
from billing.packages.services.disputes import open_dispute
from billing.packages.services.receipts import share_receipt
from common.amounts import write_amount
from common.charts import Chart, days_chart
from common.forms import usual_currency
from common.pages import malformed
from common.paging import part_of
from common.qrcodes import asked_paper
from protocol.qrtext import Link
from signing.services import link_to
from transactions.services import draw_message
from transactions.step_forms import MailForm

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from billing.packages.models import BillingRequest

_DAYS = 30


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def charges(request: HolderRequest) -> HttpResponse:
    """GET, POST /charges: what waits, limits, and every charge; ``?currency=`` draws that."""
    if request.method != "POST":
        return _list(request)
    form, now = CapsForm(request.POST), timezone.now()
    set_them = partial(set_cap, holder=request.holder, now=now)
    if status := carry_out(request, form, set_them, field="day"):
        return _list(request, form, status)
    currency = form.cleaned_data["currency"]
    after = caps_of(selectors.budget(request.holder, currency), now=now)
    messages.success(
        request,
        _("Saved. What is higher holds after 24 hours.") if after.next_from else _("Saved."),
    )
    response = redirect("charges")
    response["Location"] += f"?currency={currency}#limits"
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def charge(request: HolderRequest, uid: bytes) -> HttpResponse:
    """GET, POST /charges/<uid>: one charge with its receipt; send that, or dispute it."""
    found = selectors.charge_of(payer=request.holder, uid=uid)
    form, status, now = DisputeForm(), int(HTTPStatus.OK), timezone.now()
    mail_form = MailForm()
    if request.POST.get("action") == "mail":
        mail_form = MailForm(request.POST)
        send = partial(share_receipt, uid=uid, holder=request.holder, now=now)
        status = carry_out(request, mail_form, send, field="email")
        if not status:
            messages.success(request, _("The link is on its way."))
            return redirect("charge", uid=uid)
    elif request.method == "POST":
        form = DisputeForm(request.POST)
        status = carry_out(request, form, partial(open_dispute, found, now=now), field="words")
        if not status:
            messages.success(request, _("The developer is told. The answer comes to your inbox."))
            return redirect("charge", uid=uid)
    context = {
        "charge": found,
        "form": form,
        "mail_form": mail_form,
        "dispute": selectors.dispute_of(found),
        "may_dispute": selectors.may_dispute(found, now=now),
        "dispute_until": found.captured_at
        and found.captured_at + timedelta(days=selectors.DISPUTE_DAYS),
        "waits": found.state in selectors.WAITING and found.expires_at > now,
        "receipt": link_to(Link.RECEIPT, bytes(found.receipt)) if found.receipt else "",
    }
    return _page(request, "charges/charge.html", context, status)


@never_cache
@require_safe
@holders_only()
def receipt(request: HolderRequest, uid: bytes, form: str) -> HttpResponse:
    """GET /charges/<uid>/receipt.<form>: for the payer, and for who was paid."""
    found = selectors.visible_charge(holder=request.holder, uid=uid)
    reader, paper = request.holder.account, asked_paper(request)
    name = f"charge-{found.public_id}"
    return draw_message(found.receipt, form, name, reader=reader, paper=paper)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def earned(request: HolderRequest) -> HttpResponse:
    """GET, POST /develop/charges: what the holder's applications charged; answer disputes."""
    if request.method != "POST":
        return _earned(request)
    if not is_answer(request):
        return malformed(request)
    form, status = answer(request, is_operator=False)
    if status:
        return _earned(request, form, status)
    messages.success(request, _("Answered. The payer is told."))
    return redirect("earned-charges")


def _list(
    request: HolderRequest, form: CapsForm | None = None, status: int = HTTPStatus.OK
) -> HttpResponse:
    holder, now = request.holder, timezone.now()
    everything = selectors.charges_of(payer=holder)
    currencies = selectors.currencies_in(everything)
    typed = form.data.get("currency") if form else request.GET.get("currency")
    currency = typed if typed in currencies else next(iter(currencies), usual_currency())
    budget = selectors.budget(holder, currency)
    caps = caps_of(budget, now=now)
    limits = {name: write_amount(getattr(caps, name), currency) for name in ("day", "month")}
    today, this_month = spent_now(budget, now=now)
    part = part_of(everything, request)
    context = {
        "waiting": selectors.waiting_for(payer=holder, now=now),
        "part": part,
        "charges": part.rows,
        "currencies": currencies,
        "currency": currency,
        "caps": caps,
        "today": today,
        "this_month": this_month,
        "form": form or CapsForm(initial={**limits, "currency": currency}),
        "chart": _chart(everything, currency, now) if currencies else None,
    }
    return _page(request, "charges/charges.html", context, status)


def _earned(
    request: HolderRequest, form: AnswerForm | None = None, status: int = HTTPStatus.OK
) -> HttpResponse:
    """Draw the page; a form that was refused stands in the place of its own dispute."""
    holder, now = request.holder, timezone.now()
    everything = selectors.earned(developer=holder)
    currencies = selectors.currencies_in(everything)
    asked = request.GET.get("currency")
    currency = asked if asked in currencies else next(iter(currencies), "")
    part = part_of(everything, request)
    context = {
        "disputed": with_forms(selectors.disputed(developer=holder), form),
        "part": part,
        "charges": part.rows,
        "currencies": currencies,
        "currency": currency,
        "chart": _chart(everything, currency, now) if currency else None,
    }
    return _page(request, "charges/earned.html", context, status)


def _chart(found: "QuerySet[BillingRequest]", currency: str, now: datetime) -> Chart:
    amounts = selectors.by_day(found, currency, since=now - timedelta(days=_DAYS))
    return days_chart(amounts, currency, until=now.date(), days=_DAYS)


def _page(
    request: HolderRequest, template: str, context: dict[str, object], status: int
) -> HttpResponse:
    """Draw a page, which says that it is about play money where it is."""
    context["is_play_money"] = provider().is_play_money
    return render(request, template, context, status=status)
