"""Phones that work without a network, and the services they use: stopped and let go on."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest
from audit.selectors import recent_rows
from common.charts import days_chart
from common.errors import DomainError
from common.pages import malformed
from common.paging import part_of
from console.forms import OfflineFilter
from console.security import operators_only
from console.selectors import ROWS
from console.views.acting import acted, page
from offline import selectors, selectors_figures
from offline.services.clients import remove_client, resume_client, suspend_client
from offline.services.services import resume_service, suspend_service
from offline.words import standing

_DAYS = 30
_OPERATOR = "operator"


@require_safe
@operators_only
def offline(request: HolderRequest) -> HttpResponse:
    """List phones and services, with figures; ``?state=`` narrows the phones."""
    since = (now := timezone.now()) - timedelta(days=_DAYS)
    form = OfflineFilter(request.GET)
    everything = selectors_figures.all_authorizations()
    context = {
        "form": form,
        "part": part_of(selectors_figures.all_clients(standing=form.values()["state"]), request),
        "counts": selectors_figures.standings(),
        "outcomes": selectors_figures.outcomes(since=since),
        "services": selectors_figures.all_services()[:ROWS],
        "chart": days_chart(
            selectors_figures.by_day(everything, since=since), until=now.date(), days=_DAYS
        ),
    }
    return render(request, "console/offline.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def phone(request: HolderRequest, uid: bytes) -> HttpResponse:
    """Show a phone; POST ``action`` stops it, lets it go on, or removes it."""
    client, refusal = selectors.any_client(uid), None
    if request.method == "POST":
        actor, now = request.holder.operator_actor, timezone.now()
        about: dict[str, Any] = {"client": client, "actor": actor, "now": now}
        acts = {
            "suspend": (
                partial(suspend_client, **about, reason=_OPERATOR),
                _("The phone is stopped."),
            ),
            "resume": (
                partial(resume_client, **about, is_operator=True),
                _("The phone goes on."),
            ),
            "remove": (partial(remove_client, **about), _("The phone is removed.")),
        }
        act = acts.get(request.POST.get("action", ""))
        if act is None:
            return malformed(request)
        result = acted(request, *act)
        if not isinstance(result, DomainError):
            return result
        refusal = result
        client = selectors.any_client(uid)
    holder = client.device.holder
    context = {
        "phone": client,
        "holder": holder,
        "standing": standing(client),
        "authorizations": selectors.history_of(holder).filter(client=client)[:ROWS],
        "rows": recent_rows(actors=[], subjects=[client.public_id], limit=ROWS),
    }
    return page(request, "console/offline_phone.html", context, refusal)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def service(request: HolderRequest, uid: bytes) -> HttpResponse:
    """Show a service; POST ``action`` stops it, or lets it go on."""
    found, refusal = selectors.service_by_uid(uid), None
    if request.method == "POST":
        about: dict[str, Any] = {
            "service": found,
            "operator": request.holder,
            "now": timezone.now(),
        }
        acts = {
            "suspend": (partial(suspend_service, **about), _("The service is stopped.")),
            "resume": (partial(resume_service, **about), _("The service goes on.")),
        }
        act = acts.get(request.POST.get("action", ""))
        if act is None:
            return malformed(request)
        result = acted(request, *act)
        if not isinstance(result, DomainError):
            return result
        refusal = result
    relays = selectors.relays_of(found)
    named = [f"{found.public_id} {relay.device.public_id}" for relay in relays]
    context = {
        "service": found,
        "relays": relays,
        "authorizations": selectors.authorizations_of(found)[:ROWS],
        "rows": recent_rows(actors=[], subjects=[found.public_id, *named], limit=ROWS),
    }
    return page(request, "console/offline_service.html", context, refusal)
