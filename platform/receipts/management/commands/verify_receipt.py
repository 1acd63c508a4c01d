"""Verify a receipt offline."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from common.commands import refusals_told
from protocol.errors import ProtocolError
from protocol.keys import MAX_DIRECTORY_BYTES, Directory
from protocol.verification import Outcome, Report, verify_receipt
from receipts import images, services
from receipts.schemas import ReportOut
from tokens.display import step_lines

_MARKS = {Outcome.PASSED: "ok", Outcome.FAILED: "FAILED", Outcome.UNCHECKED: "not checked"}


class Command(BaseCommand):
    """Checks a receipt against a key file, or this platform's own keys, a line per check."""

    help = "Verify a receipt: a picture, its text, or a file with its text or bytes."
    requires_system_checks: list[str] = []  # as Django declares it

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("receipt", help="picture, file, or the text itself")
        parser.add_argument("--keys", type=Path, help="directory file; default: this platform's")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command; exit status 1 when a check fails or the input cannot be read."""
        with refusals_told():
            message = _message(options["receipt"])
            directory = _directory(options["keys"])
        report = verify_receipt(message, directory)
        if options["json"]:
            self.stdout.write(json.dumps(ReportOut.of(report).dict(), default=str, indent=2))
        else:
            for line in _lines(report):
                self.stdout.write(line)
        if not report.is_valid:
            failure = report.failures[0]
            raise CommandError(f"{failure.code}: {failure.text}")


def _lines(report: Report) -> Iterator[str]:
    """Yield what the receipt says, a line per check, and what goes for every receipt."""
    for step in report.steps:
        yield from step_lines(step.statement)
        yield f"Step {step.statement.pos + 1} / Token: {step.statement.sight.words}"
    for check in report.checks:
        yield f"{check.number}. {_MARKS[check.outcome]:11} {check.text}"
    yield from report.always


def _message(given: str) -> bytes:
    """Return the COSE bytes from a picture, a text, or a file with text or bytes."""
    if given.lstrip().startswith("http"):
        return services.read_text(given).message
    path = Path(given)
    with path.open("rb") as file:
        content = file.read(images.MAX_IMAGE_BYTES + 1)
    if content[:1] == b"\xd2":
        return content
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        return services.first_receipt(images.read_codes(content)).message
    return services.read_text(text).message


def _directory(path: Path | None) -> Directory:
    if path is None:
        return Directory.open(services.directory(now=timezone.now()))
    with path.open("rb") as file:
        content = file.read(MAX_DIRECTORY_BYTES + 1)
    try:
        return Directory.open(content)
    except ProtocolError as error:
        raise CommandError(f"{error.code}: the key file: {error.detail}") from error
