"""The pages on which holders see their phones that work without a network, and rule them."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.carrying_out import carry_out
from accounts.security import HolderRequest, holders_only
from audit.selectors import audit_rows
from billing.ledger.providers import provider
from billing.ledger.selectors import has_payment_password, money_of
from billing.ledger.selectors_caps import spent_now
from common.amounts import write_amount
from common.forms import usual_currency
from common.pages import malformed
from offline import selectors
from offline.forms import (
    ButtonForm,
    CodesForm,
    LimitsForm,
    NoCodesForm,
    OfflinePasswordForm,
    PaymentPasswordForm,
)
from offline.services import clients, holding, limits
from offline.words import EVENTS, standing

if TYPE_CHECKING:
    from offline.models import Client

_ROWS = 30


class _Act(NamedTuple):
    """What a button does, what is typed for it, and what is said then."""

    form: type[Form]
    do: Callable[..., object]
    said: Promise
    field: str | None = None


@require_safe
@holders_only()
def phones(request: HolderRequest) -> HttpResponse:
    """GET /offline/settings: the holder's phones that work without a network."""
    found = selectors.clients_of(request.holder)
    return render(
        request,
        "offline/settings.html",
        {"phones": [(client, standing(client)) for client in found]},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def phone(request: HolderRequest, uid: bytes) -> HttpResponse:
    """GET, POST /offline/settings/<uid>: how one stands; POST ``action`` changes it."""
    client = selectors.own_client(request.holder, uid)
    if request.method != "POST":
        return _page(request, client)
    action, now = request.POST.get("action", ""), timezone.now()
    act = _ACTS.get(action)
    if act is None:
        return malformed(request)
    form = act.form(request.POST, auto_id=f"{action}_%s")

    def do(**typed: Any) -> None:
        act.do(client, now, **typed)

    if status := carry_out(request, form, do, field=act.field):
        client = selectors.own_client(request.holder, uid)
        return _page(request, client, {action: form}, status)
    messages.success(request, str(act.said))
    if action == "remove":
        return redirect("offline-phones")
    return redirect("offline-phone", uid)


def _page(
    request: HolderRequest,
    client: "Client",
    refused: dict[str, Form] | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """Draw a phone; a form that was refused stands in its own place."""
    now = timezone.now()
    currencies = _currencies(request, client)
    typed = (refused or {}).get("limits")
    asked = typed.data.get("currency") if typed else request.GET.get("currency")
    currency = asked if asked in currencies else currencies[0]
    budget = selectors.budget(client, currency)
    caps = limits.limits_of(client=client, currency=currency, now=now)
    today, this_month = spent_now(budget, now=now)
    forms = {
        "limits": LimitsForm(
            auto_id="limits_%s",
            initial={
                "day": write_amount(caps.day, currency),
                "month": write_amount(caps.month, currency),
                "currency": currency,
            },
        ),
        "password": OfflinePasswordForm(auto_id="password_%s"),
        "codes": CodesForm(auto_id="codes_%s", initial=_code_limit(client)),
        "no_codes": NoCodesForm(auto_id="no_codes_%s"),
        "unlock": PaymentPasswordForm(auto_id="unlock_%s"),
        "resume": PaymentPasswordForm(auto_id="resume_%s"),
    }
    may_resume = selectors.may_resume(client)
    hidden = {"suspend", "remove"}
    hidden |= set() if client.locked_at else {"unlock"}
    hidden |= set() if may_resume else {"resume"}
    context = {
        "phone": client,
        "standing": standing(client),
        "forms": forms | (refused or {}),
        "told": [form for action, form in (refused or {}).items() if action in hidden],
        "may_resume": may_resume,
        "currencies": currencies,
        "currency": currency,
        "caps": caps,
        "today": today,
        "this_month": this_month,
        "high_from": settings.OFFLINE_HIGH_FROM,
        "most_code": settings.OFFLINE_CODE_CAP,
        "has_payment_password": has_payment_password(request.holder.pk),
        "is_play_money": provider().is_play_money,
        "events": [
            (row, EVENTS[row.action])
            for row in audit_rows(subject=client.public_id)[:_ROWS]
            if row.action in EVENTS
        ],
    }
    return render(request, "offline/phone_settings.html", context, status=status)


def _currencies(request: HolderRequest, client: "Client") -> list[str]:
    """Return what the holder can pay in, and the one that readers of the language use."""
    owned = [money.currency for money in money_of(request.holder.pk)]
    return list(dict.fromkeys([*owned, usual_currency()]))


def _code_limit(client: "Client") -> dict[str, str]:
    if not client.code_limit:
        return {}
    currency = client.code_currency
    return {"amount": write_amount(client.code_limit, currency), "currency": currency}


def _suspend(client: "Client", now: datetime) -> None:
    clients.suspend_client(client=client, actor=client.device.holder.actor, now=now)


def _remove(client: "Client", now: datetime) -> None:
    clients.remove_client(client=client, actor=client.device.holder.actor, now=now)


def _no_codes(client: "Client", now: datetime, *, payment_password: str) -> None:
    clients.set_code_limit(
        client=client,
        amount=0,
        currency=client.code_currency or usual_currency(),
        payment_password=payment_password,
        now=now,
    )


def _with(do: Callable[..., object]) -> Callable[..., object]:
    """Have a service take client and time as the functions here do."""
    return lambda client, now, **typed: do(client=client, now=now, **typed)


_PASSWORD = "payment_password"  # noqa: S105  # a field
_ACTS = {
    "limits": _Act(
        LimitsForm,
        _with(limits.set_limits),
        _("Saved. What is higher holds after 24 hours."),
        "day",
    ),
    "password": _Act(
        OfflinePasswordForm, _with(clients.set_offline_password), _("The password is set.")
    ),
    "codes": _Act(CodesForm, _with(clients.set_code_limit), _("Saved."), "amount"),
    "no_codes": _Act(NoCodesForm, _no_codes, _("There are no one-way codes any more.")),
    "unlock": _Act(PaymentPasswordForm, _with(clients.unlock), _("It is unlocked."), _PASSWORD),
    "resume": _Act(
        PaymentPasswordForm, _with(holding.resume_by_holder), _("The phone goes on."), _PASSWORD
    ),
    "suspend": _Act(ButtonForm, _suspend, _("The phone is stopped.")),
    "remove": _Act(ButtonForm, _remove, _("The phone is removed.")),
}
