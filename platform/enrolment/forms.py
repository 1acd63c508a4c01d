"""Forms of the pages of tokens."""

from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from common.forms import Tiles
from enrolment.suites import DEFAULT_SUITE, OFFERED
from protocol.enrolment import COMPARE_DIGITS

# Of a kind: what it is for, and its suite.  Put together for each reader, in the own language.
_explained = lazy(format_html, SafeString)


class NameForm(forms.Form):
    """What a holder calls a token."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=40,
        help_text=_("To tell it from your other tokens, such as “Phone”."),
    )


class NewTokenForm(NameForm):
    """A token to enrol."""

    suite = forms.ChoiceField(
        label=_("What kind of token is it?"),
        choices=[(suite, words[0]) for suite, words in OFFERED.items()],
        initial=DEFAULT_SUITE,
        widget=Tiles(
            explained={
                suite: _explained("{}<br><code>{}</code>", words[1], suite)
                for suite, words in OFFERED.items()
            },
            are_rows=True,
        ),
    )


class DigitsForm(forms.Form):
    """The eight digits that a token shows once it has met its server.

    Args:
        is_compared: They were typed before, so the form has no field.
    """

    digits = forms.CharField(
        label=_("The eight digits on your token"),
        widget=forms.TextInput(
            attrs={"class": "digits-in", "inputmode": "numeric", "autocomplete": "off"}
        ),
    )

    def __init__(self, *args: Any, is_compared: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_compared:
            del self.fields["digits"]

    def clean_digits(self) -> str:
        """Return the digits without the spaces that make them easy to read.

        Raises:
            ValidationError: they are not eight; the server is not asked, so no try is used up.
        """
        digits = "".join(self.cleaned_data["digits"].split())
        if len(digits) != COMPARE_DIGITS or not (digits.isascii() and digits.isdigit()):
            raise forms.ValidationError(_("Type exactly eight digits. No try was used up."))
        return digits
