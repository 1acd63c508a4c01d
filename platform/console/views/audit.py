"""The record of decisions."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.security import HolderRequest
from audit.selectors import audit_rows
from common.paging import part_of
from console.forms import AuditFilter
from console.security import operators_only


@require_safe
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """List audit rows, newest first, narrowed by what the address says."""
    form = AuditFilter(request.GET)
    part = part_of(audit_rows(**form.values()), request)
    return render(request, "console/audit.html", {"form": form, "part": part})
