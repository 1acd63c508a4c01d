"""The pages of organisations: those one belongs to, and who belongs to one."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import selectors, services
from accounts.carrying_out import carry_out
from accounts.disclosure import disclose, disclosed
from accounts.errors import LastOwnerError
from accounts.forms import ApiKeyForm
from accounts.models import Role
from accounts.security import HolderRequest, holders_only, kept_form, refusals_recorded
from common.errors import DomainError, NotFoundError
from common.forms import Tiles
from common.idempotency import once
from common.pages import malformed
from common.sentences import sentence
from common.words import ROLES

_MEMBERS_PER_PAGE = 50
_EXPLAINED: dict[str, str | Promise] = {
    Role.OWNER: _("Says who belongs to it, and does what an operator does."),
    Role.OPERATOR: _("Sees the tokens of all members; suspends, unlocks and revokes them."),
    Role.AUDITOR: _("Sees the tokens of all members, and changes nothing."),
    Role.MEMBER: _("Belongs to it, and sees who else does."),
}


class OrganisationForm(forms.Form):
    """What an organisation is called."""

    name = forms.CharField(label=_("Name of the organisation"), max_length=40)


class InvitationForm(forms.Form):
    """Who is to join, and as what."""

    # Told apart from the other form on its page.
    prefix = "invite"

    email = forms.EmailField(label=_("E-mail address"))
    role = forms.ChoiceField(
        label=_("As what?"),
        choices=list(ROLES.items()),
        initial=Role.MEMBER,
        widget=Tiles(explained=_EXPLAINED, are_rows=True),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def organisations(request: HolderRequest) -> HttpResponse:
    """GET, POST /organisations: those the holder belongs to or is invited to; and a new one."""
    if request.method != "POST":
        return _list(request, OrganisationForm(initial=kept_form(request) or {}))
    if request.POST.get("action") in _ANSWERS:
        return _answer(request)
    form = OrganisationForm(request.POST)
    create = partial(services.create_organisation, holder=request.holder, now=timezone.now())
    if status := carry_out(request, form, create):
        return _list(request, form, status=status)
    messages.success(request, str(_("The organisation is made. Invite its people.")))
    return redirect("organisations")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def organisation(request: HolderRequest, uid: bytes) -> HttpResponse:
    """GET, POST /organisations/<uid>: who belongs to it; for its owners, who is to."""
    if request.method != "POST":
        return _one(request, uid)
    act = _ACTIONS.get(request.POST.get("action", ""))
    return act(request, uid) if act else malformed(request)


_ANSWERS: dict[str, tuple[Callable[..., object], Promise]] = {
    "accept": (services.accept_invitation, _("You belong to the organisation now.")),
    "decline": (services.decline_invitation, _("The invitation is declined.")),
}


def _answer(request: HolderRequest) -> HttpResponse:
    answer, done = _ANSWERS[request.POST["action"]]
    try:
        uid = bytes.fromhex(request.POST.get("organisation", ""))
        with refusals_recorded(request):
            answer(holder=request.holder, uid=uid, now=timezone.now())
    except ValueError as error:
        raise NotFoundError from error
    except NotFoundError:
        raise
    except DomainError as error:
        form = OrganisationForm()
        return _list(request, form, problem=sentence(error.code), status=error.status)
    messages.success(request, str(done))
    return redirect("organisations")


def _invite(request: HolderRequest, uid: bytes) -> HttpResponse:
    form, now = InvitationForm(request.POST), timezone.now()
    invite = partial(services.invite_member, owner=request.holder, uid=uid, now=now)
    if status := carry_out(request, form, invite, field="email"):
        return _one(request, uid, form=form, status=status)
    messages.success(request, str(_("The invitation is on its way.")))
    return redirect("organisation", uid)


def _withdraw(request: HolderRequest, uid: bytes) -> HttpResponse:
    done, pk = _("The invitation is withdrawn."), _number(request.POST.get("invitation", ""))
    return _act(request, uid, services.withdraw_invitation, done, pk=pk)


def _number(text: str) -> int:
    """Read the number of a row; longer ones are none, and the database would refuse them."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFoundError
    return int(text)


def _key_name(uid: bytes) -> str:
    return f"client-key-{uid.hex()}"


def _rename(request: HolderRequest, uid: bytes) -> HttpResponse:
    name = request.POST.get("name", "")
    return _act(request, uid, services.rename_organisation, _("The name is saved."), name=name)


def _act(
    request: HolderRequest,
    uid: bytes,
    do: Callable[..., object],
    done: Promise,
    **named: object,
) -> HttpResponse:
    """Do what an owner asked for, and go back to the page; or say on it why it was refused."""
    try:
        with refusals_recorded(request):
            do(owner=request.holder, uid=uid, now=timezone.now(), **named)
    except NotFoundError:
        raise
    except DomainError as error:
        return _one(request, uid, problem=sentence(error.code), status=error.status)
    messages.success(request, str(done))
    return redirect("organisation", uid)


def _make_key(request: HolderRequest, uid: bytes) -> HttpResponse:
    return once(request, lambda: _make_key_once(request, uid))


def _make_key_once(request: HolderRequest, uid: bytes) -> HttpResponse:
    form = ApiKeyForm(request.POST)

    def make(name: str) -> None:
        now = timezone.now()
        _row, key = services.create_client_key(owner=request.holder, uid=uid, name=name, now=now)
        disclose(request, _key_name(uid), key, now=now)

    if status := carry_out(request, form, make):
        return _one(request, uid, key_form=form, status=status)
    return redirect("organisation", uid)


def _revoke_key(request: HolderRequest, uid: bytes) -> HttpResponse:
    done = _("The key is revoked: it opens nothing any more.")
    pk = _number(request.POST.get("key", ""))
    return _act(request, uid, services.revoke_client_key, done, pk=pk)


def _let_programs(request: HolderRequest, uid: bytes) -> HttpResponse:
    is_allowed = request.POST.get("programs") == "on"
    services.let_programs(
        holder=request.holder, uid=uid, is_allowed=is_allowed, now=timezone.now()
    )
    return redirect("organisation", uid)


def _leave(request: HolderRequest, uid: bytes) -> HttpResponse:
    try:
        with refusals_recorded(request):
            services.leave_organisation(holder=request.holder, uid=uid, now=timezone.now())
    except LastOwnerError as error:
        return _one(request, uid, problem=sentence(error.code), status=error.status)
    messages.success(request, str(_("You do not belong to the organisation any more.")))
    return redirect("organisations")


_ACTIONS: dict[str, Callable[[HolderRequest, bytes], HttpResponse]] = {
    "invite": _invite,
    "withdraw": _withdraw,
    "rename": _rename,
    "create-key": _make_key,
    "revoke-key": _revoke_key,
    "let-programs": _let_programs,
    "leave": _leave,
}


def _list(
    request: HolderRequest,
    form: OrganisationForm,
    *,
    problem: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "form": form,
        "problem": problem,
        "places": selectors.memberships_of(holder=request.holder),
        "invitations": selectors.invitations_to(holder=request.holder),
    }
    return render(request, "accounts/organisations.html", context, status=status)


def _one(
    request: HolderRequest,
    uid: bytes,
    *,
    form: InvitationForm | None = None,
    key_form: ApiKeyForm | None = None,
    problem: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    place = selectors.membership(holder=request.holder, uid=uid)
    pages = Paginator(selectors.members(place), _MEMBERS_PER_PAGE)
    context = {
        "place": place,
        "page": pages.get_page(request.GET.get("page")),
        "form": form or InvitationForm(),
        "invitations": selectors.invitations_of(place) if place.is_owner else [],
        "key_form": key_form or ApiKeyForm(),
        "keys": selectors.client_keys_of(place) if place.is_owner else [],
        "new_key": disclosed(request, _key_name(uid), now=timezone.now()),
        "problem": problem,
    }
    return render(request, "accounts/organisation.html", context, status=status)
