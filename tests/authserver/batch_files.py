"""Files of tokens, for the tests that import them."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from authserver.models import Batch, ImportJob
from authserver.services import imports
from authserver.services.imports import Secret
from tests.authserver.world import Bank
from tokens.batches import format_of

SEED = "31" * 20
SUITES = ("HOTP,6", "TOTP,8,60,SHA256", "OCRA,OCRA-1:HOTP-SHA256-8:QN10-T1M")
RFC = Path(__file__).parent.parent / "vectors" / "pskc"


def csv(*serials: str) -> bytes:
    """Return an OATH CSV file of tokens that can be stored, of suites in turn."""
    lines = (f"{serial},{SEED},{SUITES[at % 3]}\n" for at, serial in enumerate(serials))
    return "".join(lines).encode()


def now() -> datetime:
    return datetime.now(UTC)


def check(bank: Bank, content: bytes, batch: str = "May", **options: Any) -> ImportJob:
    """Check a file, as the command and the page do."""
    stream = io.BufferedReader(io.BytesIO(content))
    job = imports.begin_import(
        platform=bank.information.id,
        batch=batch,
        form=format_of(stream),
        octets=len(content),
        operator="anna",
        now=now(),
    )
    secret = Secret(options.pop("key", None), options.pop("password", None))
    imports.check_import(job, stream, secret=secret, **options)
    return job


def store(job: ImportJob, *, is_partial: bool = False) -> Batch:
    return imports.store_import(job, is_partial=is_partial, operator="anna", now=now())


def imported(bank: Bank, *serials: str, batch: str = "May") -> Batch:
    """Bring tokens into the stock."""
    return store(check(bank, csv(*serials), batch))
