"""App configuration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Holders and their API keys."""

    name = "accounts"

    def ready(self) -> None:
        """Follow what happens in allauth."""
        from allauth.mfa.signals import authenticator_removed
        from django.contrib.auth.signals import user_logged_in

        from accounts import following

        user_logged_in.connect(following.note_sign_in)
        authenticator_removed.connect(following.keep_recovery_codes)
