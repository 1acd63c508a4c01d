"""What the pages have in common on which an operator does something."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise

from accounts.security import HolderRequest, refusals_recorded
from common.errors import DomainError


def acted(
    request: HolderRequest, do: Callable[[], object], done: Promise
) -> HttpResponse | DomainError:
    """Do what was asked, and go back to the page; or return why it was refused.

    Args:
        request: A POST to the page that the form stands on.
        do: Calls the service.
        done: What to say afterwards.
    """
    try:
        with refusals_recorded(request):
            do()
    except DomainError as error:
        return error
    messages.success(request, str(done))
    return redirect(request.path)


def page(
    request: HolderRequest, template: str, context: dict[str, Any], refusal: DomainError | None
) -> HttpResponse:
    """Draw a page, with what was refused before anything else."""
    status = HTTPStatus.OK if refusal is None else refusal.status
    return render(request, template, {**context, "refusal": refusal}, status=status)
