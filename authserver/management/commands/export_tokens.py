"""``python -m authserver export_tokens``: write a batch to a file sealed under a passphrase."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from authserver import services
from authserver.management.operators import add_operator
from authserver.management.refusals import refusals_told
from authserver.management.secrets import asked_twice, from_file


class Command(BaseCommand):
    """Writes PSKC; every token's story tells of it."""

    help = (
        "Export the living tokens of a batch as PSKC, seeds sealed under a passphrase of at least "
        "12 characters, which is asked for. Whoever has both can answer for every one of them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path, help="must not exist yet")
        parser.add_argument("--platform", required=True, help="id of the platform")
        parser.add_argument("--batch", required=True, help="name of the batch")
        parser.add_argument("--password-file", type=Path, help="holds the passphrase")
        add_operator(parser)

    def handle(
        self,
        *,
        file: Path,
        platform: str,
        batch: str,
        password_file: Path | None,
        by: str,
        **_: object,
    ) -> None:
        """Run."""
        passphrase = from_file(password_file) or asked_twice("Passphrase", "--password-file")
        try:
            file.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            raise CommandError(f"{file} cannot be made: {error.strerror}.") from error
        try:
            with file.open("wb") as out, refusals_told():
                count = services.export_batch(
                    platform=platform,
                    batch=batch,
                    passphrase=passphrase,
                    out=out,
                    operator=by,
                    now=timezone.now(),
                )
        except BaseException:
            file.unlink()
            raise
        self.stdout.write(f"{count} tokens in {file}.")
