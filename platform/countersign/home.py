"""The first page: for whom it does not know, what this is; for a holder, what waits."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.security import HolderRequest, holders_only
from countersign import guide
from countersign.context import counts
from enrolment.selectors import tokens_of
from transactions import selectors_lists as selectors

# So that the first page is one page; the rest is one press away.
NEWEST = 5


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """GET /: the landing page, or the dashboard of whoever is signed in."""
    if request.user.is_authenticated:
        return dashboard(request)
    return render(request, "landing.html", {"demo": guide.is_served()})


@holders_only()
def dashboard(request: HolderRequest) -> HttpResponse:
    """Show what waits for a holder, the newest transactions, and the tokens."""
    holder, now = request.holder, timezone.now()
    newest = selectors.transactions_of(holder=holder)[:NEWEST]
    context = {
        "to_answer": selectors.to_answer(holder=holder, now=now),
        "to_continue": selectors.to_continue(holder=holder, now=now),
        "lines": selectors.summaries(newest, holder=holder, now=now),
        "tokens": tokens_of(holder=holder),
        "demo": guide.is_served(),
    }
    return render(request, "countersign/dashboard.html", context)


@never_cache
@require_safe
def waiting(request: HttpRequest) -> JsonResponse:
    """GET /waiting: the numbers at the navigation of whoever is signed in, as JSON."""
    return JsonResponse(counts(request))
