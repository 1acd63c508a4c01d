"""The download page: which applications there are, what they sell, and how to run them."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.ledger.providers import provider
from billing.packages import selectors

PAGE_LENGTH = 24


@never_cache
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """GET /apps: what can be downloaded, for everybody."""
    page = Paginator(selectors.packages_for_sale(), PAGE_LENGTH).get_page(request.GET.get("page"))
    return render(request, "apps/apps.html", {"page": page})


@never_cache
@require_safe
def one(request: HttpRequest, uid: bytes) -> HttpResponse:
    """GET /apps/<uid>: an application, its prices, and how it is put on a terminal."""
    package = selectors.package_for_sale(uid)
    build = selectors.newest_build(package)
    context = {
        "package": package,
        "build": build,
        "items": list(selectors.items_of(build)),
        "first_key": bytes(package.first_key).hex(),
        "root": bytes(build.root).hex(),
        "is_play_money": provider().is_play_money,
    }
    return render(request, "apps/app.html", context)
