"""Forms of allauth, in words for people who never saw such a thing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.forms import (
    AddEmailForm,
    ChangeEmailForm,
    LoginForm,
    ResetPasswordForm,
    SignupForm,
)
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.forms import GenerateRecoveryCodesForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django.core.exceptions import ValidationError
from django.forms import Form, HiddenInput, JSONField
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _

from accounts.passkeys import NONSENSE, read_credential


class _Addressed:
    """A form that asks for an e-mail address, by the word that all our pages have for it."""

    _field = "email"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields[self._field]  # type: ignore[attr-defined]  # of the form beside it
        field.label = _("E-mail address")
        field.widget.attrs.pop("placeholder", None)


class SignInForm(_Addressed, LoginForm):  # type: ignore[misc]  # published without types
    """E-mail address and password."""

    _field = "login"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["remember"].label = _("Stay signed in on this device")


class SignUpForm(_Addressed, SignupForm):  # type: ignore[misc]  # published without types
    """E-mail address and a password to be."""


class AddAddressForm(_Addressed, AddEmailForm):  # type: ignore[misc]  # published without types
    """A new e-mail address."""


class ChangeAddressForm(_Addressed, ChangeEmailForm):  # type: ignore[misc]  # without types
    """Another e-mail address, since no code came to the first."""


class NewPasswordForm(_Addressed, ResetPasswordForm):  # type: ignore[misc]  # without types
    """Where a code for a new password goes."""


class RecoveryCodeForm(AuthenticateForm):  # type: ignore[misc]  # published without types
    """A recovery code behind the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Recovery code")
        self.fields["code"].widget.attrs.pop("placeholder", None)


class NewRecoveryCodesForm(GenerateRecoveryCodesForm):  # type: ignore[misc]  # without types
    """New recovery codes, also for those who sign in by token and have no passkey."""

    def clean(self) -> dict[str, Any]:
        """Let them be made by whoever is asked for something behind the password."""
        cleaned: dict[str, Any] = {} if self.user.asks_token else super().clean()
        return cleaned


class CredentialField(JSONField):
    """What the browser says of a passkey."""

    widget = HiddenInput

    def to_python(self, value: Any) -> Any:
        """Return it as JSON; errors as of anything that is none."""
        if value in self.empty_values:
            return None
        try:
            return read_credential(value)
        except NONSENSE as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error

    def bound_data(self, data: Any, initial: Any) -> InvalidJSONInput:
        """Show nothing of it again: what a passkey said is good once."""
        return InvalidJSONInput()


@contextmanager
def _nonsense_refused() -> Iterator[None]:
    """Refuse what the library cannot read as it refuses what is wrong."""
    try:
        yield
    except NONSENSE as error:
        raise get_adapter().validation_error("incorrect_code") from error


class _Shown:
    """A form in which a passkey is shown."""

    def clean_credential(self) -> Authenticator:
        with _nonsense_refused():
            return super().clean_credential()  # type: ignore[misc]  # of the form beside it


class SignInByPasskeyForm(_Shown, LoginWebAuthnForm):  # type: ignore[misc]  # without types
    """A passkey in place of the password."""

    credential = CredentialField()


class SecondPasskeyForm(_Shown, AuthenticateWebAuthnForm):  # type: ignore[misc]  # without types
    """A passkey behind the password."""

    credential = CredentialField()


class ConfirmPasskeyForm(_Shown, ReauthenticateWebAuthnForm):  # type: ignore[misc]  # without types
    """A passkey of somebody who is signed in already."""

    credential = CredentialField()


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # published without types
    """A new passkey: unless told otherwise, one that signs in by itself."""

    credential = CredentialField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _ask_for_name(self)
        alone = self.fields["passwordless"]
        alone.label = _("Sign in with it alone, without the password")
        alone.help_text = _(
            "It then asks for your finger, your face or its PIN. Otherwise it is asked for after "
            "the password."
        )
        alone.initial = True

    def clean(self) -> dict[str, Any]:
        """Judge what a new passkey says of itself."""
        with _nonsense_refused():
            cleaned: dict[str, Any] = super().clean()
        return cleaned


class EditPasskeyForm(EditWebAuthnForm):  # type: ignore[misc]  # published without types
    """A passkey that gets another name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _ask_for_name(self)


def _ask_for_name(form: Form) -> None:
    form.fields["name"].label = _("Name")
    form.fields["name"].help_text = _("To tell it from others, such as “Laptop”.")
