"""What payers and developers type about charges."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.packages.services.disputes import MAX_CHARACTERS
from common.amounts import read_amount
from common.forms import CURRENCIES


class CapsForm(forms.Form):
    """What applications may charge in a day and in a month; minor units when it is clean."""

    use_required_attribute = False

    day = forms.CharField(label=_("A day"), max_length=40)
    month = forms.CharField(label=_("A month"), max_length=40)
    currency = forms.ChoiceField(choices=CURRENCIES, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("day", "month"):
            self.fields[name].widget.attrs.update(inputmode="decimal", autocomplete="off")

    def clean(self) -> dict[str, Any]:
        """Put minor units in the place of the texts."""
        cleaned = self.cleaned_data
        for name in {"day", "month"} & cleaned.keys():
            try:
                cleaned[name] = read_amount(cleaned[name], cleaned.get("currency", "EUR"))
            except ValidationError as error:
                self.add_error(name, error)
        return cleaned


class DisputeForm(forms.Form):
    """What is wrong with a charge."""

    use_required_attribute = False

    words = forms.CharField(
        label=_("What is wrong with it?"),
        max_length=MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The developer reads this. You can say it once."),
    )


class AnswerForm(forms.Form):
    """The answer to a dispute: the money, or why not."""

    use_required_attribute = False

    which = forms.RegexField(r"^[0-9a-f]{16}\Z", widget=forms.HiddenInput)
    words = forms.CharField(
        label=_("Your answer"),
        required=False,
        max_length=MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The payer reads this. A refusal needs it."),
    )
