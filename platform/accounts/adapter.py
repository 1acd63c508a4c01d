"""What sign-up asks of allauth beyond its own."""

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError

from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # published without types
    """Refuses addresses that our tables would not hold; allauth's forms allow longer ones."""

    def clean_email(self, email: str) -> str:
        """Return the address.

        Raises:
            ValidationError: it is too long.
        """
        cap = User._meta.get_field("email").max_length or 0
        if len(email) > cap:
            raise ValidationError(f"An e-mail address may have {cap} characters.")
        return email
