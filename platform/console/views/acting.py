"""What the pages have in common on which an operator does something."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.security import HolderRequest, refusals_recorded
from common.errors import DomainError
from enrolment.services.approvals import Order, act

WAITS = _("A second operator was asked. Nothing has changed yet.")


def acted(
    request: HolderRequest, do: Callable[[], object], done: Promise
) -> HttpResponse | DomainError:
    """Do what was asked, and go back to the page; or return why it was refused.

    Args:
        request: A POST to the page that the form stands on.
        do: Calls the service.
        done: What to say afterwards.
    """
    return _tried(request, lambda: (do(), done)[1])


def ordered(request: HolderRequest, order: Order, done: Promise) -> HttpResponse | DomainError:
    """Do as :func:`acted` what may need a second operator, and say so when it does."""
    return agreed(
        request, lambda: act(order=order, operator=request.holder, now=timezone.now()), done
    )


def agreed(
    request: HolderRequest, do: Callable[[], object], done: Promise
) -> HttpResponse | DomainError:
    """Do as :func:`ordered` what has a service of its own, which returns what waits."""
    return _tried(request, lambda: done if do() is None else WAITS)


def page(
    request: HolderRequest, template: str, context: dict[str, Any], refusal: DomainError | None
) -> HttpResponse:
    """Draw a page, with what was refused before anything else."""
    status = HTTPStatus.OK if refusal is None else refusal.status
    return render(request, template, {**context, "refusal": refusal}, status=status)


def _tried(request: HolderRequest, do: Callable[[], Promise]) -> HttpResponse | DomainError:
    try:
        with refusals_recorded(request):
            said = do()
    except DomainError as error:
        return error
    messages.success(request, str(said))
    return redirect(request.path)
