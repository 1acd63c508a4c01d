"""What operators type into the console."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.selectors import holder_by_account
from billing.entitlements.selectors import STANDINGS
from billing.entitlements.words import ENTITLEMENTS, PURCHASES
from binding.selectors import PHONE_STATES
from common import words
from common.sentences import sentence
from enrolment.selectors import TOKEN_STATES, hosts
from offline.words import LISTED
from transactions.search import TRANSACTION_STATES

MAX_WEIGHT = 1000
_ANY = [("", pgettext_lazy("state", "Any"))]
_STANDINGS = {
    **{state: look.words for state, look in PURCHASES.items()},
    "asked": _("Refund asked for"),
    "suspended": ENTITLEMENTS["suspended"].words,
    "revoked": ENTITLEMENTS["revoked"].words,
}


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


class SalesFilter(Filter):
    """Purchases by whatever is known, and by how money or right stand."""

    q = forms.CharField(label=_("Number or account"), required=False, max_length=40)
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=lambda: [*_ANY, *((name, _STANDINGS[name]) for name in STANDINGS)],
    )


class PhoneFilter(Filter):
    """Phones by how they stand."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=lambda: [*_ANY, *((state, words.STATES[state].words) for state in PHONE_STATES)],
    )


class OfflineFilter(Filter):
    """Phones without a network, by how they stand."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=lambda: [*_ANY, *LISTED.items()],
    )


class NumberForm(forms.Form):
    """A phone number."""

    use_required_attribute = False

    number = forms.CharField(
        label=_("Number, with its country"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )


class ChipsForm(forms.Form):
    """A manufacturer's list of chips."""

    use_required_attribute = False

    file = forms.FileField(
        label=_("CSV file"),
        max_length=200,
        help_text=_("Its first line is serial,manufacturer,key,box_key."),
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


class TokenFilter(Filter):
    """Tokens by whatever is known, and by how they stand."""

    q = forms.CharField(label=_("Serial, id or holder"), required=False, max_length=100)
    standing = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=lambda: [
            *_ANY,
            *((state, words.STATES[state].words) for state in TOKEN_STATES),
            ("locked", words.STATES["locked"].words),
            ("expiring", _("Ends within 30 days")),
        ],
    )
    suite = forms.CharField(label=_("Suite begins with"), required=False, max_length=64)
    host = forms.TypedChoiceField(
        label=_("Host"),
        required=False,
        coerce=int,
        empty_value=None,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Looked up once; a function would be asked whenever the choices are read.
        host = cast(forms.ChoiceField, self.fields["host"])
        host.choices = [*_ANY, *((known.number, known.name) for known in hosts())]


class StockFilter(Filter):
    """Tokens in stock; which host's, and from where on, stands in the links of its own page."""

    q = forms.CharField(label=_("Serial"), required=False, max_length=40)
    host = forms.IntegerField(min_value=1, max_value=10**6, required=False)
    after = forms.IntegerField(min_value=0, max_value=10**15, required=False)


class AssignForm(forms.Form):
    """Whom a token from stock is given to."""

    use_required_attribute = False

    account = forms.RegexField(
        r"^[0-9 ]{12,16}\Z",
        label=_("Account number of the holder"),
        error_messages={"invalid": _("An account number has twelve digits.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=40,
        help_text=_("What the holder calls it; the holder may change it."),
    )

    def clean_account(self) -> str:
        """Return the digits, if there is such a holder.

        Raises:
            ValidationError: nobody has this number.
        """
        account = "".join(self.cleaned_data["account"].split())
        if holder_by_account(account) is None:
            raise forms.ValidationError(sentence("holder_unknown"))
        return account


class Decision(forms.Form):
    """What to do about something that waits for a second operator."""

    number = forms.IntegerField(min_value=1, max_value=2**62)
    decision = forms.ChoiceField(
        choices=[(name, name) for name in ("approve", "refuse", "withdraw")]
    )


class Settle(forms.Form):
    """Which step to settle: its S in hex."""

    settle = forms.RegexField(r"^[0-9a-f]{64}\Z")
