"""``python -m authserver after_restore``: once after a backup was restored."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from authserver import services
from authserver.management.refusals import refusals_told


class Command(BaseCommand):
    """Makes a restored database safe to serve from."""

    help = (
        "Run once after restoring the database from a backup, before serving: raises the "
        "generation, closes open invitations, and judges nothing for eleven minutes."
    )

    def handle(self, **_: object) -> None:
        """Run."""
        with refusals_told():
            host = services.after_restore(now=timezone.now())
        self.stdout.write(
            f"Generation {host.generation}; ready at {host.not_ready_until:%Y-%m-%d %H:%M:%S} UTC"
        )
