"""The living page of all components."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.security import HolderRequest
from console.samples import samples
from console.security import operators_only


@require_safe
@operators_only
def styleguide(request: HolderRequest) -> HttpResponse:
    """Show every token of the design, every icon and every component in all its tones."""
    return render(request, "console/styleguide.html", samples())
