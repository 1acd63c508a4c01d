"""App configuration."""

from django.apps import AppConfig


class EnrolmentConfig(AppConfig):
    """Tokens and their authentication servers."""

    name = "enrolment"
