"""The policy: what it says, who changed it, and which host knows of it."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.security import HolderRequest, can_act
from audit.selectors import audit_rows
from common.errors import DomainError
from common.forms import add_refusal
from console.policy_form import PolicyForm, as_shown
from console.security import operators_only
from console.selectors import ROWS
from console.views.acting import acted, ordered
from enrolment.selectors import current_policy, hosts, waiting_for
from enrolment.services.approvals import Order
from enrolment.services.policies import tell_hosts_again

_UNPROCESSABLE = 422


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def policy(request: HolderRequest) -> HttpResponse:
    """Show the policy; POST changes it, or with ``tell`` tells every host its part anew."""
    if request.method != "POST":
        return _page(request)
    if "tell" in request.POST:
        answer = acted(request, tell_hosts_again, _("Every host that answers knows it now."))
        # Whatever a host says, it only stays untold: nothing of this is refused.
        return answer if isinstance(answer, HttpResponse) else redirect(request.path)
    form = PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, _UNPROCESSABLE)
    result = ordered(request, Order("policy.change", "policy", form.wanted()), _("Saved."))
    if not isinstance(result, DomainError):
        return result
    return _page(request, form, add_refusal(form, result))


def _page(
    request: HolderRequest, form: PolicyForm | None = None, status: int = 200
) -> HttpResponse:
    stands = current_policy()
    form = form or PolicyForm(initial=as_shown(stands))
    for field in form.fields.values():
        # An auditor reads it.
        field.disabled = not can_act(request.holder)
    context = {
        "form": form,
        "policy": stands,
        "hosts": hosts(),
        "rows": audit_rows(action="policy.changed")[:ROWS],
        "waiting": waiting_for("policy"),
    }
    return render(request, "console/policy.html", context, status=status)
