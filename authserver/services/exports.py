"""Export the tokens of a batch, sealed under a passphrase."""

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from django.db import transaction

from authserver.errors import AuthserverError, Code
from authserver.models import Batch, Server
from authserver.services import events, seals
from authserver.services.events import EventKind
from tokens.batches_entry import Entry
from tokens.pskc_writer import write_pskc

logger = logging.getLogger(__name__)

MIN_PASSPHRASE = 12
AT_ONCE = 500


def export_batch(
    *, platform: str, batch: str, passphrase: str, out: BinaryIO, operator: str, now: datetime
) -> int:
    """Write the living tokens of a batch as PSKC; the story of each says who did so.

    Args:
        platform: Id of the platform.
        batch: Name of the batch.
        passphrase: At least twelve characters; whoever has it and the file can answer for all.
        out: Where to.
        operator: Who exports.
        now: Current time.

    Returns:
        How many tokens were written.

    Raises:
        AuthserverError: ``input_invalid`` or ``not_found``.
        ProtocolError: ``sealed_invalid``.
        KeyProviderError: a data key cannot be had.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise AuthserverError(
            Code.INPUT_INVALID, f"The passphrase needs {MIN_PASSPHRASE} characters or more."
        )
    found = Batch.objects.filter(platform_id=platform, name=batch).first()
    if found is None:
        raise AuthserverError(Code.NOT_FOUND, f"There is no batch {batch} of {platform}.")
    with transaction.atomic(durable=True):
        # First the event: what was given away is told even if the writing breaks off.
        for servers in _living(found, now):
            events.record_all(servers, EventKind.EXPORTED, events.operator(operator), now)
    entries = (_entry(server) for servers in _living(found, now) for server in servers)
    count = write_pskc(out, entries, passphrase)
    logger.warning("batch.exported", extra={"batch": batch, "tokens": count, "by": operator})
    return count


def _living(batch: Batch, now: datetime) -> Iterator[list[Server]]:
    """Yield the tokens that serve or may yet serve, some at a time."""
    rows = Server.objects.filter(batch=batch, state__in=Server.State.living()).order_by("id")
    last = 0
    while servers := list(rows.filter(id__gt=last)[:AT_ONCE]):
        last = servers[-1].pk
        yield [server for server in servers if not server.has_expired(now)]


def _entry(server: Server) -> Entry:
    return Entry(
        place=server.pk,
        serial=server.serial,
        suite=server.suite,
        seed=seals.seed_of(server),
        counter=server.counter,
        drift=server.drift,
        expires_at=server.expires_at,
    )
