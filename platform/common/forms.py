"""What forms share: few choices are tiles, and a refusal stands beside the field it is about."""

import secrets
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from common.amounts import read_amount
from common.errors import DomainError
from common.sentences import sentence
from protocol.currency import EXPONENTS

_OFTEN = ("EUR", "USD", "GBP", "CHF", "CNY", "HKD", "JPY", "SGD")
# Of a field in which one is chosen.
CURRENCIES = [
    (_("Often used"), [(code, code) for code in _OFTEN]),
    (_("All"), [(code, code) for code in sorted(set(EXPONENTS) - set(_OFTEN))]),
]


class Tiles(forms.RadioSelect):
    """Radio buttons as tiles.

    Args:
        marks: Attributes of the buttons, by value.
        explained: What stands below the words of a button, by value.
        are_rows: Whether each has a line of its own.
    """

    template_name = "components/choices.html"

    def __init__(
        self,
        *,
        marks: Mapping[str, Mapping[str, str]] | None = None,
        explained: Mapping[str, str | Promise] | None = None,
        are_rows: bool = False,
    ) -> None:
        super().__init__()
        self.marks = marks or {}
        self.explained = explained or {}
        self.are_rows = are_rows

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Say how they are laid out."""
        context = super().get_context(name, value, attrs)
        context["widget"]["is_explained"] = self.are_rows
        return context

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Add its marks and its explanation to a button."""
        option = super().create_option(name, value, *args, **kwargs)
        option["attrs"].update(self.marks.get(str(value), {}))
        option["help"] = self.explained.get(str(value), "")
        return option


class Boxes(Tiles, forms.CheckboxSelectMultiple):
    """Boxes to tick, as tiles; options as for :class:`Tiles`."""

    template_name = Tiles.template_name


def new_drawing() -> str:
    """Return what tells one drawing of a page from another: what is sent twice counts once."""
    return secrets.token_hex(16)


def usual_currency() -> str:
    """Return the currency that whoever reads this language means as a rule."""
    return "CNY" if (get_language() or "").startswith("zh") else "EUR"


class DrawnForm(forms.Form):
    """A form that is carried out once, however often one drawing of it is sent."""

    use_required_attribute = False

    drawing = forms.RegexField(r"^[0-9a-f]{32}\Z", widget=forms.HiddenInput, initial=new_drawing)


class AmountForm(forms.Form):
    """An amount as people write it; minor units when it is clean."""

    use_required_attribute = False

    amount = forms.CharField(
        label=_("Amount"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    currency = forms.ChoiceField(label=_("Currency"), choices=CURRENCIES, initial=usual_currency)

    def clean(self) -> dict[str, Any]:
        """Put minor units in the place of the text."""
        cleaned = self.cleaned_data
        if "amount" in cleaned and "currency" in cleaned:
            try:
                cleaned["amount"] = read_amount(cleaned["amount"], cleaned["currency"])
            except ValidationError as error:
                self.add_error("amount", error)
        return cleaned


def add_refusal(form: forms.Form, error: DomainError, *, field: str | None = None) -> int:
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
