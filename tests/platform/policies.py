"""Policies for the tests of what they forbid."""

from typing import Any

from enrolment.models import Policy
from enrolment.selectors import forget_policy


def set_policy(**fields: Any) -> Policy:
    """Have the platform go by these fields from now on, without asking any rule."""
    row, _ = Policy.objects.update_or_create(pk=1, defaults=fields)
    forget_policy()
    return row
