"""What payers type to confirm a charge: one field, which is another one for each strategy."""

from typing import TYPE_CHECKING, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from common.forms import Tiles
from enrolment.selectors import signing_tokens_of

if TYPE_CHECKING:
    from accounts.models import Holder


class LettersForm(forms.Form):
    """What the image shows."""

    use_required_attribute = False

    answer = forms.CharField(
        label=_("Letters in the picture"),
        max_length=20,
        help_text=_("Capitals or not, as you like."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )


class CodeForm(forms.Form):
    """The code that came by SMS."""

    use_required_attribute = False

    answer = forms.CharField(
        label=_("Code from the SMS"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class PasswordForm(forms.Form):
    """The payment password."""

    use_required_attribute = False

    answer = forms.CharField(
        label=_("Payment password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


class TokenForm(forms.Form):
    """Which token is to answer.

    Args:
        payer: Whose tokens are offered.
    """

    answer = forms.ChoiceField(label=_("Which token?"), widget=Tiles(are_rows=True))

    def __init__(self, *args: object, payer: "Holder", **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # of whoever calls
        tokens = signing_tokens_of(holder=payer)
        field = cast(forms.ChoiceField, self.fields["answer"])
        field.widget = Tiles(
            explained={known.serial: known.serial for known in tokens}, are_rows=True
        )
        field.choices = [(known.serial, known.name or known.kind) for known in tokens]
        if tokens:
            self.initial.setdefault("answer", tokens[0].serial)


class CredentialForm(forms.Form):
    """What the browser got from a passkey, as JSON; allauth's script knows it by its name."""

    credential = forms.CharField(
        max_length=16_384, widget=forms.HiddenInput(attrs={"id": "mfa_credential"})
    )

    def clean(self) -> dict[str, object]:
        """Call it what the other forms call it."""
        return {"answer": self.cleaned_data.get("credential", "")}
