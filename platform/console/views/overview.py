"""The overview, and the one box that finds everything."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.security import HolderRequest
from console import selectors
from console.forms import Search
from console.search import hits
from console.security import operators_only


@require_safe
@operators_only
def overview(request: HolderRequest) -> HttpResponse:
    """Show how things stand; with ``?q=``, what was looked for, or straight the only one found."""
    form = Search(request.GET)
    text = form.values()["q"]
    if text:
        found = hits(text)
        if len(found) == 1:
            return redirect(found[0].url)
        return render(request, "console/found.html", {"form": form, "hits": found})
    shown = selectors.overview(now=timezone.now())
    return render(request, "console/overview.html", {"form": form, "overview": shown})
