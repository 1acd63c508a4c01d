"""Applications that bill: all of them, and one with its builds."""

from functools import partial

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.security import HolderRequest
from audit.selectors import recent_rows
from billing.packages import selectors
from billing.packages.services.building import revoke_build
from common.errors import DomainError
from common.pages import malformed
from common.paging import part_of
from console.security import operators_only
from console.selectors import ROWS
from console.views.acting import acted, page

_MAX_DIGITS = 5


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List all applications, newest first."""
    return render(
        request, "console/packages.html", {"part": part_of(selectors.packages(), request)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, uid: bytes) -> HttpResponse:
    """Show an application with its builds; POST ``revoke`` with the number of one revokes it."""
    package, refusal = selectors.package_by_uid(uid), None
    if request.method == "POST":
        number = request.POST.get("revoke", "")
        if not (number.isascii() and number.isdecimal() and len(number) <= _MAX_DIGITS):
            return malformed(request)
        build = selectors.build_of(package, int(number))
        revoke = partial(revoke_build, build=build, operator=request.holder, now=timezone.now())
        result = acted(request, revoke, _("Revoked: it bills no more."))
        if not isinstance(result, DomainError):
            return result
        refusal = result
    part = part_of(selectors.builds_of(package), request)
    context = {
        "package": package,
        "part": part,
        "first_key": bytes(package.first_key).hex(),
        "third_key": bytes(package.third_key).hex(),
        "rows": recent_rows(
            actors=[], subjects=[package.public_id, *map(str, part.rows)], limit=ROWS
        ),
    }
    return page(request, "console/package.html", context, refusal)
