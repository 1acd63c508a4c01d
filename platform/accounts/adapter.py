"""What sign-up and sign-in do beyond allauth's own."""

import base64
import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal.httpkit import get_client_ip
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.stages import AuthenticateStage
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _

from accounts.devices import NO_ADDRESS, device_of
from accounts.models import User
from accounts.selectors import language_of
from common.sealing import sealer

logger = logging.getLogger(__name__)

RECOVERY_CODES = b"seed of recovery codes"
_WAYS = {
    "reauthenticate": gettext_lazy("Use the password"),
    "mfa_reauthenticate": gettext_lazy("Use a recovery code"),
    "mfa_reauthenticate:webauthn": gettext_lazy("Use a passkey"),
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # published without types
    """Refuses addresses that our tables would not hold, and minds the language of each reader."""

    def new_user(self, request: HttpRequest) -> User:
        """Return a user who reads the language of the page."""
        return User(language=get_language() or "")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a message, in the language of its reader where that is known."""
        with override(language_of(email) or get_language()):
            ours = {
                "platform": settings.COUNTERSIGN_PLATFORM_NAME,
                "origin": settings.COUNTERSIGN_ORIGIN,
            }
            super().send_mail(template_prefix, email, {**context, **ours})

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Tell somebody what was done to the account; it stays done where that cannot be told."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except (OSError, SMTPException):
            logger.warning("account.not_told", exc_info=True)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return where a request comes from; all who come from nowhere are one."""
        return get_client_ip(request) or NO_ADDRESS

    def get_http_user_agent(self, request: HttpRequest) -> str:
        """Return the browser as messages name it."""
        return device_of(request.headers.get("User-Agent", ""))

    def get_login_stages(self) -> list[str]:
        """Name what stands between the password and the site, in order."""
        theirs = f"{AuthenticateStage.__module__}.{AuthenticateStage.__qualname__}"
        stages = super().get_login_stages()
        return [settings.SECOND_FACTOR_STAGE if stage == theirs else stage for stage in stages]

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Name the ways to show once more that it is the same person."""
        ways = super().get_reauthentication_methods(user)
        return [{**way, "description": _WAYS[way["id"]]} for way in ways]

    def clean_email(self, email: str) -> str:
        """Return the address.

        Raises:
            ValidationError: it is too long.
        """
        cap = User._meta.get_field("email").max_length or 0
        if len(email) > cap:
            raise ValidationError(_("This e-mail address is too long."))
        return email


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # published without types
    """Names passkeys for people, and seals what recovery codes are made from."""

    def encrypt(self, text: str) -> str:
        """Seal a secret for the database."""
        return base64.b64encode(sealer().seal(text.encode(), RECOVERY_CODES)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Open a secret from the database."""
        return sealer().open(base64.b64decode(encrypted_text), RECOVERY_CODES).decode()

    def is_mfa_enabled(self, user: User, types: list[str] | None = None) -> bool:
        """Tell whether somebody has one of these second factors; of several kinds, or any at all.

        A token counts as one, though it is none of allauth's kinds: recovery codes and passkeys
        stand in for it.
        """
        is_any = types is None or len(types) > 1
        # Nobody who is anonymous has the field.
        by_token = is_any and getattr(user, "asks_token", False)
        return by_token or super().is_mfa_enabled(user, types)

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002  # theirs
        """Return a name for a new passkey."""
        return _("Passkey")

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Say to the browser whose passkey it will be."""
        return {
            **super().get_public_key_credential_rp_entity(),
            "name": settings.COUNTERSIGN_PLATFORM_NAME,
        }
