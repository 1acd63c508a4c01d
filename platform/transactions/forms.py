"""The form in which a step is written, and the one that takes a receipt."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common import words
from common.amounts import read_amount, write_amount
from common.errors import DomainError
from common.forms import CURRENCIES, Tiles, add_refusal, usual_currency
from common.schemas import ACCOUNT_PATTERN, EMAIL_PATTERN
from common.sentences import sentence
from common.templatetags.countersign import amount as amount_words
from enrolment.selectors import policy, signing_tokens_of
from protocol.errors import ProtocolError
from protocol.statement import (
    CAPS,
    MAX_DUE_DAYS,
    Demand,
    Kind,
    check_words,
)
from protocol.text import length, normalise
from transactions.limits import limits_in_words, lives
from transactions.models import Step
from transactions.services import Asked, Invited

if TYPE_CHECKING:
    from accounts.models import Holder
    from enrolment.models import Token

_DEMAND = ("amount", "currency", "payee_name", "payee_account", "text", "reference", "due_days")
_RULES = ("is_open_to_anyone", "may_repeat_holder", "last_signer_may_close")
# Kinds that are about money as a rule: for these the page unfolds its fields.
_ABOUT_MONEY = (Kind.PAYMENT, Kind.TRANSFER, Kind.ORDER)
# Refusals that are about one field, though they do not name it.
_FIELD_OF = {
    "token_not_paired": "token",
    "token_not_active": "token",
    "too_many_challenges": "token",
    "holder_unknown": "next_account",
}
_BROKEN_LINE = re.compile(r"\s*\r?\n\s*")


class WordsField(forms.CharField):
    """One of the texts of a statement, judged by the protocol's own rule.

    Args:
        words: The name the protocol has for it.
        options: Of a text field.
    """

    def __init__(self, words: str, **options: Any) -> None:
        super().__init__(**options)
        self.words = words

    def to_python(self, value: Any) -> str:
        """Return the text as it would be signed: in one line."""
        return normalise(_BROKEN_LINE.sub(" ", super().to_python(value) or ""))

    def validate(self, value: str) -> None:
        """Refuse what may not be signed.

        Raises:
            ValidationError: in words, with the count when it is too long.
        """
        super().validate(value)
        try:
            if value:
                check_words(self.words, value)
        except ProtocolError as error:
            raise ValidationError(sentence(error.code, error.excess)) from error

    def used(self, value: Any) -> str:
        """Say how much of the room a text takes, for the reader who is writing it."""
        size = length(self.to_python(value))
        cap = CAPS[self.words]
        return _("%(size)d of %(cap)d bytes") % {"size": size, "cap": cap} if size else ""


class TokenField(forms.ChoiceField):
    """Which token answers; whether it may, the services judge."""

    def valid_value(self, value: Any) -> bool:
        """Let every serial through."""
        return True


class AccountField(forms.RegexField):
    """A holder's account number, which pages write in groups."""

    def to_python(self, value: Any) -> str:
        """Return the digits."""
        return "".join((super().to_python(value) or "").split())


class PartForm(forms.Form):
    """One party's part of a transaction.

    Args:
        holder: Who writes it.
        is_open: Whether whoever holds the receipt may continue where nobody is named.
    """

    # What is missing is said by the server, in words and beside the field.
    use_required_attribute = False

    kind = forms.ChoiceField(
        label=gettext_lazy("What is it?"),
        choices=[(kind.name.lower(), words.KINDS[kind]) for kind in Kind if kind.is_business],
        widget=Tiles(
            marks={
                kind.name.lower(): {
                    **({"data-needs": " ".join(kind.needs)} if kind.needs else {}),
                    **({"data-money": "yes"} if kind in _ABOUT_MONEY else {}),
                }
                for kind in Kind
            }
        ),
    )
    amount = forms.CharField(
        label=gettext_lazy("Amount"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), choices=CURRENCIES)
    payee_name = WordsField("payee_name", label=gettext_lazy("Who is paid"), required=False)
    payee_account = WordsField(
        "payee_account",
        label=gettext_lazy("Their account"),
        required=False,
        help_text=gettext_lazy("In full. Check it, digit by digit."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    text = WordsField(
        "text",
        label=gettext_lazy("Text"),
        required=False,
        help_text=gettext_lazy("What it is for, or what is agreed."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    reference = WordsField(
        "reference",
        label=gettext_lazy("Reference"),
        required=False,
        help_text=gettext_lazy("Such as the number of an order or an invoice."),
    )
    due_days = forms.IntegerField(
        label=gettext_lazy("Due in days"),
        required=False,
        min_value=0,
        max_value=MAX_DUE_DAYS,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    remark = WordsField(
        "remark",
        label=gettext_lazy("Your remark"),
        help_text=gettext_lazy("Your own word on this. The next person reads it."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    token = TokenField(label=gettext_lazy("Which token will you sign with?"), widget=Tiles())
    next = forms.ChoiceField(label=gettext_lazy("Who comes next?"), widget=Tiles(are_rows=True))
    next_email = forms.RegexField(
        EMAIL_PATTERN,
        label=gettext_lazy("Their e-mail address"),
        required=False,
        error_messages={"invalid": gettext_lazy("This is not an e-mail address.")},
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    next_account = AccountField(
        ACCOUNT_PATTERN,
        label=gettext_lazy("Their account number here"),
        required=False,
        error_messages={"invalid": gettext_lazy("An account number has twelve digits.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    ttl = forms.TypedChoiceField(
        label=gettext_lazy("How long may the answer take?"), choices=lives, coerce=int
    )

    def __init__(self, *args: Any, holder: "Holder", is_open: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What the page that shows the form is answered with.
        self.status = 200 if not self.is_bound else 422
        # Code of what a service refused; empty while none did.
        self.refusal = ""
        self.tokens = signing_tokens_of(holder=holder)
        token = cast(forms.ChoiceField, self.fields["token"])
        explained = {known.serial: _explained(known) for known in self.tokens}
        token.widget = Tiles(explained=explained, are_rows=True)
        token.choices = [(known.serial, known.name or known.kind) for known in self.tokens]
        # The one that was used last; where that cannot sign any more, the newest.
        if self.tokens and self.initial.get("token") not in explained:
            self.initial["token"] = self.tokens[0].serial
        self.fields["ttl"].initial = policy().ttl_seconds
        nobody = (
            gettext_lazy("Whoever holds the QR code")
            if is_open
            else gettext_lazy("Nobody but who began it")
        )
        cast(forms.ChoiceField, self.fields["next"]).choices = [
            ("anyone", nobody),
            ("email", gettext_lazy("An e-mail address")),
            ("account", gettext_lazy("An account number")),
        ]

    def clean(self) -> dict[str, Any]:
        """Check what depends on more than one field."""
        cleaned = self.cleaned_data
        self._clean_amount()
        kind = Kind[cleaned["kind"].upper()] if "kind" in cleaned else Kind.OTHER
        named = {"email": ("next_email",), "account": ("next_account",)}
        for field in (*kind.needs, *named.get(cleaned.get("next", ""), ())):
            if field not in self.errors and cleaned.get(field) in (None, ""):
                self.add_error(field, sentence("field_missing"))
        return cleaned

    def _clean_amount(self) -> None:
        """Put minor units in the place of the text; without an amount there is no currency."""
        cleaned = self.cleaned_data
        typed, currency = cleaned.get("amount"), cleaned.get("currency")
        cleaned["amount"] = None
        if not typed:
            cleaned["currency"] = None
        elif currency:
            try:
                cleaned["amount"] = read_amount(typed, currency)
            except ValidationError as error:
                self.add_error("amount", error)

    def asked(self) -> Asked:
        """Return the part as the services take it; for a valid form."""
        data = self.cleaned_data
        invited = {
            "email": Invited(email=data["next_email"].lower()),
            "account": Invited(account=data["next_account"]),
        }
        return Asked(
            demand={name: data[name] for name in ("kind", *_DEMAND)},
            remark=data["remark"],
            serial=data["token"],
            next=invited.get(data["next"], Invited()),
            ttl=data["ttl"],
        )

    def refuse(self, error: DomainError) -> None:
        """Say beside the right field why a service refused what is asked."""
        self.refusal = error.code
        if (error.code, error.extra.get("field")) == ("value_out_of_range", "amount"):
            self.add_error("amount", _("This is not an amount that can be paid."))
            self.status = error.status
        else:
            self.status = add_refusal(self, error, field=_FIELD_OF.get(error.code))

    def said(self) -> dict[str, dict[str, str]]:
        """Return what there is to say while somebody still writes: a sentence for each field."""
        errors = {name: str(told[0]) for name, told in self.errors.items()}
        notes = {
            name: field.used(self[name].data)
            for name, field in self.fields.items()
            if isinstance(field, WordsField)
        }
        cleaned = self.cleaned_data
        amount, currency = cleaned.get("amount"), cleaned.get("currency")
        if amount:
            written = amount_words(Demand(Kind.OTHER, amount, currency))
            notes["amount"] = _("Understood as %(amount)s") % {"amount": written}
        return {"errors": errors, "notes": notes}


class NewForm(PartForm):
    """The first party's part, and the rules it sets for the rest."""

    is_open_to_anyone = forms.BooleanField(
        label=gettext_lazy("Where nobody is named, whoever holds the QR code may continue"),
        required=False,
        initial=True,
    )
    may_repeat_holder = forms.BooleanField(
        label=gettext_lazy("The same person may take two steps in a row"), required=False
    )
    last_signer_may_close = forms.BooleanField(
        label=gettext_lazy("Whoever signed last may close the transaction"), required=False
    )

    def clean(self) -> dict[str, Any]:
        """Check what depends on more than one field."""
        cleaned = super().clean()
        if cleaned.get("next") == "anyone" and not cleaned["is_open_to_anyone"]:
            self.add_error("next", _("Say who comes next: below you closed it to everyone else."))
        return cleaned

    @property
    def rules(self) -> dict[str, Any]:
        """What the first party decides for all."""
        return {name: self.cleaned_data[name] for name in _RULES}


class ReceiptForm(forms.Form):
    """A receipt as text."""

    use_required_attribute = False

    receipt = forms.CharField(
        label=gettext_lazy("Text of the receipt"),
        max_length=12_000,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
    )


def _explained(token: "Token") -> str:
    """Say which token it is, and what it may not sign."""
    locked = str(words.STATES["locked"].words) if token.is_locked else ""
    return " · ".join(part for part in (token.serial, limits_in_words(token), locked) if part)


def usual(last: Step | None) -> dict[str, Any]:
    """Return what a new part begins with, by the step that the holder wrote last."""
    currency = last.content.demand.currency if last else None
    chosen = {"token": last.content.serial} if last else {}
    return {"currency": currency or usual_currency(), "next": "anyone", **chosen}


def as_written(step: Step) -> dict[str, Any]:
    """Return the part of an earlier step of the holder's, to be written again."""
    statement, chain = step.content, step.transaction
    demand = statement.demand
    account = step.next_holder.account if step.next_holder else ""
    part = {name: getattr(demand, name) for name in _DEMAND if getattr(demand, name) is not None}
    if demand.amount and demand.currency:
        part["amount"] = write_amount(demand.amount, demand.currency)
    return {
        **part,
        "kind": Kind(demand.kind).name.lower(),
        "remark": statement.party.remark,
        "token": statement.serial,
        "next": "account" if account else "email" if step.next_email else "anyone",
        "next_account": account,
        "next_email": step.next_email,
        # What is not offered any more would leave the shortest chosen.
        **({"ttl": statement.ttl} if statement.ttl in dict(lives()) else {}),
        **{name: getattr(chain, name) for name in _RULES},
    }


def as_typed(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed before a session ended; a box that was not ticked sent nothing."""
    return {**dict.fromkeys(_RULES, False), **fields}
