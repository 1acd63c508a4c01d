"""What operators type about rules: one to make, or a case of which they ask what holds."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.packages.selectors import package_by_uid, packages
from billing.packages.selectors_rules import SIGNAL_REASONS, any_terminal, terminal_of_number
from billing.packages.services.rules import Draft
from billing.packages.words import CHANNELS, KINDS, LEVELS, SIGNALS, STRATEGIES
from common.amounts import read_amount
from common.errors import DomainError
from common.numbers import normalise
from common.sentences import sentence
from console.forms import Filter

if TYPE_CHECKING:
    from billing.packages.models import Package, Terminal

_MAX_ITEM = 2**32 - 1
_TERMINAL = r"^[0-9a-f]{16}\Z"
_NOT_AN_ID = _("A terminal's id has sixteen digits, 0 to 9 and a to f.")


def _known_packages() -> list[tuple[str, Any]]:
    known = [(one.public_id, f"{one.title} · {one.public_id}") for one in packages()]
    return [("", pgettext_lazy("application", "Any")), *known]


class Conditions(forms.Form):
    """What a request can be like; each may be left open."""

    use_required_attribute = False

    terminal = forms.RegexField(
        _TERMINAL,
        label=_("Terminal"),
        required=False,
        error_messages={"invalid": _NOT_AN_ID},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Its id, as fraud signals and charges show it."),
    )
    number = forms.CharField(
        label=_("Phone number, with its country"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    package = forms.ChoiceField(label=_("Application"), required=False, choices=_known_packages)
    item = forms.IntegerField(
        label=_("Number of the item"), required=False, min_value=0, max_value=_MAX_ITEM
    )
    amount = forms.CharField(
        label=_("Amount"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def clean_terminal(self) -> "Terminal | None":
        """Return the terminal.

        Raises:
            ValidationError: there is none of this id.
        """
        text = self.cleaned_data["terminal"]
        try:
            return any_terminal(bytes.fromhex(text)) if text else None
        except DomainError as error:
            raise ValidationError(_("No terminal of this id bills.")) from error

    def clean_number(self) -> str:
        """Return the number in E.164.

        Raises:
            ValidationError: it is none.
        """
        text = self.cleaned_data["number"]
        try:
            return normalise(text) if text else ""
        except DomainError as error:
            raise ValidationError(sentence(error.code)) from error

    def clean_package(self) -> "Package | None":
        """Return the application."""
        uid = self.cleaned_data["package"]
        return package_by_uid(bytes.fromhex(uid)) if uid else None

    def clean(self) -> dict[str, Any]:
        """Put minor units of the application's currency in the place of the amount's text."""
        cleaned = self.cleaned_data
        package, text = cleaned.get("package"), cleaned.get("amount", "")
        cleaned["amount"] = None
        if package is None and (text or cleaned.get("item") is not None):
            self.add_error("package", _("Items and amounts are those of an application: name it."))
        elif package is not None and text:
            try:
                cleaned["amount"] = read_amount(text, package.currency)
            except ValidationError as error:
                self.add_error("amount", error)
        return cleaned


class RuleForm(Conditions):
    """A rule to make."""

    says = forms.ChoiceField(
        label=_("What holds"),
        choices=[
            (f"{kind} {value}", format_lazy("{}: {}", KINDS[kind], told))
            for kind, values in (("level", LEVELS), ("strategy", STRATEGIES))
            for value, told in values.items()
        ],
    )
    field_order = ("says",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].label = _("Amount from")

    def draft(self) -> Draft:
        """Return what was typed."""
        typed = self.cleaned_data
        kind, _space, value = typed["says"].partition(" ")
        return Draft(
            kind=kind,
            value=value,
            terminal=typed["terminal"],
            number=typed["number"],
            package=typed["package"],
            item=typed["item"],
            amount_from=typed["amount"],
        )


class CaseForm(Conditions):
    """A request of which somebody asks what would hold for it."""

    channel = forms.ChoiceField(label=_("It comes by"), choices=list(CHANNELS.items()))

    def clean(self) -> dict[str, Any]:
        """Find the terminal of a number; one of the two has to be named."""
        cleaned = super().clean()
        if cleaned.get("number"):
            cleaned["terminal"] = terminal_of_number(cleaned["number"])
            if cleaned["terminal"] is None:
                self.add_error("number", _("No terminal that bills is bound to this number."))
        elif cleaned.get("terminal") is None and "terminal" not in self.errors:
            self.add_error("terminal", _("Name a terminal, or its phone number."))
        return cleaned

    def address(self) -> dict[str, str]:
        """Return what stands in the address of the answer: never the number."""
        return {
            "terminal": self.cleaned_data["terminal"].device.public_id,
            **{name: self.data.get(name, "") for name in ("package", "item", "amount")},
            "channel": self.cleaned_data["channel"],
        }


class SignalFilter(Filter):
    """Fraud signals by what was seen, whose they are, and whether somebody looked at them."""

    reason = forms.ChoiceField(
        label=_("What was seen"),
        required=False,
        choices=[
            ("", pgettext_lazy("signal", "Anything")),
            *((reason, SIGNALS[reason]) for reason in SIGNAL_REASONS),
        ],
    )
    terminal = forms.RegexField(
        _TERMINAL,
        label=_("Terminal"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    fresh = forms.BooleanField(label=_("Only new ones"), required=False)
