"""Pages of the person who is signed in: the account and the inbox."""

from functools import partial
from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import selectors, services
from accounts.carrying_out import carry_out
from accounts.disclosure import disclose, disclosed
from accounts.forms import ApiKeyForm, HolderForm
from accounts.security import HolderRequest, holders_only, kept_form
from common.errors import NotFoundError
from common.idempotency import once
from common.pages import malformed
from notices.selectors import inbox as notices_of
from notices.services import mark_read

_NOTICES_PER_PAGE = 20
_NEW_KEY = "api-key"


@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def inbox(request: HolderRequest) -> HttpResponse:
    """GET /inbox: what happened, newest first.  POST marks all of it as read."""
    if request.method == "POST":
        mark_read(holder_id=request.holder.pk, now=timezone.now())
        return redirect("inbox")
    pages = Paginator(notices_of(holder_id=request.holder.pk), _NOTICES_PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    return render(request, "accounts/inbox.html", {"page": page})


# A new key stands on this page for a while: no cache keeps it.
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only(keeps_form=True)
def account(request: HolderRequest) -> HttpResponse:
    """GET /account: who you are here.  POST renames you, makes a key or revokes one."""
    if request.method != "POST":
        kept = kept_form(request) or {}
        holder_form = HolderForm(initial={"name": request.holder.name, **kept})
        return _page(request, holder_form, ApiKeyForm(initial={"name": kept.get("key-name", "")}))
    act = _ACTIONS.get(request.POST.get("action", ""))
    return act(request) if act else malformed(request)


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """POST /i18n/setlang/: choose the language of the pages, and of the e-mails."""
    language = request.POST.get("language", "")
    if request.user.is_authenticated and language in dict(settings.LANGUAGES):
        services.choose_language(user=request.user, language=language)
    return i18n.set_language(request)


def _rename(request: HolderRequest) -> HttpResponse:
    form = HolderForm(request.POST)
    rename = partial(services.rename_holder, holder=request.holder)
    if status := carry_out(request, form, rename):
        return _page(request, form, ApiKeyForm(), status=status)
    messages.success(request, _("Your name is saved."))
    return redirect("account")


def _create_key(request: HolderRequest) -> HttpResponse:
    return once(request, lambda: _make_key(request))


def _make_key(request: HolderRequest) -> HttpResponse:
    form = ApiKeyForm(request.POST)

    def make(name: str) -> None:
        now = timezone.now()
        _row, key = services.create_api_key(holder=request.holder, name=name, now=now)
        disclose(request, _NEW_KEY, key, now=now)

    if status := carry_out(request, form, make):
        holder_form = HolderForm(initial={"name": request.holder.name})
        return _page(request, holder_form, form, status=status)
    return redirect("account")


def _revoke_key(request: HolderRequest) -> HttpResponse:
    number = request.POST.get("key", "")
    # Longer ones are no numbers of rows, and the database would refuse them.
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise NotFoundError
    services.revoke_api_key(holder=request.holder, key_id=int(number), now=timezone.now())
    messages.success(request, _("The key is revoked: it opens nothing any more."))
    return redirect("account")


_ACTIONS = {"rename": _rename, "create-key": _create_key, "revoke-key": _revoke_key}


def _page(
    request: HolderRequest,
    holder_form: HolderForm,
    key_form: ApiKeyForm,
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "holder": request.holder,
        "holder_form": holder_form,
        "key_form": key_form,
        "keys": selectors.api_keys_in_use(holder=request.holder),
        "new_key": disclosed(request, _NEW_KEY, now=timezone.now()),
    }
    return render(request, "accounts/account.html", context, status=status)
