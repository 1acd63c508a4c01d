"""Commands that take long, and say how far they are."""

import time
from typing import Any, ClassVar

from django.core.management.base import BaseCommand

# Between two lines of progress.
SECONDS = 1.0


class ProgressCommand(BaseCommand):
    """Tells its progress on standard error.

    Attributes:
        rows: What is counted.
        done: How many there are so far.
    """

    rows: ClassVar[str] = "rows"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.done = 0
        self._told_at = time.monotonic()

    def report(self, done: int, total: int) -> None:
        """Say how far it is, at the end and every second."""
        self.done = done
        if done == total or time.monotonic() - self._told_at > SECONDS:
            self._told_at = time.monotonic()
            self.stderr.write(f"{done} of {total} {self.rows}")
