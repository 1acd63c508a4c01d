"""The audit row of what a token is refused that calls by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from audit.services import record
from common.errors import DomainError
from transactions.models import Step


@contextmanager
def refusal_recorded(step: Step, *, now: datetime) -> Iterator[None]:
    """Leave a row when what is inside is refused: nobody is signed in whom the API could name."""
    try:
        yield
    except DomainError as error:
        record(
            action="request.refused",
            actor=f"token:{step.token.serial}",
            subject=bytes(step.s).hex(),
            now=now,
            code=error.code,
        )
        raise
