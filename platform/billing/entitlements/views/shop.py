"""The shop: what is for sale, one resource, and paying for it."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest, holders_only, record_refusal
from accounts.services import holder_for
from billing.entitlements import selectors, services, words
from billing.entitlements.errors import OfferEndedError
from billing.entitlements.forms import BuyForm
from billing.ledger.providers import provider
from billing.ledger.selectors import balances, has_payment_password
from common.errors import DomainError, NotFoundError
from common.forms import add_refusal
from common.idempotency import once
from common.sentences import sentence
from transactions.selectors import steps_of, visible_transaction

if TYPE_CHECKING:
    from accounts.models import Holder
    from billing.entitlements.models import Entitlement, Offer, Purchase, Resource

PAGE_LENGTH = 24
_MAX_QUERY = 100
# Refusals that are about one field of the form; the others stand above it.
_FIELD_OF = {
    "paypass_wrong": "payment_password",
    "paypass_locked": "payment_password",
    "paypass_not_set": "payment_password",
    "token_not_paired": "token",
    "token_not_active": "token",
    "too_many_challenges": "token",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A resource on the shelf.

    Attributes:
        resource: What it is.
        entitlement: By which the reader may use it; none while it is locked.
        is_own: Whether the reader sells it.
    """

    resource: "Resource"
    entitlement: "Entitlement | None"
    is_own: bool

    @property
    def offer(self) -> "Offer | None":
        """The cheapest offer."""
        return next(iter(self.resource.current_offers), None)  # type: ignore[attr-defined]  # of the selector

    @property
    def has_other_offers(self) -> bool:
        """Whether it can be bought at other prices, too."""
        return len(self.resource.current_offers) > 1  # type: ignore[attr-defined]  # of the selector


@never_cache
@require_safe
def shop(request: HttpRequest) -> HttpResponse:
    """GET /shop: what is for sale, for everybody; ``?q=`` and ``?kind=`` narrow."""
    q, kind = request.GET.get("q", "")[:_MAX_QUERY], request.GET.get("kind", "")
    page = Paginator(selectors.shelf(q=q, kind=kind), PAGE_LENGTH).get_page(
        request.GET.get("page")
    )
    context = {
        "q": q,
        "kind": kind,
        "shelves": words.SHELVES.items(),
        "page": page,
        "cards": _cards(list(page.object_list), _reader(request)),
    }
    return render(request, "shop/shop.html", context)


@never_cache
@require_safe
def resource(request: HttpRequest, uid: bytes) -> HttpResponse:
    """GET /shop/<uid>: a resource, how it stands for the reader, and what it costs."""
    reader = _reader(request)
    found = selectors.visible_resource(uid=uid, holder=reader)
    entitlement = _latest(reader, found)
    context = {
        "resource": found,
        "shelf": words.SHELVES[found.kind],
        "is_own": reader is not None and found.developer_id == reader.pk,
        "entitlement": entitlement,
        # What is paid for, or about to be, for good, is not sold to the same person again.
        "is_settled": entitlement is not None
        and entitlement.term == "permanent"
        and entitlement.state in selectors.LIVING,
        "offers": found.current_offers,  # type: ignore[attr-defined]  # of the selector
        "is_play_money": provider().is_play_money,
        **_file(found),
    }
    return render(request, "shop/resource.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=False)
def buy(request: HolderRequest, uid: bytes, offer: bytes) -> HttpResponse:
    """GET, POST /shop/<uid>/buy/<offer>: pay from the wallet, or have a token asked."""
    found = selectors.offer_by_uid(offer)
    if bytes(found.resource.uid) != uid:
        raise NotFoundError
    selectors.visible_resource(uid=uid, holder=request.holder)
    if found.ended_at is not None:
        raise OfferEndedError
    if request.method != "POST":
        return _paying(request, found, BuyForm(buyer=request.holder))
    return once(request, lambda: _bought(request, found))


def _bought(request: HolderRequest, offer: "Offer") -> HttpResponse:
    form = BuyForm(request.POST, buyer=request.holder)
    if not form.is_valid():
        return _paying(request, offer, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    typed = form.cleaned_data
    try:
        purchase = services.buy(
            buyer=request.holder,
            offer_uid=bytes(offer.uid),
            way=typed["way"],
            key=typed["drawing"],
            now=timezone.now(),
            payment_password=typed["payment_password"],
            token_serial=typed.get("token", ""),
            remark=typed.get("remark", ""),
        )
    except DomainError as error:
        record_refusal(request, request.holder, error.code)
        field = _FIELD_OF.get(error.code)
        if field in form.fields:
            status = add_refusal(form, error, field=field)
            return _paying(request, offer, form, status=status)
        return _paying(request, offer, form, status=error.status, note=sentence(error.code))
    return redirect(_next_page(request.holder, purchase))


def _next_page(holder: "Holder", purchase: "Purchase") -> str:
    """Return where the token is asked, or what was bought."""
    if purchase.state != "pending" or purchase.transaction is None:
        return reverse("purchase", args=[bytes(purchase.uid)])
    chain = visible_transaction(holder=holder, tx=bytes(purchase.transaction))
    return reverse("step", args=[bytes(steps_of(chain)[0].s)])


def _paying(
    request: HolderRequest,
    offer: "Offer",
    form: BuyForm,
    *,
    status: int = HTTPStatus.OK,
    note: str = "",
) -> HttpResponse:
    context = {
        "offer": offer,
        "resource": offer.resource,
        "form": form,
        "note": note,
        "balance": _in_wallet(request.holder, offer.currency),
        "has_password": has_payment_password(request.holder.pk),
        "is_play_money": provider().is_play_money,
    }
    return render(request, "shop/buy.html", context, status=status)


def _in_wallet(holder: "Holder", currency: str) -> int:
    return sum(
        account.balance
        for account in balances(holder.pk)
        if (account.kind, account.currency) == ("wallet", currency)
    )


def _reader(request: HttpRequest) -> "Holder | None":
    return holder_for(request.user) if request.user.is_authenticated else None


def _cards(resources: "list[Resource]", reader: "Holder | None") -> list[Card]:
    if reader is None:
        return [Card(resource, None, is_own=False) for resource in resources]
    owned = selectors.owned(holder=reader, resources=resources, now=timezone.now())
    return [
        Card(found, owned.get(found.pk), is_own=found.developer_id == reader.pk)
        for found in resources
    ]


def _latest(reader: "Holder | None", resource: "Resource") -> "Entitlement | None":
    """Return what the reader may use, else what became of what was bought last."""
    if reader is None:
        return None
    usable = selectors.owned(holder=reader, resources=[resource], now=timezone.now())
    return (
        usable.get(resource.pk)
        or selectors.entitlements_of(holder=reader).filter(resource=resource).first()
    )


def _file(resource: "Resource") -> dict[str, object]:
    try:
        version = selectors.version_of(resource)
    except NotFoundError:
        return {}
    return {
        "version": version,
        "digest": bytes(version.build_digest).hex(),
        "file_url": reverse("api:resource_file", args=[str(resource)]),
    }
