"""Make the platform's signing keys."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from protocol.keys import root_fingerprint
from signing import services


class Command(BaseCommand):
    """Certifies new keys with the root, which is made on the first run."""

    help = "Make new statement, receipt and directory keys, certified by the root key file."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --root-public."""
        parser.add_argument(
            "--root-public", help="write the public root here, for `authserver add_platform`"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        root = services.load_or_create_root(settings.COUNTERSIGN_ROOT_KEY_FILE)
        for key in services.create_keys(root=root, now=timezone.now()):
            self.stdout.write(f"made {key}")
        if options["root_public"]:
            with open(options["root_public"], "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(root.public.hex() + "\n")
        self.stdout.write(f"root key: {root_fingerprint(root.public)}")
        self.stdout.write("Keep the root key file off-line; only this command needs it.")
