"""What is typed on the page of a step."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from common.forms import Tiles
from common.sentences import sentence
from tokens.question import is_question
from tokens.suite import OCRASuite

if TYPE_CHECKING:
    from enrolment.models import Token

# Wider than any response, so that a slip of the finger is answered in words.
_MAX_CHARACTERS = 64
_MAX_REASON = 120


class DigitsInput(forms.PasswordInput):
    """Digits in the clear, which a page that comes back does not hold any more."""

    input_type = "text"


class ResponseField(forms.CharField):
    """A response, as the holder reads it off the token."""

    def __init__(self, **options: Any) -> None:
        attrs = {
            "autocomplete": "one-time-code",
            "class": "digits-in",
            "inputmode": "numeric",
            "maxlength": _MAX_CHARACTERS,
            "spellcheck": "false",
        }
        # What is judged is judged by the authentication server: nothing is converted here.
        super().__init__(strip=False, widget=DigitsInput(attrs=attrs), **options)

    def clean(self, value: Any) -> str:
        """Take out the spaces with which people write digits in groups.

        Raises:
            ValidationError: there is nothing, or more than any response has.
        """
        response: str = super().clean(value).replace(" ", "")
        if len(response) > _MAX_CHARACTERS:
            raise forms.ValidationError(sentence("response_malformed"))
        return response


class ResponseForm(forms.Form):
    """The digits that the token shows."""

    response = ResponseField(label=_("The digits on your token"))

    def add_error(self, field: str | None, error: Any) -> None:
        """Lead back to the field, too, when something is wrong with it."""
        super().add_error(field, error)
        self.fields["response"].widget.attrs["autofocus"] = True


class ResponsesForm(forms.Form):
    """Two responses, the one behind the other."""

    first = ResponseField(label=_("The first digits on your token"))
    second = ResponseField(label=_("The digits that follow"))


class ProofForm(forms.Form):
    """Digits that a token shows for its server to answer.

    Args:
        suite: Of the token.
    """

    challenge = forms.CharField(
        label=_("The digits that your token shows first"),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "class": "digits-in", "inputmode": "numeric"}
        ),
    )

    def __init__(self, *args: Any, suite: OCRASuite, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._suite = suite

    def clean_challenge(self) -> str:
        """Return the digits without spaces.

        Raises:
            ValidationError: the token cannot have shown these.
        """
        challenge = "".join(self.cleaned_data["challenge"].split())
        if not is_question(self._suite, challenge):
            words = _("Your token shows %(count)d digits for this, and the first is not 0.")
            raise forms.ValidationError(words, params={"count": self._suite.question_length})
        return challenge


class AskForm(forms.Form):
    """A button; it has no field, and says why something was refused."""


class DeclineForm(forms.Form):
    """Why a statement is wrong."""

    reason = forms.CharField(
        label=_("What is wrong?"),
        help_text=_("One short sentence. The other parties see it."),
        widget=forms.Textarea(attrs={"maxlength": _MAX_REASON, "rows": 2}),
    )


class TokenForm(forms.Form):
    """Which of several tokens is asked.

    Args:
        tokens: Those that can answer.
    """

    token = forms.ChoiceField(label=_("Your token"))

    def __init__(self, *args: Any, tokens: "list[Token]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ChoiceField, self.fields["token"])
        field.widget = Tiles(
            explained={token.serial: token.serial for token in tokens}, are_rows=True
        )
        field.choices = [(token.serial, token.name or token.kind) for token in tokens]
        field.initial = tokens[0].serial if tokens else ""


class MailForm(forms.Form):
    """Where a receipt is sent."""

    email = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )

    def clean_email(self) -> str:
        """Return the address as it is counted."""
        email: str = self.cleaned_data["email"]
        return email.lower()
