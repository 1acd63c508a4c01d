"""The pages on which owners offer services to phones without a network."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.carrying_out import carry_out
from accounts.security import HolderRequest, holders_only
from billing.ledger.providers import provider
from binding.selectors import device_of
from common.amounts import write_amount
from common.charts import days_chart
from common.pages import malformed
from common.paging import part_of
from offline import selectors
from offline.forms import ButtonForm, GrantForm, RelayForm, ServiceEditForm, ServiceForm
from offline.selectors_figures import approved_since, by_day
from offline.services import relays, services

if TYPE_CHECKING:
    from offline.models import Service

_DAYS = 30


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def listed(request: HolderRequest) -> HttpResponse:
    """GET, POST /offline/services: the holder's services; offer another."""
    form, status, made = ServiceForm(), int(HTTPStatus.OK), []
    if request.method == "POST":

        def create(**typed: Any) -> None:
            made.append(services.create_service(owner=request.holder, now=timezone.now(), **typed))

        form = ServiceForm(request.POST)
        status = carry_out(request, form, create)
        if not status:
            messages.success(request, str(_("Now put a device up that stands there.")))
            return redirect("offline-service", made[0].uid)
    context = {"services": selectors.services_of(request.holder), "form": form}
    return render(request, "offline/services.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def one(request: HolderRequest, uid: bytes) -> HttpResponse:
    """GET, POST /offline/services/<uid>: one of them; POST ``action`` changes it."""
    service = selectors.own_service(request.holder, uid)
    if request.method != "POST":
        return _page(request, service)
    action = request.POST.get("action", "")
    act = _ACTS.get(action)
    if act is None:
        return malformed(request)
    form = act.form(request.POST, service)
    do = partial(act.do, request, service)
    if status := carry_out(request, form, do, field=act.field):
        service = selectors.own_service(request.holder, uid)
        return _page(request, service, {action: form}, status)
    messages.success(request, str(act.said))
    return redirect("offline-service", uid)


class _Act(NamedTuple):
    """What a button does, what is typed for it, and what is said then."""

    form: Callable[..., Form]
    do: Callable[..., object]
    said: Promise
    field: str | None = None


def _edit_form(data: Any, service: "Service", **further: Any) -> Form:
    return ServiceEditForm(data, service=service, auto_id="edit_%s", **further)


def _grant_form(data: Any, service: "Service") -> Form:
    return GrantForm(data, auto_id="grant_%s")


def _relay_form(data: Any, service: "Service") -> Form:
    return RelayForm(data, owner=service.owner, auto_id="relay_%s")


def _button(data: Any, service: "Service") -> Form:
    return ButtonForm(data)


def _edit(request: HolderRequest, service: "Service", **typed: Any) -> None:
    services.change_service(service=service, now=timezone.now(), **typed)


def _end(request: HolderRequest, service: "Service") -> None:
    services.end_service(service=service, now=timezone.now())


def _grant(request: HolderRequest, service: "Service", *, account: str) -> None:
    services.grant(service=service, account=account, now=timezone.now())


def _ungrant(request: HolderRequest, service: "Service") -> None:
    account = request.POST.get("account", "")
    services.ungrant(service=service, account=account, now=timezone.now())


def _add_relay(request: HolderRequest, service: "Service", *, device: str) -> None:
    found = device_of(holder=request.holder, uid=bytes.fromhex(device))
    relays.add_relay(service=service, device=found, now=timezone.now())


def _end_relay(request: HolderRequest, service: "Service") -> None:
    found = selectors.own_relay(request.holder, _uid(request.POST.get("device", "")))
    relays.end_relay(relay=found, actor=request.holder, now=timezone.now())


def _uid(text: str) -> bytes:
    """Read an id that a button sent; what is none finds nothing."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


_ACTS = {
    "edit": _Act(_edit_form, _edit, _("Saved. It holds from now on.")),
    "grant": _Act(_grant_form, _grant, _("The service is there for them."), "account"),
    "ungrant": _Act(_button, _ungrant, _("The service is there for them no more.")),
    "add": _Act(_relay_form, _add_relay, _("The device stands there now."), "device"),
    "take": _Act(_button, _end_relay, _("The device stands there no more.")),
    "end": _Act(_button, _end, _("The service has ended.")),
}


def _page(
    request: HolderRequest,
    service: "Service",
    refused: dict[str, Form] | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """Draw a service; a form that was refused stands in its own place."""
    since = (now := timezone.now()) - timedelta(days=_DAYS)
    everything = selectors.authorizations_of(service)
    currency = service.currency
    high_from = service.high_from
    edit = {
        "title": service.title,
        "is_open": service.is_open,
        "is_high": service.is_high,
        "high_from": write_amount(high_from, currency) if high_from else "",
        "takes_codes": service.takes_codes,
    }
    forms = {
        "edit": _edit_form(None, service, initial=edit),
        "grant": _grant_form(None, service),
        "add": _relay_form(None, service),
    }
    days = by_day(everything, currency, since=since)
    part = part_of(everything, request)
    context = {
        "service": service,
        "forms": forms | (refused or {}),
        # What a button was refused has no form on the page to stand on.
        "told": [form for name, form in (refused or {}).items() if name not in forms],
        "relays": selectors.relays_of(service),
        "grants": selectors.grants_of(service),
        "part": part,
        "authorizations": part.rows,
        "approved": approved_since(everything, since),
        "taken": sum(days.values()) if currency else None,
        "chart": days_chart(days, currency, until=now.date(), days=_DAYS) if days else None,
        "is_play_money": bool(currency) and provider().is_play_money,
    }
    return render(request, "offline/service.html", context, status=status)
