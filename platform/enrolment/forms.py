"""Forms of the pages of tokens."""

from typing import Any

from django import forms
from django.utils.functional import Promise, lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from common.forms import Tiles
from enrolment.selectors import policy, suites_to_choose
from enrolment.suites import OFFERED
from protocol.enrolment import COMPARE_DIGITS

MAX_SERIAL = 40
# In place of a suite: the token has one already, and lies in a host's stock.
STOCK = "stock"
_STOCK = (
    _("Token with a serial on its back"),
    _("You were given it by your organisation. You type its serial, then it answers once."),
)
# Of a kind: what it is for, and its suite.  Put together for each reader, in the own language.
_explained = lazy(format_html, SafeString)
_EXPLAINED = {
    suite: _explained("{}<br><code>{}</code>", words[1], suite) for suite, words in OFFERED.items()
}


class NameForm(forms.Form):
    """What a holder calls a token."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=40,
        help_text=_("To tell it from your other tokens, such as “Phone”."),
    )


class KindField(forms.ChoiceField):
    """What kind of token it is, of those that the policy allows.

    Args:
        with_stock: Whether a token from stock is among them, as the kind ``STOCK``.
    """

    def __init__(self, *, with_stock: bool = False, **options: Any) -> None:
        super().__init__(
            label=_("What kind of token is it?"),
            choices=self._offered,
            # The usual one first.
            initial=lambda: next(iter(suites_to_choose()), ""),
            widget=Tiles(explained={**_EXPLAINED, STOCK: _STOCK[1]}, are_rows=True),
            **options,
        )
        self._with_stock = with_stock

    def _offered(self) -> list[tuple[str, Promise]]:
        suites = [(suite, OFFERED[suite][0]) for suite in suites_to_choose()]
        stock = [(STOCK, _STOCK[0])] if self._with_stock and policy().self_assignment else []
        return suites + stock


class NewTokenForm(NameForm):
    """A token to enrol."""

    suite = KindField()


class SerialForm(NameForm):
    """A token from stock."""

    serial = forms.CharField(
        label=_("Serial"),
        max_length=MAX_SERIAL,
        help_text=_("It stands on the back of the token."),
        widget=forms.TextInput(
            attrs={"autocapitalize": "characters", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    field_order = ("serial", "name")

    def clean_serial(self) -> str:
        """Return the serial without the spaces that make it easy to read."""
        return "".join(self.cleaned_data["serial"].split())


class ReplaceForm(forms.Form):
    """What takes the place of a token."""

    suite = KindField(with_stock=True)
    suspend = forms.BooleanField(
        label=_("Suspend the old one now: nobody can sign with it meanwhile"),
        required=False,
        initial=True,
    )


class ActionForm(forms.Form):
    """What to do with a token; it has no field, and says why something was refused."""


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
