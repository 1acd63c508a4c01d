"""The operators' webhooks, which are told of everybody's events."""

from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import webhook_pages
from accounts.security import HolderRequest
from console.security import operators_only


# A new secret stands on these pages for a while: no cache keeps them.
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List the endpoints; POST adds one."""
    return webhook_pages.listed(request, None, "console-webhook")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, endpoint: int) -> HttpResponse:
    """Show an endpoint; POST ``action`` does something with it."""
    return webhook_pages.one(request, None, endpoint, "console-webhooks")
