"""What a holder has bought: all of it, and one purchase with its refund."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest, holders_only, refusals_recorded
from billing.entitlements import selectors, services
from billing.entitlements.forms import RefundForm
from common.errors import DomainError, NotFoundError
from common.pages import malformed
from common.sentences import sentence

if TYPE_CHECKING:
    from billing.entitlements.models import Purchase

PAGE_LENGTH = 20


@never_cache
@require_safe
@holders_only()
def owned(request: HolderRequest) -> HttpResponse:
    """GET /library: what the holder bought, newest first."""
    found = selectors.purchases_of(buyer=request.holder)
    page = Paginator(found, PAGE_LENGTH).get_page(request.GET.get("page"))
    return render(request, "shop/library.html", {"page": page, "purchases": page.object_list})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def purchase(request: HolderRequest, uid: bytes) -> HttpResponse:
    """GET, POST /library/<uid>: one purchase; ask for the money, or call it off."""
    found = selectors.purchase_of(buyer=request.holder, uid=uid)
    if request.method != "POST":
        return _page(request, found, RefundForm())
    act = {"refund": _refund, "cancel": _cancel}.get(request.POST.get("action", ""))
    if act is None:
        return malformed(request)
    form = RefundForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        with refusals_recorded(request):
            act(request, uid, form.cleaned_data["reason"])
    except NotFoundError:
        raise
    except DomainError as error:
        return _page(request, found, form, status=error.status, note=sentence(error.code))
    return redirect("purchase", uid=uid)


def _refund(request: HolderRequest, uid: bytes, reason: str) -> None:
    after = services.ask_refund(
        buyer=request.holder, purchase_uid=uid, reason=reason, now=timezone.now()
    )
    if after.state == "refunded":
        messages.success(request, _("Your money is back in your wallet. It is locked again."))
    else:
        messages.success(request, _("The developer was asked. You are told in your inbox."))


def _cancel(request: HolderRequest, uid: bytes, _reason: str) -> None:
    after = services.cancel_purchase(buyer=request.holder, purchase_uid=uid, now=timezone.now())
    if after.state == "paid":
        messages.warning(request, _("Your token had agreed before: it is paid."))
    else:
        messages.success(request, _("Called off. The money is in your wallet again."))


def _page(
    request: HolderRequest,
    purchase: "Purchase",
    form: RefundForm,
    *,
    status: int = HTTPStatus.OK,
    note: str = "",
) -> HttpResponse:
    resource = purchase.offer.resource
    context = {
        "purchase": purchase,
        "purchase_number": bytes(purchase.uid).hex(),
        # One that came to nothing gave nothing.
        "entitlement": getattr(purchase, "entitlement", None),
        "resource": resource,
        "slots": selectors.devices_in_use(holder=request.holder, resource=resource),
        "invoice": bytes(purchase.transaction).hex() if purchase.transaction else "",
        "is_in_time": timezone.now() <= purchase.refund_until,
        "is_used": selectors.is_used(purchase),
        "form": form,
        "note": note,
    }
    return render(request, "shop/purchase.html", context, status=status)
