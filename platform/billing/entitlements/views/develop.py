"""The developer's console: what somebody sells, prices, files, sales and refunds."""

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest, holders_only, record_refusal, refusals_recorded
from billing.entitlements import selectors, services
from billing.entitlements.forms import (
    EditForm,
    NewResourceForm,
    NumberForm,
    OfferForm,
    RefuseForm,
    VersionForm,
    WhichForm,
)
from billing.entitlements.takings import TAKINGS_DAYS, takings
from billing.ledger.providers import provider
from common.errors import DomainError, NotFoundError
from common.forms import add_refusal
from common.idempotency import once
from common.pages import malformed
from common.sentences import sentence

if TYPE_CHECKING:
    from billing.entitlements.models import Resource

_Answer = Callable[[HolderRequest, "Resource"], HttpResponse]
_NEWEST_SALES = 10


@never_cache
@require_safe
@holders_only()
def develop(request: HolderRequest) -> HttpResponse:
    """GET /develop: what the holder sells, how it sells, and who wants the money back."""
    developer, now = request.holder, timezone.now()
    sold = selectors.sales_by_day(developer=developer, since=now - timedelta(days=TAKINGS_DAYS))
    context = {
        "resources": selectors.resources_of(developer=developer),
        "asked": selectors.refunds_asked(developer=developer),
        "takings": takings(sold, until=now.date()),
        "sold": sum(day.count for day in sold),
        "is_play_money": provider().is_play_money,
    }
    return render(request, "develop/develop.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def new(request: HolderRequest) -> HttpResponse:
    """GET, POST /develop/new: say what is to be sold."""
    if request.method != "POST":
        return render(request, "develop/new.html", {"form": NewResourceForm()})
    return once(request, lambda: _published(request))


def _published(request: HolderRequest) -> HttpResponse:
    form = NewResourceForm(request.POST)
    status: int = HTTPStatus.UNPROCESSABLE_ENTITY
    if form.is_valid():
        said = {name: value for name, value in form.cleaned_data.items() if name != "drawing"}
        try:
            made = services.publish_resource(developer=request.holder, now=timezone.now(), **said)
        except DomainError as error:
            record_refusal(request, request.holder, error.code)
            status = add_refusal(form, error)
        else:
            return redirect("developed", uid=bytes(made.uid))
    return render(request, "develop/new.html", {"form": form}, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def developed(request: HolderRequest, uid: bytes) -> HttpResponse:
    """GET, POST /develop/<uid>: one resource; edit it, set prices, put it in the shop, refunds."""
    resource = selectors.own_resource(developer=request.holder, uid=uid)
    if request.method != "POST":
        return _page(request, resource)
    act = _ACTS.get(request.POST.get("action", ""))
    if act is None:
        return malformed(request)
    return act(request, resource)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def upload(request: HolderRequest, uid: bytes) -> HttpResponse:
    """GET, POST /develop/<uid>/upload: take in a file, as the newest version."""
    resource = selectors.own_resource(developer=request.holder, uid=uid)
    form, status = VersionForm(), int(HTTPStatus.OK)
    if request.method == "POST":
        form, status = VersionForm(request.POST, request.FILES), 422
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            with refusals_recorded(request):
                services.add_version(
                    developer=request.holder,
                    resource_uid=uid,
                    file=file,
                    size=file.size,
                    filename=file.name,
                    media_type=file.content_type or "",
                    now=timezone.now(),
                )
        except NotFoundError:
            raise
        except DomainError as error:
            status = add_refusal(form, error, field="file")
        else:
            return redirect("developed", uid=uid)
    context = {"resource": resource, "form": form, "limit": settings.RESOURCE_MAX_BYTES}
    return render(request, "develop/upload.html", context, status=status)


def _edit(request: HolderRequest, resource: "Resource") -> HttpResponse:
    form = EditForm(request.POST, resource=resource)
    if not form.is_valid():
        return _page(request, resource, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _done(
        request,
        resource,
        lambda: services.edit_resource(
            developer=request.holder,
            resource_uid=bytes(resource.uid),
            now=timezone.now(),
            **form.cleaned_data,
        ),
        _("Saved."),
        form=form,
    )


def _offer(request: HolderRequest, resource: "Resource") -> HttpResponse:
    return once(request, lambda: _offered(request, resource))


def _offered(request: HolderRequest, resource: "Resource") -> HttpResponse:
    form = OfferForm(request.POST)
    if not form.is_valid():
        return _page(request, resource, offer_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    price = {name: value for name, value in form.cleaned_data.items() if name != "drawing"}
    return _done(
        request,
        resource,
        lambda: services.add_offer(
            developer=request.holder,
            resource_uid=bytes(resource.uid),
            now=timezone.now(),
            **price,
        ),
        _("It is sold at this price now."),
        offer_form=form,
    )


def _end_offer(request: HolderRequest, resource: "Resource") -> HttpResponse:
    form = WhichForm(request.POST)
    if not form.is_valid():
        return malformed(request)
    return _done(
        request,
        resource,
        lambda: services.end_offer(
            developer=request.holder, offer_uid=form.uid, now=timezone.now()
        ),
        _("It is not sold at this price any more."),
    )


def _withdraw_version(request: HolderRequest, resource: "Resource") -> HttpResponse:
    form = NumberForm(request.POST)
    if not form.is_valid():
        return malformed(request)
    return _done(
        request,
        resource,
        lambda: services.withdraw_version(
            developer=request.holder,
            resource_uid=bytes(resource.uid),
            number=form.cleaned_data["number"],
            now=timezone.now(),
        ),
        _("Nobody can use this version any more."),
    )


def _of_resource(service: Callable[..., object], said: Promise) -> _Answer:
    """Return what does something with the resource as a whole."""

    def act(request: HolderRequest, resource: "Resource") -> HttpResponse:
        uid, now = bytes(resource.uid), timezone.now()
        return _done(
            request,
            resource,
            lambda: service(developer=request.holder, resource_uid=uid, now=now),
            said,
        )

    return act


def _of_refund(
    service: Callable[..., object], said: Promise, form_class: type[WhichForm] = WhichForm
) -> _Answer:
    """Return what answers a buyer who wants the money back."""

    def act(request: HolderRequest, resource: "Resource") -> HttpResponse:
        form = form_class(request.POST)
        if not form.is_valid():
            return malformed(request)
        words = {name: form.cleaned_data[name] for name in form.fields if name != "which"}
        now = timezone.now()
        return _done(
            request,
            resource,
            lambda: service(developer=request.holder, purchase_uid=form.uid, now=now, **words),
            said,
        )

    return act


_ACTS: dict[str, _Answer] = {
    "edit": _edit,
    "offer": _offer,
    "end-offer": _end_offer,
    "withdraw-version": _withdraw_version,
    "list": _of_resource(services.list_resource, _("It is in the shop now.")),
    "unlist": _of_resource(services.unlist_resource, _("It is out of the shop for now.")),
    "withdraw": _of_resource(services.withdraw_resource, _("It is withdrawn.")),
    "grant": _of_refund(services.grant_refund, _("The money went back to the buyer.")),
    "refuse": _of_refund(
        services.refuse_refund, _("The buyer is told that you said no."), RefuseForm
    ),
}


def _done(
    request: HolderRequest,
    resource: "Resource",
    do: Callable[[], object],
    said: Promise,
    **shown: forms.Form,
) -> HttpResponse:
    """Do it and go back to the page; or say there why it was refused."""
    try:
        with refusals_recorded(request):
            do()
    except NotFoundError:
        raise
    except DomainError as error:
        form = next(iter(shown.values()), None)
        if form is not None and error.extra.get("field") in form.fields:
            return _page(request, resource, status=add_refusal(form, error), **shown)
        return _page(request, resource, status=error.status, note=sentence(error.code), **shown)
    messages.success(request, str(said))
    return redirect("developed", uid=bytes(resource.uid))


def _page(
    request: HolderRequest,
    resource: "Resource",
    *,
    status: int = HTTPStatus.OK,
    **context: Any,
) -> HttpResponse:
    sold = selectors.sales(developer=request.holder).filter(offer__resource=resource)
    asked = selectors.refunds_asked(developer=request.holder).filter(offer__resource=resource)
    context = {
        "resource": resource,
        "versions": selectors.versions_of(resource),
        "offers": resource.current_offers,  # type: ignore[attr-defined]  # of the selector
        "sales": sold[:_NEWEST_SALES],
        "sold": sold.count(),
        "asked": asked,
        "form": EditForm(resource=resource),
        "offer_form": OfferForm(),
        "is_play_money": provider().is_play_money,
        **context,
    }
    return render(request, "develop/resource.html", context, status=status)
