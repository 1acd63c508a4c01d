"""Make the platform's signing keys."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from audit.services import record
from common.commands import refusals_told
from protocol.keys import Purpose, root_fingerprint
from signing import services


class Command(BaseCommand):
    """Certifies new keys with the root, which is made on the first run."""

    help = (
        "Make a new key for each thing the platform signs, certified by the root key file, "
        "and retire those before it: what they signed stays good."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --only and --root-public."""
        parser.add_argument(
            "--only",
            action="append",
            type=Purpose,
            choices=services.PURPOSES,
            metavar="PURPOSE",
            help="make one for this purpose alone; may be repeated",
        )
        parser.add_argument(
            "--root-public",
            type=Path,
            help="write the public root here, for `authserver add_platform`",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        with refusals_told():
            root = services.load_or_create_root(settings.COUNTERSIGN_ROOT_KEY_FILE)
            if options["root_public"]:
                options["root_public"].write_text(root.public.hex() + "\n", "ascii")
            purposes = options["only"] or services.PURPOSES
            now = timezone.now()
            with transaction.atomic():
                keys = services.create_keys(root=root, now=now, purposes=purposes)
                for key in keys:
                    record(action="key.made", actor="system", subject=str(key), now=now)
            for key in keys:
                self.stdout.write(f"made {key}")
        self.stdout.write(f"root key: {root_fingerprint(root.public)}")
        self.stdout.write("Keep the root key file off-line; only this command needs it.")
