"""``python -m authserver rotate_kek``: new keys for all that is sealed, while serving."""

from argparse import ArgumentParser

from django.core.management.base import CommandError
from django.utils import timezone

from authserver import services
from authserver.management.progress import ProgressCommand
from authserver.management.refusals import refusals_told


class Command(ProgressCommand):
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
        try:
            with refusals_told():
                left = services.rotate_kek(
                    now=timezone.now(), report=self.report, keeps_old=keep_old
                )
        except KeyboardInterrupt:
            raise CommandError("Cut off; old and new keys both open. Run it again.") from None
        self.stdout.write(f"Rotated; {self.done} rows were sealed anew.")
        for sentence in left:
            self.stdout.write(sentence)
