"""What is typed on the page of a step."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common.sentences import sentence

# Wider than any response, so that a slip of the finger is answered in words.
_MAX_CHARACTERS = 64
_MAX_REASON = 120


class DigitsInput(forms.PasswordInput):
    """Digits in the clear, which a page that comes back does not hold any more."""

    input_type = "text"


class ResponseForm(forms.Form):
    """The digits that the token shows."""

    response = forms.CharField(
        label=_("The digits on your token"),
        # What is judged is judged by the authentication server: nothing is converted here.
        strip=False,
        widget=DigitsInput(
            attrs={
                "autocomplete": "one-time-code",
                "class": "digits-in",
                "inputmode": "numeric",
                "maxlength": _MAX_CHARACTERS,
                "spellcheck": "false",
            }
        ),
    )

    def add_error(self, field: str | None, error: Any) -> None:
        """Lead back to the field, too, when something is wrong with it."""
        super().add_error(field, error)
        self.fields["response"].widget.attrs["autofocus"] = True

    def clean_response(self) -> str:
        """Take out the spaces with which people write digits in groups."""
        response: str = self.cleaned_data["response"].replace(" ", "")
        if len(response) > _MAX_CHARACTERS:
            raise forms.ValidationError(sentence("response_malformed"))
        return response


class DeclineForm(forms.Form):
    """Why a statement is wrong."""

    reason = forms.CharField(
        label=_("What is wrong?"),
        help_text=_("One short sentence. The other parties see it."),
        widget=forms.Textarea(attrs={"maxlength": _MAX_REASON, "rows": 2}),
    )
