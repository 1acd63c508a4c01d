"""The page of a member, for whoever looks after an organisation: the tokens, and the role."""

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
from django.views.decorators.http import require_http_methods

from accounts.carrying_out import carry_out
from accounts.security import HolderRequest, holders_only
from accounts.services import change_role, remove_member
from common.pages import malformed
from common.words import ROLES
from enrolment.members import ACTIONS, change_member_token, member_seen
from enrolment.selectors import policy, tokens_of


class RoleForm(forms.Form):
    """What a member is to be."""

    role = forms.ChoiceField(label=_("Role"), choices=list(ROLES.items()))


class TokenForm(forms.Form):
    """Something to do with a token of the member."""

    serial = forms.CharField(max_length=16)
    action = forms.ChoiceField(choices=[(action, action) for action in ACTIONS])


class RemovalForm(forms.Form):
    """Nothing but the wish."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def member(request: HolderRequest, uid: bytes, account: str) -> HttpResponse:
    """GET, POST /organisations/<uid>/members/<account>: see and change what a member has."""
    if request.method != "POST":
        return _page(request, uid, account)
    action = request.POST.get("action", "")
    who, now = request.holder, timezone.now()
    if action in ACTIONS:
        change = partial(change_member_token, operator=who, uid=uid, account=account, now=now)
        done = _("Done. Its authentication server knows it too.")
        return _do(request, uid, account, TokenForm(request.POST), change, done)
    if action == "role":
        give = partial(change_role, owner=who, uid=uid, account=account, now=now)
        form, done = RoleForm(request.POST), _("The role is changed.")
        return _do(request, uid, account, form, give, done)
    if action == "remove":
        remove = partial(remove_member, owner=who, uid=uid, account=account, now=now)
        done = _("The member is removed.")
        return _do(request, uid, account, RemovalForm(request.POST), remove, done)
    return malformed(request)


def _do(
    request: HolderRequest,
    uid: bytes,
    account: str,
    form: forms.Form,
    do: Callable[..., object],
    done: Promise,
) -> HttpResponse:
    if status := carry_out(request, form, do):
        return _page(request, uid, account, refused=form, status=status)
    messages.success(request, str(done))
    if isinstance(form, RemovalForm):
        return redirect("organisation", uid)
    return redirect("member", uid, account)


def _page(
    request: HolderRequest,
    uid: bytes,
    account: str,
    *,
    refused: forms.Form | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    place, member = member_seen(viewer=request.holder, uid=uid, account=account)
    context = {
        "place": place,
        "member": member,
        "tokens": tokens_of(holder=member.holder),
        "refused": refused,
        "role_form": RoleForm(initial={"role": member.role}),
        "needs_two": policy().second_person,
    }
    return render(request, "tokens/member.html", context, status=status)
