"""Work that takes longer than a request: in a thread, its progress in the import's row."""

import io
import logging
import threading
from collections.abc import Callable

from django.db import connections
from django.utils import timezone

from authserver.errors import AuthserverError, KeyProviderError
from authserver.models import ImportJob
from authserver.services import imports
from authserver.services.imports import Secret
from protocol.errors import ProtocolError

logger = logging.getLogger(__name__)

_OUR_TROUBLE = "Something went wrong at this host; its log says what."


def check(job: ImportJob, file: io.BufferedReader, secret: Secret) -> None:
    """Check an uploaded file, and close it."""

    def work() -> None:
        with file:
            imports.check_import(job, file, secret=secret)

    begin(work, lambda sentence: imports.fail_import(job, sentence, timezone.now()))


def store(job: ImportJob, *, is_partial: bool, operator: str) -> None:
    """Store what was checked."""

    def work() -> None:
        imports.store_import(job, is_partial=is_partial, operator=operator, now=timezone.now())

    begin(work, lambda sentence: imports.give_back(job, sentence, timezone.now()))


def begin(work: Callable[[], None], failed: Callable[[str], None]) -> None:
    """Do it in a thread of its own."""

    def apart() -> None:
        try:
            run(work, failed)
        finally:
            connections.close_all()

    threading.Thread(target=apart, daemon=True).start()


def run(work: Callable[[], None], failed: Callable[[str], None]) -> None:
    """Do it, and note a failure."""
    try:
        work()
    except (AuthserverError, ProtocolError) as error:
        failed(error.detail)
    except KeyProviderError as error:
        failed(str(error))
    except Exception:
        logger.exception("import.broken")
        failed(_OUR_TROUBLE)
