"""Forms of the account's page."""

from django import forms
from django.utils.translation import gettext_lazy as _


class HolderForm(forms.Form):
    """What others read beside the account number."""

    name = forms.CharField(
        label=_("Your name"),
        required=False,
        max_length=40,
        help_text=_("Everyone who takes part in a transaction with you sees it, for ever."),
    )


class ApiKeyForm(forms.Form):
    """A key for a program."""

    # Told apart from the holder's name, which stands on the same page.
    prefix = "key"

    name = forms.CharField(
        label=_("What is it for?"), max_length=40, help_text=_("Such as “Till in the shop”.")
    )
