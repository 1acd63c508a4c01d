"""What two operators have to agree to."""

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.security import HolderRequest
from common.errors import DomainError
from common.paging import part_of
from console.forms import Decision
from console.ordered import told
from console.security import operators_only
from console.views.acting import acted, page
from enrolment.selectors import approvals, waiting_approvals
from enrolment.services.approvals import approve, refuse, withdraw

_DECIDE = {
    "approve": (approve, _("Approved. Below it says what became of it.")),
    "refuse": (refuse, _("Refused. Nothing was changed.")),
    "withdraw": (withdraw, _("Taken back. Nothing was changed.")),
}


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """Show what waits, and what was decided; POST ``decision`` on the approval ``number``."""
    refusal = None
    if request.method == "POST":
        form = Decision(request.POST)
        if not form.is_valid():
            raise BadRequest
        decide, done = _DECIDE[form.cleaned_data["decision"]]
        result = acted(
            request,
            lambda: decide(
                number=form.cleaned_data["number"], operator=request.holder, now=timezone.now()
            ),
            done,
        )
        if not isinstance(result, DomainError):
            return result
        refusal = result
    part = part_of(approvals().exclude(state="waiting"), request)
    context = {
        "waiting": [told(approval) for approval in waiting_approvals()],
        "decided": [told(approval) for approval in part.rows],
        "part": part,
    }
    return page(request, "console/approvals.html", context, refusal)
