"""How commands tell people that something is refused."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from authserver.errors import AuthserverError, KeyProviderError
from protocol.errors import ProtocolError


@contextmanager
def refusals_told() -> Iterator[None]:
    """End the command with the sentence of whatever is refused, and no traceback."""
    try:
        yield
    except (AuthserverError, ProtocolError) as error:
        raise CommandError(error.detail) from error
    except KeyProviderError as error:
        raise CommandError(str(error)) from error
