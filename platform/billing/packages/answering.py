"""The forms on which developers and operators answer disputes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils import timezone

from accounts.carrying_out import carry_out
from billing.packages.charges_forms import AnswerForm
from billing.packages.selectors_charges import answerable_charge
from billing.packages.services.disputes import answer_dispute

if TYPE_CHECKING:
    from accounts.security import HolderRequest
    from billing.packages.models import BillingRequest

_IS_REFUND = {"refund": True, "reject": False}


def is_answer(request: "HolderRequest") -> bool:
    """Tell whether a POST is an answer at all."""
    return request.POST.get("action") in _IS_REFUND and AnswerForm(request.POST).is_valid()


def answer(request: "HolderRequest", *, is_operator: bool) -> tuple[AnswerForm, int]:
    """Answer the dispute that a form is about.

    Args:
        request: For which :func:`is_answer` holds.
        is_operator: Whether the answer is an operator's, to whomever the application belongs.

    Returns:
        The form, with what was refused, and as :func:`carry_out` 0 when it is done, else the
        status of the page.

    Raises:
        NotFoundError: there is no such charge that the holder may judge.
    """
    form = AnswerForm(request.POST)

    def do(*, which: str, words: str) -> None:
        charge = answerable_charge(
            holder=request.holder, uid=bytes.fromhex(which), is_operator=is_operator
        )
        answer_dispute(
            charge,
            by=request.holder,
            is_refund=_IS_REFUND[request.POST["action"]],
            words=words,
            now=timezone.now(),
        )

    return form, carry_out(request, form, do, field="words")


def with_forms(
    disputed: Iterable["BillingRequest"], refused: AnswerForm | None
) -> list[tuple["BillingRequest", AnswerForm]]:
    """Return each disputed charge with its form; one that was refused stands in its own place."""
    which = refused.data.get("which") if refused else None
    return [
        (charge, refused if refused and charge.public_id == which else _empty(charge))
        for charge in disputed
    ]


def _empty(charge: "BillingRequest") -> AnswerForm:
    which = charge.public_id
    return AnswerForm(initial={"which": which}, auto_id=f"id_{which}_%s")
