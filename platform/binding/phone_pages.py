"""The pages on which holders see their phones, stop one, and agree to a new one."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from django import forms
from django.contrib import messages
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
from binding import selectors, services
from binding.models import Binding
from binding.words import EVENTS, standing
from common.pages import malformed

_ROWS = 30


class PaymentPasswordForm(forms.Form):
    """Who says so."""

    use_required_attribute = False

    password = forms.CharField(
        label=_("Payment password"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


@require_safe
@holders_only()
def phones(request: HolderRequest) -> HttpResponse:
    """GET /phones: the holder's, and how to bind one."""
    found = selectors.bindings_of(holder=request.holder)[:_ROWS]
    context = {
        "phones": [(binding, standing(binding)) for binding in found],
        "has_devices": selectors.devices_of(holder=request.holder).exists(),
    }
    return render(request, "phones/phones.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def phone(request: HolderRequest, uid: bytes) -> HttpResponse:
    """GET, POST /phones/<uid>: how it stands, and what to do about it."""
    binding = selectors.binding_of(holder=request.holder, uid=uid)
    if request.method != "POST":
        return _page(request, binding, PaymentPasswordForm())
    act = _ACTIONS.get(request.POST.get("action", ""))
    if act is None:
        return malformed(request)
    do, form_class, done = act
    form = form_class(request.POST)
    if status := carry_out(request, form, partial(do, binding)):
        shown = form if form_class is PaymentPasswordForm else PaymentPasswordForm()
        told = map(str, form.non_field_errors())
        binding = selectors.binding_of(holder=request.holder, uid=uid)
        return _page(request, binding, shown, refused=" ".join(told), status=status)
    messages.success(request, str(done))
    return redirect("phone", uid)


def _stop(binding: Binding) -> None:
    services.report_stolen(binding, now=timezone.now())


def _end(binding: Binding) -> None:
    services.end_by_holder(binding, now=timezone.now())


def _resume(binding: Binding, password: str) -> None:
    services.resume_by_holder(binding, password=password, now=timezone.now())


def _agree(binding: Binding, password: str) -> None:
    services.agree_by_holder(
        holder=binding.holder, uid=bytes(binding.uid), password=password, now=timezone.now()
    )


_ACTIONS: dict[str, tuple[Callable[..., None], type[forms.Form], Promise]] = {
    "stop": (_stop, forms.Form, _("The phone is stopped.")),
    "end": (_end, forms.Form, _("It is ended for good.")),
    "resume": (_resume, PaymentPasswordForm, _("The phone goes on.")),
    "agree": (_agree, PaymentPasswordForm, _("The phone is bound.")),
}


def _page(
    request: HolderRequest,
    binding: Binding,
    form: forms.Form,
    *,
    refused: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    is_stopped = binding.state == Binding.State.SUSPENDED
    context = {
        "phone": binding,
        "standing": standing(binding),
        "form": form,
        "refused": refused,
        "may_agree": binding.waits_for_consent
        and binding.may_bind_at is not None
        and binding.may_bind_at <= timezone.now(),
        "may_resume": is_stopped and binding.reason in services.HOLDERS_OWN,
        "events": [
            (row, EVENTS[row.action])
            for row in audit_rows(subject=binding.public_id)[:_ROWS]
            if row.action in EVENTS
        ],
    }
    return render(request, "phones/phone.html", context, status=status)
