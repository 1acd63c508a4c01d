"""What holders type about their phones, and owners about their services."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from binding.selectors import devices_of
from common.amounts import read_amount
from common.forms import CURRENCIES, AmountForm, Tiles, usual_currency
from offline.models import Service
from offline.selectors import relayed_devices
from offline.words import KINDS, KINDS_EXPLAINED

if TYPE_CHECKING:
    from accounts.models import Holder

_Kind = Service.Kind
_MAX_TITLE = 60


def _password(label: object, autocomplete: str, **further: Any) -> forms.CharField:
    return forms.CharField(
        label=label,  # type: ignore[arg-type]  # a lazy string is one, too
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
        **further,
    )


def _amount(label: object, **further: Any) -> forms.CharField:
    return forms.CharField(
        label=label,  # type: ignore[arg-type]  # a lazy string is one, too
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        **further,
    )


class ButtonForm(forms.Form):
    """A button alone."""

    use_required_attribute = False


class PaymentPasswordForm(ButtonForm):
    """Who says so."""

    payment_password = _password(_("Payment password"), "off")


class LimitsForm(PaymentPasswordForm):
    """What a phone may pay in a day and in a month; minor units when it is clean."""

    day = _amount(_("A day"))
    month = _amount(_("A month"))
    currency = forms.ChoiceField(choices=CURRENCIES, widget=forms.HiddenInput)
    field_order = ("day", "month", "currency", "payment_password")

    def clean(self) -> dict[str, Any]:
        """Put minor units in the place of the texts."""
        return _with_amounts(self, "day", "month")


class OfflinePasswordForm(PaymentPasswordForm):
    """A new offline password."""

    password = _password(
        _("New offline password"),
        "new-password",
        help_text=_("At least 6 characters, used for nothing else."),
    )
    field_order = ("password", "payment_password")


class CodesForm(PaymentPasswordForm, AmountForm):
    """What a one-way code may be worth at most."""

    field_order = ("amount", "currency", "payment_password")


class NoCodesForm(PaymentPasswordForm):
    """To let there be no one-way codes any more."""


class ServiceForm(ButtonForm):
    """A service to offer."""

    title = forms.CharField(
        label=_("Name"),
        max_length=_MAX_TITLE,
        help_text=_("Phones show it to whoever confirms, such as “Car park, gate 2”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    kind = forms.ChoiceField(
        label=_("What for"),
        choices=[(str(kind), words) for kind, words in KINDS.items()],
        initial=_Kind.GATE,
        widget=Tiles(explained=KINDS_EXPLAINED, are_rows=True),
    )
    currency = forms.ChoiceField(
        label=_("Currency"),
        choices=CURRENCIES,
        initial=usual_currency,
        help_text=_("What is paid at this checkout, for good."),
    )

    def clean(self) -> dict[str, Any]:
        """Leave the currency out where nothing is paid."""
        if self.cleaned_data.get("kind") != _Kind.CHECKOUT:
            self.cleaned_data["currency"] = ""
        return self.cleaned_data


class ServiceEditForm(ButtonForm):
    """What holds at a service; only a checkout has amounts.

    Args:
        service: Which.
    """

    title = forms.CharField(
        label=_("Name"),
        max_length=_MAX_TITLE,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    is_open = forms.BooleanField(
        label=_("Open to everybody"),
        required=False,
        help_text=_("Otherwise it is there for those below alone."),
    )
    is_high = forms.BooleanField(
        label=_("Always ask for the offline password"),
        required=False,
        help_text=_("Otherwise the phone's own confirmation is enough for small amounts."),
    )
    high_from = _amount(_("Ask for the offline password from this amount on"), required=False)
    takes_codes = forms.BooleanField(
        label=_("Take one-way codes"),
        required=False,
        help_text=_(
            "A phone shows a code, and hears nothing back. Fast, for small amounts; each phone's "
            "holder sets how small."
        ),
    )

    def __init__(self, *args: Any, service: Service, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._service = service
        if service.kind != _Kind.CHECKOUT:
            del self.fields["high_from"], self.fields["takes_codes"]
        if service.kind == _Kind.APPROVAL:
            # What a token signs always takes it.
            del self.fields["is_high"]

    def clean(self) -> dict[str, Any]:
        """Put minor units in the place of the text, and what the kind of service settles."""
        self.cleaned_data["currency"] = self._service.currency
        cleaned = _with_amounts(self, "high_from")
        del cleaned["currency"]
        settled = {"high_from": None, "takes_codes": False, "is_high": self._service.is_high}
        return settled | cleaned


class GrantForm(ButtonForm):
    """For whom a service is to be there."""

    account = forms.CharField(
        label=_("Account number"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def clean_account(self) -> str:
        """Take spaces away, as people group the digits."""
        return "".join(str(self.cleaned_data["account"]).split())


class RelayForm(ButtonForm):
    """Which of the owner's devices is to stand at a service.

    Args:
        owner: Whose devices.
    """

    device = forms.ChoiceField(label=_("Device"))

    def __init__(self, *args: Any, owner: "Holder", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        taken = relayed_devices(owner)
        devices = [
            (one.public_id, f"{one.name} ({one.public_id})")
            for one in devices_of(holder=owner)
            if one.pk not in taken
        ]
        self.has_devices = bool(devices)
        self.fields["device"].choices = devices  # type: ignore[attr-defined]  # it has them


def _with_amounts(form: forms.Form, *names: str) -> dict[str, Any]:
    """Put minor units in the place of texts; an empty one is none."""
    cleaned = form.cleaned_data
    for name in set(names) & cleaned.keys():
        try:
            text = cleaned[name]
            cleaned[name] = read_amount(text, cleaned.get("currency", "EUR")) if text else None
        except ValidationError as error:
            form.add_error(name, error)
    return cleaned
