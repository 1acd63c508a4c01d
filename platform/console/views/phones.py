"""Everybody's phones: found by number, stopped, let go on, ended; and the list of chips."""

from functools import partial
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from accounts.carrying_out import carry_out
from accounts.security import HolderRequest
from audit.selectors import recent_rows
from binding import selectors, services
from binding.errors import ChipListInvalidError
from binding.words import standing
from common.errors import DomainError
from common.numbers import normalise
from common.pages import malformed
from common.paging import part_of
from console.forms import ChipsForm, NumberForm, PhoneFilter
from console.security import operators_only
from console.selectors import ROWS
from console.views.acting import acted, page


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def listed(request: HolderRequest) -> HttpResponse:
    """All phones, newest first.  POST finds a number, notes its swap, or takes a list of chips."""
    number_form, chips_form, status = NumberForm(), ChipsForm(), int(HTTPStatus.OK)
    if request.method == "POST":
        action = request.POST.get("action", "")
        if action in ("find", "swap"):
            number_form = NumberForm(request.POST)
            result = _about_number(request, number_form, action)
        elif action == "import":
            chips_form = ChipsForm(request.POST, request.FILES)
            result = _import(request, chips_form)
        else:
            return malformed(request)
        if isinstance(result, HttpResponse):
            return result
        status = result
    form = PhoneFilter(request.GET)
    context = {
        "form": form,
        "number_form": number_form,
        "chips_form": chips_form,
        "chips": selectors.chip_count(),
        "part": part_of(selectors.phones(**form.values()), request),
    }
    return render(request, "console/phones.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def one(request: HolderRequest, uid: bytes) -> HttpResponse:
    """One phone; POST ``action`` stops it, lets it go on, or ends it."""
    binding, refusal = selectors.any_binding(uid), None
    if request.method == "POST":
        act = _ACTIONS.get(request.POST.get("action", ""))
        if act is None:
            return malformed(request)
        do, done = act
        change = partial(do, binding, actor=request.holder.operator_actor, now=timezone.now())
        result = acted(request, change, done)
        if not isinstance(result, DomainError):
            return result
        refusal = result
        binding = selectors.any_binding(uid)
    context = {
        "phone": binding,
        "standing": standing(binding),
        "others": selectors.with_number_of(binding)[:ROWS],
        "rows": recent_rows(actors=[], subjects=[binding.public_id], limit=ROWS),
    }
    return page(request, "console/phone.html", context, refusal)


_ACTIONS: dict[str, tuple[Any, Any]] = {
    "suspend": (services.suspend_by_operator, gettext_lazy("The phone is stopped.")),
    "resume": (services.resume, gettext_lazy("The phone goes on.")),
    "revoke": (services.revoke_by_operator, gettext_lazy("It is ended for good.")),
}


def _about_number(request: HolderRequest, form: NumberForm, action: str) -> HttpResponse | int:
    """Go to the phone of a number, having stopped it where the carrier says that it was swapped.

    The number is posted, since addresses are logged.
    """

    def do(number: str) -> None:
        number = normalise(number)
        if action == "swap":
            actor = request.holder.operator_actor
            services.note_swap(number=number, actor=actor, now=timezone.now())
        found.append(selectors.newest_of_number(number))

    found: list[Any] = []
    if status := carry_out(request, form, do, field="number"):
        return status
    if found[0] is None:
        form.add_error("number", gettext("No phone has, or had, this number."))
        return HTTPStatus.NOT_FOUND
    if action == "swap":
        messages.success(request, gettext("It is noted. A phone with this number is stopped."))
    return redirect("console-phone", found[0].public_id)


def _import(request: HolderRequest, form: ChipsForm) -> HttpResponse | int:
    """Take a list of chips in."""
    counts: list[int] = []

    def do(file: Any) -> None:
        try:
            lines = file.read().decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise ChipListInvalidError("The file is not UTF-8.") from error
        actor = request.holder.operator_actor
        added, _known = services.import_chips(lines=lines, actor=actor, now=timezone.now())
        counts.append(added)

    if status := carry_out(request, form, do, field="file"):
        return status
    said = ngettext("%(count)d chip was added.", "%(count)d chips were added.", counts[0])
    messages.success(request, said % {"count": counts[0]})
    return redirect("console-phones")
