"""The pages on which a holder, or an operator, names programs that are told of events."""

from collections.abc import Callable
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.disclosure import disclose, disclosed
from accounts.security import HolderRequest, holders_only, kept_form, refusals_recorded
from common.errors import DomainError
from common.forms import add_refusal
from common.pages import malformed
from notices import selectors, services
from notices.outgoing import MAX_URL_CHARACTERS

_PER_PAGE = 30


class EndpointForm(forms.Form):
    """Where events go."""

    url = forms.CharField(
        label=gettext_lazy("Address of your program"),
        max_length=MAX_URL_CHARACTERS,
        widget=forms.URLInput(attrs={"placeholder": "https://", "autocomplete": "off"}),
        help_text=gettext_lazy("It must begin with https:// and be reachable from the internet."),
    )


# A new secret stands on these pages for a while: no cache keeps them.
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def webhooks(request: HolderRequest) -> HttpResponse:
    """GET, POST /webhooks: the caller's endpoints, and a new one."""
    return listed(request, request.holder.pk, "webhook")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def webhook(request: HolderRequest, endpoint: int) -> HttpResponse:
    """GET, POST /webhooks/<endpoint>: what it was told, and what can be done with it."""
    return one(request, request.holder.pk, endpoint, "webhooks")


def listed(request: HolderRequest, owner: int | None, page: str) -> HttpResponse:
    """List the endpoints of an owner, ``None`` for the operators; POST adds one.

    Args:
        request: By somebody who may see and change them.
        owner: Whose they are.
        page: Name of the page of one endpoint.
    """
    status = int(HTTPStatus.OK)
    form = EndpointForm(request.POST or None, initial=kept_form(request) or {})
    if request.method == "POST":
        status = int(HTTPStatus.UNPROCESSABLE_ENTITY)
        if form.is_valid():
            now = timezone.now()
            try:
                with refusals_recorded(request):
                    made, secret = services.add_endpoint(
                        holder_id=owner, now=now, **form.cleaned_data
                    )
            except DomainError as error:
                status = add_refusal(form, error, field="url")
            else:
                disclose(request, f"webhook-{made.pk}", secret, now=now)
                return redirect(page, made.pk)
    endpoints = selectors.endpoints_of(owner)
    context = {"form": form, "endpoints": endpoints, "page_name": page, "is_shared": owner is None}
    return render(request, "accounts/webhooks.html", context, status=status)


def one(request: HolderRequest, owner: int | None, pk: int, back: str) -> HttpResponse:
    """Show an endpoint of an owner; POST ``action`` does something with it.

    Args:
        request: By somebody who may see and change it.
        owner: Whose it is, ``None`` for the operators.
        pk: Which.
        back: Name of the page that lists them.

    Raises:
        NotFoundError: the owner has no such endpoint.
    """
    endpoint = services.endpoint_of(owner, pk)
    if request.method == "POST":
        act = _ACTIONS.get(request.POST.get("action", ""))
        return act(request, owner, pk, back) if act else malformed(request)
    page = Paginator(selectors.messages_of(endpoint), _PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "endpoint": endpoint,
        "page": page,
        "back": back,
        "is_shared": owner is None,
        "secret": disclosed(request, f"webhook-{pk}", now=timezone.now()),
    }
    return render(request, "accounts/webhook.html", context)


def _test(request: HolderRequest, owner: int | None, pk: int, _back: str) -> HttpResponse:
    services.send_test(holder_id=owner, endpoint_id=pk, now=timezone.now())
    messages.success(request, _("A test is on its way. Look again in a few seconds."))
    return redirect(request.path)


def _renew(request: HolderRequest, owner: int | None, pk: int, _back: str) -> HttpResponse:
    secret = services.renew_secret(holder_id=owner, endpoint_id=pk)
    disclose(request, f"webhook-{pk}", secret, now=timezone.now())
    messages.success(request, _("There is a new secret; the old one is not used any more."))
    return redirect(request.path)


def _resume(request: HolderRequest, owner: int | None, pk: int, _back: str) -> HttpResponse:
    services.resume_endpoint(holder_id=owner, endpoint_id=pk, now=timezone.now())
    messages.success(request, _("What waited is sent now."))
    return redirect(request.path)


def _remove(request: HolderRequest, owner: int | None, pk: int, back: str) -> HttpResponse:
    services.remove_endpoint(holder_id=owner, endpoint_id=pk)
    messages.success(request, _("The webhook is removed."))
    return redirect(back)


_ACTIONS: dict[str, Callable[[HolderRequest, int | None, int, str], HttpResponse]] = {
    "test": _test,
    "renew": _renew,
    "resume": _resume,
    "remove": _remove,
}
