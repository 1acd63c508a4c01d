"""What holders type on the pages of their wallet."""

from django import forms
from django.utils.translation import gettext_lazy as _

from common.forms import AmountForm, DrawnForm


def _password(label: object, autocomplete: str) -> forms.CharField:
    return forms.CharField(
        label=label,  # type: ignore[arg-type]  # a lazy string is one, too
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
    )


class TopUpForm(DrawnForm, AmountForm):
    """How much is to come in."""


class PayOutForm(DrawnForm, AmountForm):
    """How much is to go out, and who says so."""

    payment_password = _password(_("Payment password"), "off")


class PasswordForm(forms.Form):
    """A new payment password."""

    use_required_attribute = False

    password = _password(_("New payment password"), "new-password")
