"""What operators type into the console."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common import words
from transactions.search import TRANSACTION_STATES

MAX_WEIGHT = 1000
_ANY = [("", pgettext_lazy("state", "Any"))]


class Filter(forms.Form):
    """What a list is narrowed by.  It stands in the address; what is not valid counts as empty."""

    use_required_attribute = False

    def values(self) -> dict[str, Any]:
        """Return every field's value."""
        self.full_clean()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


class Search(Filter):
    """One box."""

    q = forms.CharField(label=_("Search"), required=False, max_length=100)


class TransactionFilter(Filter):
    """Transactions by state, and by whatever is known."""

    q = forms.CharField(label=_("Number, holder or e-mail"), required=False, max_length=100)
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=lambda: [
            *_ANY,
            *((state, words.STATES[state].words) for state in TRANSACTION_STATES),
        ],
    )


class AuditFilter(Filter):
    """Audit rows that have exactly this."""

    actor = forms.CharField(label=_("Actor"), required=False, max_length=40)
    action = forms.CharField(label=_("Action"), required=False, max_length=40)
    subject = forms.CharField(label=_("Subject"), required=False, max_length=80)
    code = forms.CharField(label=_("Code"), required=False, max_length=40)


class WeightForm(forms.Form):
    """How many of the new tokens a host gets."""

    weight = forms.IntegerField(
        label=_("Weight"),
        min_value=0,
        max_value=MAX_WEIGHT,
        help_text=_("Its share of new tokens, beside the weights of the other hosts. 0: none."),
    )


class Settle(forms.Form):
    """Which step to settle: its S in hex."""

    settle = forms.RegexField(r"^[0-9a-f]{64}\Z")
