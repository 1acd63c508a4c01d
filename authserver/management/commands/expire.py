"""``python -m authserver expire``: write the end of tokens past their time."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from authserver import services


class Command(BaseCommand):
    """Writes what the clock has decided already, so that it stands in every token's story."""

    help = "Mark tokens past their end as expired. They have answered nothing since; run it daily."

    def handle(self, **_: object) -> None:
        """Run."""
        now, total = timezone.now(), 0
        while written := services.expire_due(now=now):
            total += written
        self.stdout.write(f"Expired: {total}")
