"""Forget what of tokens tells who had them."""

from typing import TYPE_CHECKING

from enrolment.models import Token

if TYPE_CHECKING:
    from accounts.models import Holder


def forget_names(*, holder: "Holder") -> None:
    """Forget by what names a holder knew the own tokens; in the caller's transaction."""
    Token.objects.filter(holder=holder).update(name="")
