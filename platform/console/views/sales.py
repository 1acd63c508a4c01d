"""What is sold in the shop, and one purchase: its right and its money."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest
from audit.selectors import recent_rows
from billing.entitlements import selectors, services
from billing.entitlements.takings import TAKINGS_DAYS, takings
from billing.ledger.providers import provider
from common.errors import DomainError
from common.pages import malformed
from common.paging import part_of
from console.forms import SalesFilter
from console.security import operators_only
from console.selectors import ROWS
from console.views.acting import acted, page


class _Act(NamedTuple):
    """What an operator does with a purchase, and what is said then."""

    service: Callable[..., object]
    said: Promise


_ACTS = {
    "suspend": _Act(services.suspend_entitlement, _("Suspended: it is locked for now.")),
    "resume": _Act(services.resume_entitlement, _("Given back.")),
    "revoke": _Act(services.revoke_entitlement, _("Taken away for good.")),
    "refund": _Act(services.refund_as_operator, _("The money went back to the buyer.")),
}


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List purchases, newest first; ``?q=`` and ``?state=`` narrow."""
    form = SalesFilter(request.GET)
    wanted = form.values()
    now = timezone.now()
    found = selectors.all_purchases(q=wanted["q"].strip(), standing=wanted["state"])
    sold = selectors.sales_by_day(developer=None, since=now - timedelta(days=TAKINGS_DAYS))
    context = {
        "form": form,
        "part": part_of(found, request),
        "counts": {
            name: selectors.all_purchases(standing=name).count()
            for name in ("pending", "asked", "suspended")
        },
        "takings": takings(sold, until=now.date()),
        "is_play_money": provider().is_play_money,
    }
    return render(request, "console/sales.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, uid: bytes) -> HttpResponse:
    """Show a purchase; POST ``action`` suspends, resumes, revokes or refunds it."""
    refusal = None
    if request.method == "POST":
        act = _ACTS.get(request.POST.get("action", ""))
        if act is None:
            return malformed(request)
        result = acted(
            request,
            lambda: act.service(operator=request.holder, purchase_uid=uid, now=timezone.now()),
            act.said,
        )
        if not isinstance(result, DomainError):
            return result
        refusal = result
    purchase = selectors.purchase_by_uid(uid)
    resource = purchase.offer.resource
    context = {
        "purchase": purchase,
        "resource": resource,
        "entitlement": getattr(purchase, "entitlement", None),
        "invoice": bytes(purchase.transaction).hex() if purchase.transaction else "",
        "slots": selectors.devices_in_use(holder=purchase.buyer, resource=resource),
        "rows": recent_rows(actors=[], subjects=[uid.hex()], limit=ROWS),
    }
    return page(request, "console/sale.html", context, refusal)
