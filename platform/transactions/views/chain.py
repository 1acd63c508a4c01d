"""The pages of whole transactions: the list, and one chain as a timeline."""

from collections.abc import Callable
from http import HTTPStatus

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest, holders_only, refusals_recorded
from common.errors import DomainError, NotFoundError
from common.pages import malformed
from common.sentences import sentence
from enrolment.history import succession
from enrolment.selectors import token_of
from transactions import selectors, services
from transactions.models import Transaction
from transactions.selectors_lists import summaries, transactions_of

PAGE_LENGTH = 20

_ACTIONS: dict[str, tuple[Callable[..., Transaction], Promise]] = {
    "close": (services.close_transaction, _("This transaction is closed.")),
    "cancel": (services.cancel_transaction, _("This transaction is cancelled.")),
    "dispute": (services.dispute_transaction, _("This transaction is marked as disputed.")),
}


@never_cache
@require_safe
@holders_only()
def transactions(request: HolderRequest) -> HttpResponse:
    """GET /transactions: what the holder is a party of or is invited to, newest first.

    ``?token=SERIAL`` leaves those for which this token was asked, or one whose place it took.
    """
    serial = request.GET.get("token", "")
    token = token_of(holder=request.holder, serial=serial) if serial else None
    found = transactions_of(holder=request.holder, tokens=succession(token) if token else None)
    page = Paginator(found, PAGE_LENGTH).get_page(request.GET.get("page"))
    lines = summaries(page.object_list, holder=request.holder, now=timezone.now())
    return render(
        request, "transactions/transactions.html", {"page": page, "lines": lines, "token": token}
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@holders_only()
def transaction(request: HolderRequest, tx: bytes) -> HttpResponse:
    """GET, POST /transactions/<tx>: the chain as it stands; close, cancel or dispute it."""
    if request.method != "POST":
        return _page(request, tx)
    action = request.POST.get("action", "")
    if action not in _ACTIONS:
        return malformed(request)
    end, done = _ACTIONS[action]
    try:
        with refusals_recorded(request):
            end(holder=request.holder, tx=tx, now=timezone.now())
    except NotFoundError:
        raise
    except DomainError as error:
        return _page(request, tx, note=sentence(error.code), status=error.status)
    messages.success(request, str(done))
    return redirect("transaction", tx=tx)


def _page(
    request: HolderRequest, tx: bytes, *, note: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    chain = selectors.visible_transaction(holder=request.holder, tx=tx)
    standing = selectors.standing_of(transaction=chain, holder=request.holder, now=timezone.now())
    context = {"standing": standing, "note": note}
    return render(request, "transactions/transaction.html", context, status=status)
