"""What forms share: a refusal stands beside the field it is about."""

from django.forms import Form

from common.errors import DomainError
from common.sentences import sentence


def add_refusal(form: Form, error: DomainError, *, field: str | None = None) -> int:
    """Say on a form why a service refused what was typed; return the status of the answer.

    Args:
        form: As it was filled in.
        error: Its own ``field`` is where the sentence goes, when the form has such a field.
        field: Otherwise it goes there; ``None`` puts it above the form.
    """
    named = error.extra.get("field")
    told = sentence(error.code, error.extra.get("excess", 0))
    form.add_error(named if named in form.fields else field, told)
    return error.status
