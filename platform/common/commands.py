"""How commands fail: one sentence with a code, and no traceback for what an operator can mend."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from common.errors import DomainError
from protocol.errors import ProtocolError


@contextmanager
def refusals_told() -> Iterator[None]:
    """Turn refusals, and files that cannot be used, into the failure of a command."""
    try:
        yield
    except (DomainError, ProtocolError) as error:
        raise CommandError(f"{error.code}: {error.detail}") from error
    except OSError as error:
        raise CommandError(f"file_unusable: {error.filename}: {error.strerror}") from error
