"""``python -m authserver import_tokens``: bring a file of tokens into the stock."""

from argparse import ArgumentParser
from io import BufferedReader
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from authserver.management.operators import add_operator
from authserver.management.refusals import refusals_told
from authserver.management.secrets import asked, from_file
from authserver.models import ImportJob
from authserver.services import imports
from authserver.services.imports import Secret
from tokens.batches import Format, format_of
from tokens.batches_entry import Refused
from tokens.errors import BatchError, BatchProblem


class Command(BaseCommand):
    """Checks every token first, and stores all or nothing unless told otherwise."""

    help = (
        "Import tokens from a PSKC, OATH CSV or Yubico CSV file into the stock of a platform. "
        "Everything is checked first and every token that is refused is named; one that is "
        "refused stops all, unless --keep-going leaves it out. Keys and passwords are asked for."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--platform", required=True, help="id of the platform they are for")
        parser.add_argument("--batch", required=True, help="name of the batch, at most 40 bytes")
        parser.add_argument(
            "--format", choices=[form.value for form in Format], help="found out when left out"
        )
        parser.add_argument("--key-file", type=Path, help="holds the shared key, in hexadecimal")
        parser.add_argument("--password-file", type=Path, help="holds the password of the file")
        parser.add_argument("--dry-run", action="store_true", help="check, and store nothing")
        parser.add_argument("--keep-going", action="store_true", help="leave refused tokens out")
        add_operator(parser)

    def handle(self, *, file: Path, dry_run: bool, keep_going: bool, **options: Any) -> None:
        """Run."""
        secret = Secret(_key(from_file(options["key_file"])), from_file(options["password_file"]))
        try:
            with file.open("rb") as stream, refusals_told():
                job = self._checked(stream, secret, is_kept=not dry_run, **options)
                try:
                    self._finish(job, options["by"], is_dry=dry_run, is_partial=keep_going)
                finally:
                    imports.discard_import(job)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except BatchError as error:
            raise CommandError(str(error)) from error

    def _checked(
        self, stream: BufferedReader, secret: Secret, *, is_kept: bool, **options: Any
    ) -> ImportJob:
        """Check the file, with the key or password asked for where the file turns out sealed."""
        job = imports.begin_import(
            platform=options["platform"],
            batch=options["batch"],
            form=Format(options["format"]) if options["format"] else format_of(stream),
            octets=Path(stream.name).stat().st_size,
            operator=options["by"],
            now=timezone.now(),
        )
        with _Bar("Checking", job.octets) as bar:

            def told(job: ImportJob, refused: list[Refused]) -> None:
                for one in refused:
                    self.stdout.write(_line(job, one))
                bar.show(job.octets_read)

            try:
                imports.check_import(job, stream, secret=secret, is_kept=is_kept, told=told)
            except BaseException:
                imports.discard_import(job)
                raise
        wanted = _asked_for(job)
        if wanted is None:
            return job
        imports.discard_import(job)
        stream.seek(0)
        return self._checked(stream, wanted, is_kept=is_kept, **options)

    def _finish(self, job: ImportJob, by: str, *, is_dry: bool, is_partial: bool) -> None:
        if job.state != ImportJob.State.READY:
            raise CommandError(f"The file is refused. {job.sentence}")
        for suite, count in sorted(job.suites.items()):
            self.stdout.write(f"{count:>9} {suite}")
        self.stdout.write(f"{job.good} tokens can be stored, {job.bad} are refused.")
        if imports.is_batch_stored(job):
            self.stdout.write(f"There is a batch {job.batch} already.")
        if is_dry:
            self.stdout.write("Nothing was stored: this was a dry run.")
            return
        with _Bar("Storing", job.good) as bar:
            batch = imports.store_import(
                job, is_partial=is_partial, operator=by, now=timezone.now(), told=bar.show
            )
        self.stdout.write(f"Stored {batch.tokens} tokens as {batch}.")


class _Bar:
    """A bar on the terminal, if there is one."""

    def __init__(self, doing: str, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        self._progress = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
        self._task = self._progress.add_task(doing, total=total)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, done: int) -> None:
        """Show how far it is."""
        self._progress.update(self._task, completed=done)


def _key(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        # Without its cause: that would show a part of the key.
        raise CommandError("The shared key is not hexadecimal.") from None


def _asked_for(job: ImportJob) -> Secret | None:
    """Ask for what the file is sealed with, if it is and nothing was given."""
    if job.problem == BatchProblem.KEY_NEEDED:
        return Secret(key=_key(asked("Shared key, in hexadecimal", "--key-file")))
    if job.problem == BatchProblem.PASSWORD_NEEDED:
        return Secret(password=asked("Password of the file", "--password-file"))
    return None


def _line(job: ImportJob, one: Refused) -> str:
    place = "key" if job.format == Format.PSKC else "line"
    return f"{place} {one.place}  {one.serial or '-'}  {one.problem.value}  {one.sentence}"
