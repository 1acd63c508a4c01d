"""Seal every stored secret anew, under a new key-encryption key."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import track

from audit.services import record
from common.commands import refusals_told
from common.sealing import sealer
from countersign import rotation
from countersign.rotation import Fate


class Command(BaseCommand):
    """Leaves nothing that only an older key opens."""

    help = (
        "Seal every stored secret anew under the first key of COUNTERSIGN_KEK, while the site "
        "serves. When it is cut off, run it again: it goes on where it stopped."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        """Run the command; exit status 1 when a secret does not open."""
        with refusals_told():
            if not sealer().older:
                raise CommandError(
                    "There is one key only: put the new key in front (COUNTERSIGN_KEK=new,old), "
                    "restart the site, the worker and receive_sms, then run this."
                )
        try:
            fates, left = self._run()
        except KeyboardInterrupt:
            raise CommandError("Cut off; all the keys still open. Run it again.") from None
        sealed = fates[Fate.SEALED]
        record(
            action="kek.rotated",
            actor="system",
            subject=f"{sealed} secrets",
            now=timezone.now(),
            code="secrets_left" if left else "",
        )
        self.stdout.write(
            f"{sealed} secrets sealed anew, {fates[Fate.SEALED_BEFORE]} had been before"
        )
        for line in left:
            self.stdout.write(line)
        if left:
            raise CommandError(f"secrets_left: {len(left)} secrets are as they were")

    def _run(self) -> tuple[Counter[Fate], list[str]]:
        """Return how often each came about, and which secrets are left."""
        fates, left = Counter[Fate](), []
        progress = track(
            rotation.seal_anew(), "secrets", rotation.count(), console=Console(stderr=True)
        )
        for fate, name in progress:
            fates[fate] += 1
            if fate in (Fate.DAMAGED, Fate.CHANGED):
                left.append(f"{name} {fate}")
        return fates, left
