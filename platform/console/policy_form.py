"""The form of the policy: what is typed, as the service takes it."""

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common import words
from common.amounts import read_amount, write_amount
from common.forms import Boxes, Tiles
from common.sentences import sentence
from enrolment.rules import BOUNDS, FIELDS
from enrolment.suites import OFFERED
from protocol.binding import PERMITTED
from protocol.currency import EXPONENTS
from protocol.statement import Kind

if TYPE_CHECKING:
    from enrolment.models import Policy

_NUMBER = re.compile(r"[0-9]{1,9}")
_LIMIT = re.compile(r"([A-Z]{3})\s+(.+)")
_SECONDS = gettext_lazy("Seconds, from %(low)d to %(high)d.")


class PolicyForm(forms.Form):
    """All that the policy says; its names are those of ``enrolment.rules.FIELDS``."""

    use_required_attribute = False

    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    suites = forms.MultipleChoiceField(
        label=gettext_lazy("Kinds of tokens that may be enrolled"),
        required=False,
        choices=[(suite, told[0]) for suite, told in OFFERED.items()],
        widget=Boxes(explained={suite: suite for suite in OFFERED}, are_rows=True),
        help_text=gettext_lazy("None ticked and none named below: every kind."),
    )
    further = forms.CharField(
        label=gettext_lazy("Further suites"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=gettext_lazy("Of hardware that was imported, one in a line."),
    )
    min_digits = forms.IntegerField(label=gettext_lazy("Digits of a response, at least"))
    typed_kinds = forms.MultipleChoiceField(
        label=gettext_lazy("What they may sign"),
        required=False,
        choices=[(kind.name.lower(), words.KINDS[kind]) for kind in Kind if kind.is_business],
        widget=Boxes(),
    )
    typed_limits = forms.CharField(
        label=gettext_lazy("Greatest amounts"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "One currency in a line, such as “EUR 1000”. Once there is a line, amounts in any "
            "other currency are refused. Without a line there is no limit."
        ),
    )
    ttl_seconds = forms.IntegerField(label=gettext_lazy("Usual life"))
    max_ttl_seconds = forms.IntegerField(label=gettext_lazy("Longest life"))
    open_challenges = forms.IntegerField(label=gettext_lazy("Open at once for one token"))
    max_failures = forms.IntegerField(label=gettext_lazy("Wrong responses in a row that lock"))
    locks = forms.CharField(
        label=gettext_lazy("How long a lock lasts"),
        max_length=60,
        help_text=gettext_lazy(
            "Seconds for the first, second, third and every further lock: at least 60, 300, 1800, "
            "86400."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    budget = forms.IntegerField(label=gettext_lazy("Wrong responses in 30 days that block"))
    second_person = forms.BooleanField(
        label=gettext_lazy("Two operators have to agree"),
        required=False,
        help_text=gettext_lazy(
            "To revoke, unlock or give out a token, to change a host, and to change this policy."
        ),
    )
    self_assignment = forms.BooleanField(
        label=gettext_lazy("Holders take tokens from stock by themselves"),
        required=False,
        help_text=gettext_lazy("By the serial on the token. Otherwise operators give them out."),
    )
    token_at_sign_in = forms.ChoiceField(
        label=gettext_lazy("A token at sign-in"),
        choices=[
            ("allowed", gettext_lazy("Each holder decides")),
            ("required", gettext_lazy("Everybody who has one needs it")),
        ],
        widget=Tiles(),
    )
    permits = forms.MultipleChoiceField(
        label=gettext_lazy("Only with a bound phone"),
        required=False,
        choices=[(use, words.PERMITTED[use]) for use in PERMITTED],
        widget=Boxes(),
        help_text=gettext_lazy(
            "For what is ticked, the phone shows each time that its chip, SIM and number are "
            "those it is bound to. Whoever has no bound phone cannot do it."
        ),
    )
    offline_steps = forms.BooleanField(
        label=gettext_lazy("Steps may be signed by phones without a network"),
        required=False,
        help_text=gettext_lazy(
            "At a service's device: the phone passes on what the holder's token answers, with the "
            "offline password. The token's server judges it as always."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (low, high) in BOUNDS.items():
            field = self.fields[name]
            field.widget = forms.NumberInput(attrs={"min": low, "max": high})
            field.help_text = _range(name) % {"low": low, "high": high}

    def clean_further(self) -> list[str]:
        """Return the suites, one of each line."""
        suites: list[str] = self.cleaned_data["further"].split()
        return suites

    def clean_typed_limits(self) -> dict[str, int]:
        """Return minor units by currency.

        Raises:
            ValidationError: a line cannot be read, or a currency stands twice.
        """
        limits: dict[str, int] = {}
        for line in filter(None, map(str.strip, self.cleaned_data["typed_limits"].splitlines())):
            read = _LIMIT.fullmatch(line)
            if read is None or read[1] in limits:
                raise ValidationError(_("Write each currency once, such as “EUR 1000”."))
            if read[1] not in EXPONENTS:
                raise ValidationError(sentence("currency_unknown"))
            limits[read[1]] = read_amount(read[2], read[1])
        return limits

    def clean_locks(self) -> list[int]:
        """Return the seconds.

        Raises:
            ValidationError: they are no numbers.
        """
        parts = self.cleaned_data["locks"].replace(",", " ").split()
        if not all(_NUMBER.fullmatch(part) for part in parts):
            raise ValidationError(_("Write four numbers, such as 60, 300, 1800, 86400."))
        return [int(part) for part in parts]

    def wanted(self) -> dict[str, Any]:
        """Return version and fields, for a valid form."""
        data = dict(self.cleaned_data)
        data["suites"] = [*data["suites"], *data["further"]]
        return {"version": data["version"], "fields": {name: data[name] for name in FIELDS}}


def as_shown(policy: "Policy") -> dict[str, Any]:
    """Return what the form begins with."""
    shown = {name: getattr(policy, name) for name in (*FIELDS, "version")}
    limits = policy.typed_limits
    return {
        **shown,
        "suites": [suite for suite in policy.suites if suite in OFFERED],
        "further": "\n".join(suite for suite in policy.suites if suite not in OFFERED),
        "typed_limits": "\n".join(
            f"{currency} {write_amount(limits[currency], currency)}" for currency in sorted(limits)
        ),
        "locks": ", ".join(str(seconds) for seconds in policy.locks),
    }


def _range(name: str) -> Promise | str:
    if name.endswith("_seconds"):
        return _SECONDS
    return gettext_lazy("From %(low)d to %(high)d.")
