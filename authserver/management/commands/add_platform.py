"""``python -m authserver add_platform``: let a platform in."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from authserver import services
from authserver.management.refusals import refusals_told
from authserver.management.roots import root_key
from protocol.keys import root_fingerprint


class Command(BaseCommand):
    """Pins a platform's root key and makes its bearer key."""

    help = "Let a platform in, under its root key. Prints its bearer key, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--id", required=True, dest="platform_id", help="at most 16 characters"
        )
        parser.add_argument("--origin", help="as it stands in its statements")
        parser.add_argument("--root", help="its public root key: 64 hex digits, or a file of them")
        parser.add_argument("--new-key", action="store_true", help="replace the key of a platform")
        parser.add_argument(
            "--key-file", type=Path, help="write the key there, for its owner alone to read"
        )

    def handle(
        self,
        *,
        platform_id: str,
        origin: str | None,
        root: str | None,
        new_key: bool,
        key_file: Path | None,
        **_: object,
    ) -> None:
        """Run."""
        if key_file is not None and key_file.exists() and not new_key:
            raise CommandError(f"{key_file} exists; --new-key replaces the key in it.")
        with refusals_told():
            if new_key:
                key = services.replace_platform_key(platform_id=platform_id)
            elif origin is None or root is None:
                raise CommandError("--origin and --root are needed for a new platform.")
            else:
                public = root_key(root)
                key = services.add_platform(
                    platform_id=platform_id, origin=origin.rstrip("/"), root=public
                )
                fingerprint = root_fingerprint(public)
                self.stderr.write(f"Platform {platform_id}, root key {fingerprint}")
        if key_file is None:
            self.stdout.write(key)
        else:
            key_file.touch(mode=0o600)
            key_file.write_text(key + "\n", "ascii")
