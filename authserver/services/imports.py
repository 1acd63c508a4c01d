"""Import files of tokens: check and prepare all of it, then store all of it at once."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from django.db import IntegrityError, transaction
from django.utils import timezone

from authserver.errors import AuthserverError, Code
from authserver.models import Batch, ImportChunk, ImportJob, Platform, Server
from authserver.selectors import host_state
from authserver.services import datakeys, events, lifecycle
from authserver.services.events import EventKind
from authserver.services.hosts import current_host_key
from authserver.services.import_rows import Judge, Maker, keys_now, servers_of
from authserver.services.words import checked
from tokens.batches import Format, Source, read_batch
from tokens.batches_entry import Refused
from tokens.errors import BatchError

logger = logging.getLogger(__name__)

AT_ONCE = 500
NAME_BYTES = 40
# What waits longer than this to be stored is thrown away.
LIFE = timedelta(hours=24)
State = ImportJob.State
# What has not gone on for so long was cut off, by a restart for instance.  A check tells after
# every few hundred tokens how far it is; storing is one transaction and tells nothing.
SILENCE = {State.CHECKING: timedelta(minutes=2), State.STORING: timedelta(minutes=10)}
SENTENCE = 200
_PROGRESS = ("state", "good", "bad", "suites", "octets_read", "touched_at", "problem", "sentence")

Told = Callable[[ImportJob, list[Refused]], None]


class File(Source, Protocol):
    """A file that knows how far it has been read."""

    def tell(self) -> int:
        """Return how many octets were read."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """What opens a sealed PSKC document: a key, or a password, or neither."""

    key: bytes | None = None
    password: str | None = None


def ignore(job: ImportJob, refused: list[Refused]) -> None:
    """Tell nobody."""


def begin_import(
    *, platform: str, batch: str, form: Format, octets: int, operator: str, now: datetime
) -> ImportJob:
    """Open an import.

    Args:
        platform: Id of the platform the tokens are for.
        batch: Name of the batch to be, at most 40 bytes.
        form: Format of the file.
        octets: Its size.
        operator: Who imports.
        now: Current time.

    Raises:
        AuthserverError: ``input_invalid``.
    """
    if not batch:
        raise AuthserverError(Code.INPUT_INVALID, "A batch needs a name.")
    checked("batch", batch, NAME_BYTES)
    if not Platform.objects.filter(id=platform).exists():
        raise AuthserverError(Code.INPUT_INVALID, f"There is no platform {platform}.")
    old = ImportJob.objects.filter(touched_at__lt=now - LIFE)
    old.exclude(state=State.DONE).delete()
    ImportChunk.objects.filter(job__in=old).delete()
    return ImportJob.objects.create(
        platform_id=platform,
        batch=batch,
        format=form,
        octets=octets,
        operator=operator,
        begun_at=now,
        touched_at=now,
    )


def check_import(
    job: ImportJob,
    file: File,
    *,
    secret: Secret,
    is_kept: bool = True,
    told: Told = ignore,
    clock: Callable[[], datetime] = timezone.now,
) -> None:
    """Read a file, say of each token whether it can be stored, and prepare those that can.

    Memory is bounded but for the serials, which are kept to find those that repeat.

    Args:
        job: The import, begun; its row tells how far this is.
        file: The file.
        secret: What opens it.
        is_kept: Whether it may be stored afterwards; otherwise nothing is prepared.
        told: Is called after every few hundred tokens with those refused.
        clock: Tells the time.

    Raises:
        AuthserverError: ``not_ready`` without keys to prepare with, or ``state_conflict`` when
            the import was thrown away meanwhile.
    """
    datakeys.prepare()
    now = clock()
    judge, maker = Judge(now), Maker.at(now)
    found = read_batch(file, Format(job.format), now=now, key=secret.key, password=secret.password)
    number = 0
    try:
        while part := list(islice(found, AT_ONCE)):
            good, bad = judge.divide(part)
            job.good, job.bad = job.good + len(good), job.bad + len(bad)
            job.suites = dict(Counter(job.suites) + Counter(entry.suite for entry in good))
            job.octets_read, job.touched_at = file.tell(), clock()
            with transaction.atomic(durable=True):
                _note(job, State.CHECKING)
                if is_kept:
                    keys, rows = maker.prepare(good, judge.sights)
                    refused = [[one.place, one.serial, one.problem, one.sentence] for one in bad]
                    ImportChunk.objects.create(
                        job=job, number=number, keys=keys, rows=rows, refused=refused
                    )
            told(job, bad)
            number += 1
    except BatchError as error:
        job.problem, job.sentence, job.touched_at = error.problem.value, str(error), clock()
        job.chunks.all().delete()
        _note(job, State.REFUSED)
        return
    _note(job, State.READY)


def fail_import(job: ImportJob, sentence: str, now: datetime) -> None:
    """Note that a check broke off, by no fault of the file; nothing of it is kept."""
    job.sentence, job.touched_at = sentence, now
    job.chunks.all().delete()
    _write(job, State.FAILED)


def store_import(
    job: ImportJob,
    *,
    is_partial: bool,
    operator: str,
    now: datetime,
    told: Callable[[int], None] = lambda stored: None,
) -> Batch:
    """Store the tokens of a checked file, all in one transaction.

    Args:
        job: The import, ready.
        is_partial: Whether to leave refused tokens out; otherwise one of them stops all.
        operator: Who stores.
        now: Current time.
        told: Is called with how many are stored so far.

    Raises:
        AuthserverError: ``state_conflict``, and nothing was changed.
    """
    try:
        with transaction.atomic(durable=True):
            _claim(job, is_partial=is_partial)
            batch = Batch.objects.create(
                platform_id=job.platform_id,
                name=job.batch,
                format=job.format,
                imported_at=now,
                tokens=job.good,
            )
            _store_all(job, batch, events.operator(operator), now, told)
            # What was refused can be looked at for a while.
            job.chunks.filter(refused=[]).delete()
            job.chunks.update(rows="")
    except IntegrityError as error:
        raise AuthserverError(
            Code.STATE_CONFLICT,
            "A batch of this name, or one of the tokens, is stored by now. Check the file again.",
        ) from error
    job.state = State.DONE
    logger.info("batch.imported", extra={"batch": job.batch, "tokens": batch.tokens})
    return batch


def begin_storing(job: ImportJob, now: datetime) -> None:
    """Note that a checked file is being stored, so that nobody else begins to.

    Raises:
        AuthserverError: ``state_conflict``.
    """
    rows = ImportJob.objects.filter(pk=job.pk)
    waiting = rows.filter(state=State.READY) | rows.filter(
        state=State.STORING, touched_at__lt=now - SILENCE[State.STORING]
    )
    if not waiting.update(state=State.STORING, touched_at=now, sentence=""):
        raise AuthserverError(Code.STATE_CONFLICT, "This import is not ready, or was stored.")


def give_back(job: ImportJob, sentence: str, now: datetime) -> None:
    """Note that storing came to nothing; it may be tried again."""
    rows = ImportJob.objects.filter(pk=job.pk, state=State.STORING)
    rows.update(state=State.READY, touched_at=now, sentence=sentence[:SENTENCE])


def discard_import(job: ImportJob) -> None:
    """Throw away what waits to be stored."""
    job.chunks.all().delete()
    ImportJob.objects.filter(pk=job.pk).exclude(state=State.DONE).delete()


def is_batch_stored(job: ImportJob) -> bool:
    """Whether a batch of this name is stored already."""
    return Batch.objects.filter(platform_id=job.platform_id, name=job.batch).exists()


def has_fallen_silent(job: ImportJob, now: datetime) -> bool:
    """Whether the process that checked or stored this is gone."""
    patience = SILENCE.get(State(job.state))
    return patience is not None and job.touched_at < now - patience


def _note(job: ImportJob, state: State) -> None:
    """Write how far a check is, unless the import was thrown away meanwhile."""
    if not _write(job, state):
        raise AuthserverError(Code.STATE_CONFLICT, "The import was thrown away.")


def _write(job: ImportJob, state: State) -> bool:
    job.state, job.sentence = state, job.sentence[:SENTENCE]
    rows = ImportJob.objects.filter(pk=job.pk, state=State.CHECKING)
    return bool(rows.update(**{name: getattr(job, name) for name in _PROGRESS}))


def _claim(job: ImportJob, *, is_partial: bool) -> None:
    """Take the import, so that nobody else stores it: what goes wrong later gives it back."""
    open_jobs = ImportJob.objects.filter(pk=job.pk, state__in=[State.READY, State.STORING])
    if not open_jobs.update(state=State.DONE):
        raise AuthserverError(Code.STATE_CONFLICT, "This import is not ready, or was stored.")
    if job.bad and not is_partial:
        raise AuthserverError(
            Code.STATE_CONFLICT, f"{job.bad} tokens are refused, so nothing was stored."
        )
    if not job.good:
        raise AuthserverError(Code.STATE_CONFLICT, "There is no token to store.")


def _store_all(
    job: ImportJob, batch: Batch, actor: str, now: datetime, told: Callable[[int], None]
) -> None:
    keys, seq = keys_now(current_host_key(now).pk), host_state().generation << 32
    stored = number = 0
    # One at a time: an iterator over all would hold all where there are no cursors.
    while chunk := job.chunks.filter(number=number).first():
        if chunk.keys != keys:
            raise AuthserverError(
                Code.STATE_CONFLICT,
                "The host's keys were changed since. Check the file again.",
            )
        servers = servers_of(chunk, job, batch, seq)
        lifecycle.begin(
            servers,
            EventKind.IMPORTED,
            actor=actor,
            now=now,
            after=Server.State.STOCK,
            batch=batch.name,
        )
        stored += len(servers)
        number += 1
        told(stored)
