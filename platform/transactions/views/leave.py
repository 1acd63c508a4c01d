"""The page on which holders delete their accounts: what goes, what stays, what to end first."""

from functools import partial
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.adapter import AccountAdapter
from accounts.carrying_out import carry_out
from accounts.security import HolderRequest, asks_again, holders_only
from transactions import services
from transactions.selectors_lists import summaries


class LeaveForm(forms.Form):
    """That somebody has read what is written above it."""

    is_read = forms.BooleanField(
        label=gettext_lazy("I have read this, and I know that nothing brings my account back.")
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
@asks_again
def leave(request: HolderRequest) -> HttpResponse:
    """GET, POST /account/delete: what deleting the account means; do it."""
    form, status = LeaveForm(request.POST or None), int(HTTPStatus.OK)
    if request.method == "POST":
        status = carry_out(request, form, partial(_leave, request))
        if not status:
            return redirect("home")
    holder, unsettled = request.holder, services.unsettled(holder=request.holder)
    lines = summaries(unsettled.transactions, holder=holder, now=timezone.now())
    context = {"form": form, "unsettled": unsettled, "lines": lines}
    return render(request, "transactions/leave.html", context, status=status)


def _leave(request: HolderRequest, **_read: bool) -> None:
    adapter, user = AccountAdapter(request), request.user
    is_done = services.leave(
        holder=request.holder,
        now=timezone.now(),
        tell=lambda: adapter.send_notification_mail("account/email/leaving", user),
    )
    logout(request)
    if is_done:
        messages.success(request, _("Your account is deleted."))
    else:
        told = _("Your account is closed. The rest is deleted as soon as it can be, by itself.")
        messages.success(request, told)
