"""What buyers and developers type."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from billing.entitlements import words
from billing.entitlements.models import Offer, Purchase, Resource
from common.forms import AmountForm, DrawnForm, Tiles
from enrolment.selectors import signing_tokens_of

if TYPE_CHECKING:
    from accounts.models import Holder

_MAX_PASSWORD = 128
_TERMS = {
    "permanent": (_("For good"), _("Paid once, used without end.")),
    "until": (_("For some days"), _("Counted from the payment.")),
    "metered": (_("For some uses"), _("Each start on a device counts as one.")),
}


class BuyForm(DrawnForm):
    """How something is paid: with the payment password, or with a token that shows the price.

    Args:
        buyer: Whose wallet pays and whose tokens are offered.
    """

    way = forms.ChoiceField(
        label=_("How do you want to pay?"),
        choices=list(words.WAYS.items()),
        initial=Purchase.Way.WALLET,
        widget=Tiles(),
    )
    payment_password = forms.CharField(
        label=_("Payment password"),
        required=False,
        max_length=_MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    token = forms.ChoiceField(label=_("Which token?"), required=False, widget=Tiles(are_rows=True))
    remark = forms.CharField(
        label=_("Your remark"),
        required=False,
        max_length=120,
        help_text=_("Your own word on it; it stands on the invoice."),
    )

    def __init__(self, *args: Any, buyer: "Holder", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tokens = signing_tokens_of(holder=buyer)
        field = cast(forms.ChoiceField, self.fields["token"])
        field.widget = Tiles(explained={known.serial: known.serial for known in tokens})
        field.choices = [(known.serial, known.name or known.kind) for known in tokens]
        if tokens:
            self.initial.setdefault("token", tokens[0].serial)
        else:
            # Without a token there is one way, and nothing to choose.
            way = cast(forms.ChoiceField, self.fields["way"])
            way.choices = [(Purchase.Way.WALLET.value, words.WAYS["wallet"])]
            del self.fields["token"], self.fields["remark"]

    def clean(self) -> dict[str, Any]:
        """Ask for what the chosen way needs."""
        cleaned = self.cleaned_data
        needed = {"wallet": "payment_password", "token": "token"}.get(cleaned.get("way", ""))
        if needed and needed not in self.errors and not cleaned.get(needed):
            self.add_error(needed, _("Something is missing here."))
        return cleaned


class RefundForm(forms.Form):
    """Why somebody wants the money back."""

    reason = forms.CharField(
        label=_("What is wrong with it?"),
        required=False,
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The developer reads it."),
    )


class ResourceForm(forms.Form):
    """What is said of a resource."""

    use_required_attribute = False

    title = forms.CharField(label=_("Title"), max_length=80)
    summary = forms.CharField(
        label=_("What it is, in a sentence or two"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    device_limit = forms.IntegerField(
        label=_("Devices of one buyer"),
        min_value=1,
        max_value=20,
        initial=3,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    refund_days = forms.IntegerField(
        label=_("Days to ask for the money back"),
        min_value=0,
        max_value=90,
        initial=14,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("Who buys today keeps these days, whatever you write later."),
    )


class NewResourceForm(DrawnForm, ResourceForm):
    """A resource that is about to be made; its kind stays."""

    kind = forms.ChoiceField(
        label=_("What is it?"), choices=list(words.KINDS.items()), widget=Tiles()
    )
    field_order = ("kind", "title", "summary", "device_limit", "refund_days")


class OfferForm(DrawnForm, AmountForm):
    """A price."""

    term = forms.ChoiceField(
        label=_("For how long?"),
        choices=[(value, name) for value, (name, _more) in _TERMS.items()],
        initial=Offer.Term.PERMANENT,
        widget=Tiles(explained={value: more for value, (_name, more) in _TERMS.items()}),
    )
    days = forms.IntegerField(
        label=_("How many days"),
        required=False,
        min_value=1,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    uses = forms.IntegerField(
        label=_("How many uses"),
        required=False,
        min_value=1,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    field_order = ("drawing", "term", "days", "uses", "amount", "currency")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["amount"].label = _("Price")

    def clean(self) -> dict[str, Any]:
        """Put minor units in the place of the text, and leave out what the term does not need."""
        cleaned = super().clean()
        for name, its_term in (("days", Offer.Term.UNTIL), ("uses", Offer.Term.METERED)):
            if cleaned.get("term") != its_term:
                cleaned[name] = None
            elif cleaned.get(name) is None and name not in self.errors:
                self.add_error(name, _("Something is missing here."))
        return cleaned


class VersionForm(forms.Form):
    """A file."""

    use_required_attribute = False

    file = forms.FileField(label=_("File"), max_length=255, allow_empty_file=True)


class EditForm(ResourceForm):
    """What is said of a resource that there is.

    Args:
        resource: As it stands.
    """

    def __init__(self, data: QueryDict | None = None, *, resource: Resource) -> None:
        names = ("title", "summary", "device_limit", "refund_days")
        super().__init__(data, initial={name: getattr(resource, name) for name in names})


class WhichForm(forms.Form):
    """Which offer or purchase a button is about: its public id in hex."""

    which = forms.RegexField(r"^[0-9a-f]{16}\Z")

    @property
    def uid(self) -> bytes:
        """The public id; of a valid form."""
        return bytes.fromhex(self.cleaned_data["which"])


class RefuseForm(WhichForm):
    """Whose money is not given back, and why."""

    reason = forms.CharField(required=False, max_length=200)


class NumberForm(forms.Form):
    """Which version a button is about."""

    number = forms.IntegerField(min_value=1, max_value=2**31 - 1)
