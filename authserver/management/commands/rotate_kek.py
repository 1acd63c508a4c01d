"""``python -m authserver rotate_kek``: new keys for all that is sealed, while serving."""

import time
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from authserver import services
from authserver.management.refusals import refusals_told

# Between two lines of progress.
SECONDS = 1.0


class Command(BaseCommand):
    """Puts a new key-encryption key and a new data key in place of the old."""

    help = (
        "Put a new key-encryption key and a new data key in place of the old, while the service "
        "goes on. When it is cut off, run it again: it goes on where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the option."""
        parser.add_argument(
            "--keep-old",
            action="store_true",
            help="keep the old key-encryption key, which backups made before need",
        )

    def handle(self, *, keep_old: bool, **_: object) -> None:
        """Run."""
        self._told_at = time.monotonic()
        self._done = 0
        try:
            with refusals_told():
                left = services.rotate_kek(
                    now=timezone.now(), report=self._report, keeps_old=keep_old
                )
        except KeyboardInterrupt:
            raise CommandError("Cut off; old and new keys both open. Run it again.") from None
        self.stdout.write(f"Rotated; {self._done} rows were sealed anew.")
        for sentence in left:
            self.stdout.write(sentence)

    def _report(self, done: int, total: int) -> None:
        self._done = done
        if done == total or time.monotonic() - self._told_at > SECONDS:
            self._told_at = time.monotonic()
            self.stderr.write(f"{done} of {total} rows")
