"""The pages of a wallet."""

import csv
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.carrying_out import carry_out
from accounts.security import HolderRequest, asks_again, holders_only
from billing.ledger import selectors, services
from billing.ledger.forms import PasswordForm, PayOutForm, TopUpForm
from billing.ledger.models import Movement
from billing.ledger.providers import provider
from common.charts import days_chart
from common.idempotency import once
from common.paging import part_of
from protocol.currency import format_amount

if TYPE_CHECKING:
    from accounts.models import Holder

_DAYS = 30
_CSV_HEAD = ("at", "kind", "account", "amount", "currency", "other", "reference", "subject")
_CSV_BATCH = 500


@never_cache
@require_safe
@holders_only()
def wallet(request: HolderRequest) -> HttpResponse:
    """GET /wallet: what the holder has, how it went, and every line; ``?currency=`` draws that."""
    holder, now = request.holder, timezone.now()
    money = selectors.money_of(holder.pk)
    drawn = next((one for one in money if one.currency == request.GET.get("currency")), None)
    drawn = drawn or next(iter(money), None)
    part = part_of(selectors.statement(holder.pk), request)
    context: dict[str, object] = {
        "money": money,
        "drawn": drawn,
        "part": part,
        "lines": selectors.lines(part.rows),
        "is_frozen": selectors.is_frozen(holder.pk),
        "has_payment_password": selectors.has_payment_password(holder.pk),
    }
    if drawn:
        today = now.date()
        balances = selectors.daily_balances(holder.pk, drawn.currency, until=today, days=_DAYS)
        context["chart"] = days_chart(balances, drawn.currency, until=today, days=_DAYS)
    return _page(request, "wallet/wallet.html", context)


@never_cache
@require_safe
@holders_only()
def statement(request: HolderRequest) -> HttpResponse:
    """GET /wallet/statement.csv: every line, oldest last."""
    response = HttpResponse(_rows(request.holder), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="statement.csv"'
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def top_up(request: HolderRequest) -> HttpResponse:
    """GET, POST /wallet/top-up: bring money in."""
    if request.method != "POST":
        return _page(request, "wallet/top_up.html", {"form": TopUpForm()})
    return once(request, lambda: _top_up(request))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def pay_out(request: HolderRequest) -> HttpResponse:
    """GET, POST /wallet/payout: take money out, with the payment password."""
    if request.method != "POST":
        return _paying_out(request, PayOutForm())
    return once(request, lambda: _pay_out(request))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
@asks_again
def payment_password(request: HolderRequest) -> HttpResponse:
    """GET, POST /wallet/payment-password: set or change it, after showing who one is."""
    form, status = PasswordForm(request.POST or None), int(HTTPStatus.OK)
    if request.method == "POST":
        set_it = partial(services.set_payment_password, holder=request.holder, now=timezone.now())
        status = carry_out(request, form, set_it, field="password")
        if not status:
            messages.success(request, _("Your payment password is set."))
            return redirect("wallet")
    is_set = selectors.has_payment_password(request.holder.pk)
    context = {"form": form, "is_set": is_set}
    return _page(request, "wallet/payment_password.html", context, status=status)


def _top_up(request: HolderRequest) -> HttpResponse:
    form, moved = TopUpForm(request.POST), list[Movement]()

    def do(*, drawing: str, amount: int, currency: str) -> None:
        moved.append(
            services.top_up(
                holder=request.holder,
                amount=amount,
                currency=currency,
                key=f"page:{drawing}",
                now=timezone.now(),
            )
        )

    if status := carry_out(request, form, do, field="amount"):
        return _page(request, "wallet/top_up.html", {"form": form}, status=status)
    return _told(request, moved[0], _("The money is in your wallet."))


def _pay_out(request: HolderRequest) -> HttpResponse:
    form, moved, now = PayOutForm(request.POST), list[Movement](), timezone.now()

    def do(*, drawing: str, amount: int, currency: str, payment_password: str) -> None:
        services.check_payment_password(holder=request.holder, password=payment_password, now=now)
        moved.append(
            services.pay_out(
                holder=request.holder,
                amount=amount,
                currency=currency,
                key=f"page:{drawing}",
                now=now,
            )
        )

    if status := carry_out(request, form, do):
        return _paying_out(request, form, status=status)
    return _told(request, moved[0], _("The money is paid out."))


def _told(request: HolderRequest, movement: Movement, done: str) -> HttpResponse:
    """Say how a movement stands, and show the wallet."""
    if movement.state == Movement.State.DONE:
        messages.success(request, done)
    elif movement.state == Movement.State.PENDING:
        messages.info(request, _("It is on its way. This page shows it as soon as it is done."))
    else:
        messages.error(request, _("The payment provider refused. No money was moved."))
    return redirect("wallet")


def _paying_out(
    request: HolderRequest, form: forms.Form, status: int = HTTPStatus.OK
) -> HttpResponse:
    context = {
        "form": form,
        "money": selectors.money_of(request.holder.pk),
        "has_payment_password": selectors.has_payment_password(request.holder.pk),
    }
    return _page(request, "wallet/payout.html", context, status=status)


def _page(
    request: HolderRequest, template: str, context: dict[str, object], status: int = HTTPStatus.OK
) -> HttpResponse:
    """Draw a page, which says that it is about play money where it is."""
    context["is_play_money"] = provider().is_play_money
    return render(request, template, context, status=status)


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, line: str) -> str:
        return line


def _rows(holder: "Holder") -> Iterator[str]:
    writer, entries, before = csv.writer(_Echo()), selectors.statement(holder.pk), 2**63 - 1
    yield writer.writerow(_CSV_HEAD)
    # Account numbers and public ids alone: a name could be read as a formula.
    while lines := selectors.lines(entries.filter(pk__lt=before)[:_CSV_BATCH]):
        for line in lines:
            other = line.other.account if line.other else ""
            amount = format_amount(abs(line.amount), line.currency).split()[0]
            yield writer.writerow(
                (
                    line.at.isoformat(timespec="seconds"),
                    line.kind,
                    line.account,
                    f"-{amount}" if line.amount < 0 else amount,
                    line.currency,
                    other,
                    line.reference,
                    line.subject,
                )
            )
        before = lines[-1].number
