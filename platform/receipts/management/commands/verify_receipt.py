"""Verify a receipt offline."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from common.commands import refusals_told
from protocol.cbor import MAX_BYTES, MAX_INT
from protocol.certified import MAX_BUCKET_BYTES, Fetched, read_bucket
from protocol.errors import ProtocolError
from protocol.keys import MAX_DIRECTORY_BYTES, Directory, root_fingerprint
from protocol.outcome import Outcome, Report
from protocol.verification import verify_receipt
from receipts import images, services
from receipts.errors import ImageUnreadableError
from receipts.schemas import ReportOut
from tokens.display import step_lines

# No directory's number has more, and Python refuses to read thousands.
_MAX_DIGITS = len(str(MAX_INT))
_MARKS = {Outcome.PASSED: "ok", Outcome.FAILED: "FAILED", Outcome.UNCHECKED: "not checked"}


class Command(BaseCommand):
    """Checks a receipt against a key file, or this platform's own keys, a line per check."""

    help = "Verify a receipt: a picture, its text, or a file with its text or bytes."
    requires_system_checks: list[str] = []  # as Django declares it

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("receipt", help="picture, file, or the text itself")
        parser.add_argument("--keys", type=Path, help="directory file; default: this platform's")
        parser.add_argument(
            "--root", metavar="FINGERPRINT", help="of the platform's root key, got elsewhere"
        )
        parser.add_argument(
            "--not-older-than",
            metavar="FILE|NUMBER",
            help="refuse keys older than those in this file, or of this number",
        )
        parser.add_argument(
            "--certificates",
            type=Path,
            action="append",
            default=[],
            help="file of /.well-known/countersign/servers/; may be repeated",
        )
        parser.add_argument("--proof", type=Path, help="proof file that it is in the log")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command; exit status 1 when a check fails or the input cannot be read."""
        with refusals_told():
            message = _message(options["receipt"])
            directory = _directory(options["keys"])
            _check_directory(directory, options["root"], options["not_older_than"])
            fetched = _fetched(options["certificates"])
            proof = _read(options["proof"], MAX_BYTES) if options["proof"] else None
        report = verify_receipt(message, directory, fetched, proof)
        root = root_fingerprint(directory.root)
        if options["json"]:
            keys = {"root": root, "number": directory.number, "issued": directory.issued}
            said = {**ReportOut.of(report).dict(), "keys": keys}
            self.stdout.write(json.dumps(said, default=str, indent=2))
        else:
            for line in _lines(report):
                self.stdout.write(line)
            known = "as asked for" if options["root"] else "compare it with one got elsewhere"
            self.stdout.write(f"Root key {root} ({known}); directory {directory.number}.")
        if not report.is_valid:
            # Nothing need have failed: who signed it may be what cannot be told.
            wrong = next(check for check in report.checks if check.outcome is not Outcome.PASSED)
            failure = next(iter(report.failures), wrong)
            raise CommandError(f"{failure.code}: {failure.text}")


def _lines(report: Report) -> Iterator[str]:
    """Yield what the receipt says, a line per check, and what goes for every receipt."""
    for step in report.steps:
        yield from step_lines(step.statement)
        yield f"Step {step.statement.pos + 1} / Token: {step.statement.sight.words}"
    if charge := report.charge:
        if charge.paid:
            yield f"Amount: {charge.paid}"
        yield f"For: {charge.text}"
        for title, side in (("Paid by", charge.payer), ("Paid to", charge.payee)):
            yield f"{title}: {side.account}" + (f" {side.name}" if side.name else "")
    for check in report.checks:
        yield f"{check.number}. {_MARKS[check.outcome]:11} {check.text}"
    yield from report.always


def _message(given: str) -> bytes:
    """Return the COSE bytes from a picture, a text, or a file with text or bytes."""
    if given.lstrip().startswith("http"):
        return services.read_text(given).message
    content = _read(Path(given), images.MAX_IMAGE_BYTES)
    if content.startswith((b"%PDF", b"<svg", b"<?xml")):
        raise ImageUnreadableError("A PDF or SVG is for printing: give the PNG, text or CBOR.")
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
    content = _read(path, MAX_DIRECTORY_BYTES)
    try:
        return Directory.open(content)
    except ProtocolError as error:
        raise CommandError(f"{error.code}: the key file: {error.detail}") from error


def _check_directory(directory: Directory, root: str | None, newest: str | None) -> None:
    """Refuse keys under another root than asked for, or older ones than those known.

    Raises:
        ProtocolError: ``signature_invalid`` or as :meth:`Directory.check_successor`.
        OSError: the file of the known ones cannot be read.
    """
    if root is not None and _plain(root) != _plain(root_fingerprint(directory.root)):
        raise ProtocolError("signature_invalid", "the keys are under another root than asked for")
    if newest is None:
        return
    if not newest.isdecimal():
        _directory(Path(newest)).check_successor(directory)
    elif len(newest) > _MAX_DIGITS or directory.number < int(newest):
        raise ProtocolError("directory_outdated", "the keys are older than asked for")


def _plain(fingerprint: str) -> str:
    """Return a fingerprint without what people put in to read it."""
    return "".join(fingerprint.split()).lower()


def _fetched(paths: Sequence[Path]) -> dict[bytes, list[Fetched]]:
    """Return the certificates in files, which were fetched when they were written."""
    found: dict[bytes, list[Fetched]] = {}
    for path in paths:
        read = read_bucket(_read(path, MAX_BUCKET_BYTES), at=int(path.stat().st_mtime))
        for vk, certificates in read.items():
            found.setdefault(vk, []).extend(certificates)
    return found


def _read(path: Path, max_bytes: int) -> bytes:
    """Return a file's content; of one that is too large, enough to tell."""
    with path.open("rb") as file:
        return file.read(max_bytes + 1)
