"""What a password must be."""

from django.contrib.auth.password_validation import MinimumLengthValidator
from django.utils.translation import ngettext


class LengthValidator(MinimumLengthValidator):
    """Django's, with a message that is translated into every language of ours."""

    def get_error_message(self) -> str:
        """Say what is wrong."""
        words = ngettext(
            "This password is too short: it needs %(length)d character.",
            "This password is too short: it needs %(length)d characters.",
            self.min_length,
        )
        return words % {"length": self.min_length}
