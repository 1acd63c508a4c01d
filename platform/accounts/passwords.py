"""What a password must be, in words that every language of ours has; and how it is stored."""

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    UserAttributeSimilarityValidator,
)
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class LengthValidator(MinimumLengthValidator):
    """Not too short."""

    def get_error_message(self) -> str:
        """Say what is wrong."""
        words = ngettext(
            "This password is too short: it needs %(length)d character.",
            "This password is too short: it needs %(length)d characters.",
            self.min_length,
        )
        return words % {"length": self.min_length}

    def get_help_text(self) -> str:
        """Say what is asked."""
        words = ngettext(
            "It has at least %(length)d character.",
            "It has at least %(length)d characters.",
            self.min_length,
        )
        return words % {"length": self.min_length}


class SimilarityValidator(UserAttributeSimilarityValidator):
    """Not what anybody knows of its owner."""

    def get_help_text(self) -> str:
        """Say what is asked."""
        return _("It is not like your e-mail address or your name.")


class UncommonValidator(CommonPasswordValidator):
    """Not one that everybody tries first."""

    def get_help_text(self) -> str:
        """Say what is asked."""
        return _("It is not one that many people use.")


class OWASPArgon2(Argon2PasswordHasher):
    """Argon2id with the parameters OWASP asks for, as payment passwords: 2 passes over 19 MiB.

    Django's take five times as long, and 100 MiB of each who signs in.
    """

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
