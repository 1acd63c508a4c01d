"""Do what a form asks for, in the name of the holder who sent it."""

from collections.abc import Callable
from http import HTTPStatus

from django.forms import Form

from accounts.security import HolderRequest, refusals_recorded
from common.errors import DomainError, NotFoundError
from common.forms import add_refusal


def carry_out(
    request: HolderRequest, form: Form, do: Callable[..., object], *, field: str | None = None
) -> int:
    """Do what a form asks for, where it is filled in rightly.

    Args:
        request: By whom.
        form: As it was sent.
        do: Takes what was typed, by the names of the fields.
        field: Where a refusal is said that names no field; ``None`` says it above the form.

    Returns:
        0 when it is done; otherwise the status of the page that says on the form what is wrong.

    Raises:
        NotFoundError: what it is about is not there, or not the holder's to see.
    """
    if not form.is_valid():
        return HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        with refusals_recorded(request):
            do(**form.cleaned_data)
    except NotFoundError:
        raise
    except DomainError as error:
        return add_refusal(form, error, field=field)
    return 0
