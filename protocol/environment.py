"""How both services read their settings: what cannot be read is named, and its value not shown."""

from typing import Any

from environ import FileAwareEnv
from environ.compat import ImproperlyConfigured

_NUMBERS = {int: "a whole number", float: "a number"}


class Environment(FileAwareEnv):  # type: ignore[misc]  # django-environ is not typed throughout
    """The environment, where ``NAME_FILE`` may name a file that holds the value."""

    def get_value(self, var: str, cast: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return a value as it is meant.

        Raises:
            ImproperlyConfigured: it is missing, or something else; without its value, which may
                be a secret.
        """
        try:
            return super().get_value(var, cast, *args, **kwargs)
        except ValueError:
            what = _NUMBERS.get(cast, "something that can be read")
            raise ImproperlyConfigured(f"{var} in the environment must be {what}.") from None

    @classmethod
    def parse_value(cls, value: str, cast: Any) -> Any:
        """Return what a value means; where the library would take 5 for ``5s``, refuse it."""
        return float(value) if cast is float else super().parse_value(value, cast)

    @classmethod
    def db_url_config(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return Django's settings of a database.

        Raises:
            ImproperlyConfigured: the URL is none; without it, since it may hold a password.
        """
        try:
            settings: dict[str, Any] = super().db_url_config(*args, **kwargs)
        except ValueError:
            sentence = "DATABASE_URL must be like postgres://user:password@host:5432/name."
            raise ImproperlyConfigured(sentence) from None
        return settings
