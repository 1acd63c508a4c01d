"""What the operator pages show; never a secret."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from django.db.models import Count, Q, QuerySet

from authserver.errors import AuthserverError, KeyProviderError
from authserver.models import (
    Batch,
    DataKey,
    Event,
    HostKey,
    ImportJob,
    LogRefusal,
    Server,
    Verdict,
)
from authserver.selectors import log_refusals, recent_failures
from authserver.services import check_ready
from protocol import cose
from protocol.keys import ServerCertificate
from protocol.verdict import Reason
from tokens.suites import parse_suite

EVENTS_SHOWN = 500
EVENTS_READ, EVENTS_LISTED = 200, 10
IMPORTS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a certificate, the last one included."""

    first: date
    last: date

    @classmethod
    def of(cls, first: int, last: int) -> "Days":
        """Read days as certificates count them."""
        return cls(_date(first), _date(last))


@dataclass(frozen=True, slots=True)
class Overview:
    """How the host stands.

    Attributes:
        fault: Why it is not ready; empty when it is.
        counts: How many servers are in which state, all states named.
        total: How many there are.
        locked: How many are locked now, or blocked.
        host_keys: Keys that certify servers, newest first, each with its days.
        data_keys: Keys that seal rows, newest first.
        events: The last few of all servers; of many that came about together, one.
        refusals: Platforms whose receipt log did not go on from what this host had signed for.
    """

    fault: str
    counts: dict[str, int]
    total: int
    locked: int
    host_keys: list[tuple[HostKey, Days]]
    data_keys: list[DataKey]
    events: list[Event]
    refusals: list[LogRefusal]


@dataclass(frozen=True, slots=True)
class BatchCard:
    """One batch: how many of its tokens are where."""

    batch: Batch
    stock: int
    used: int
    ended: int


@dataclass(frozen=True, slots=True)
class ServerCard:
    """Everything an operator may know of one server."""

    server: Server
    state: str
    days: Days
    is_weak: bool
    is_locked: bool
    failures: int
    verdicts: list[tuple[str, int]]
    events: list[Event]


def overview(now: datetime) -> Overview:
    """Return how the host stands."""
    rows = Server.objects.order_by().values_list("state").annotate(Count("id"))
    found = Counter(dict(rows))
    keys = HostKey.objects.order_by("-id")
    return Overview(
        fault=_fault(now),
        counts={state: found[state] for state in Server.State.values},
        total=found.total(),
        locked=servers_matching("", "locked", now).count(),
        host_keys=[(key, Days.of(key.from_day, key.to_day)) for key in keys],
        data_keys=list(DataKey.objects.exclude(wrapped=b"").order_by("-made_at")),
        events=_last_events(),
        refusals=log_refusals(),
    )


def _last_events() -> list[Event]:
    rows = Event.objects.order_by("-id").select_related("server")[:EVENTS_READ]
    together = groupby(rows, key=lambda event: (event.kind, event.actor, event.at))
    return [next(events) for _, events in together][:EVENTS_LISTED]


def servers_matching(query: str, state: str, now: datetime) -> QuerySet[Server]:
    """Return servers, newest first.

    Args:
        query: How a serial, a server id, or the name of a batch begins; empty for all.
        state: One of the states, or ``locked``; empty for all.
        now: Current time.
    """
    rows = Server.objects.order_by("-id").select_related("batch")
    if state == "locked":
        rows = rows.filter(Q(is_blocked=True) | Q(locked_until__gt=now))
    elif state:
        rows = rows.filter(state=state)
    if query:
        batches = Batch.objects.filter(name__istartswith=query).values_list("id", flat=True)
        named = Q(serial__startswith=query.upper()) | Q(vk__startswith=query.lower())
        rows = rows.filter(named | Q(batch__in=list(batches)))
    return rows


def server_card(server: Server, now: datetime) -> ServerCard:
    """Return one server with its whole story."""
    certificate = ServerCertificate.from_payload(cose.parse(server.certificate).payload)
    counts = Verdict.objects.filter(server=server).order_by().values_list("reason")
    return ServerCard(
        server=server,
        state=server.state_at(now),
        days=Days.of(certificate.from_day, certificate.to_day),
        is_weak=parse_suite(server.suite).is_weak_hash,
        is_locked=server.is_locked(now),
        failures=recent_failures(server, now),
        verdicts=[
            (Reason(reason).name.lower(), count) for reason, count in counts.annotate(Count("id"))
        ],
        events=list(Event.objects.filter(server=server).order_by("-id")[:EVENTS_SHOWN]),
    )


def batches() -> list[BatchCard]:
    """Return the batches, newest first."""
    states: dict[int, Counter[str]] = defaultdict(Counter)
    rows = Server.objects.exclude(batch=None).order_by().values_list("batch", "state")
    for batch, state, count in rows.annotate(Count("id")):
        states[batch][state] = count
    return [
        _batch_card(batch, states[batch.pk])
        for batch in Batch.objects.order_by("-id").select_related("platform")
    ]


def recent_imports() -> list[ImportJob]:
    """Return the last imports, newest first."""
    return list(ImportJob.objects.order_by("-begun_at")[:IMPORTS_SHOWN])


def refused_of(job: ImportJob) -> Iterator[list[str]]:
    """Yield what was refused: place, serial, problem and the problem in words."""
    # One part at a time: an iterator over all would hold all where there are no cursors.
    for part in list(job.chunks.order_by("number").values_list("pk", flat=True)):
        yield from job.chunks.filter(pk=part).values_list("refused", flat=True).get()


def _batch_card(batch: Batch, counts: Counter[str]) -> BatchCard:
    stock = counts[Server.State.STOCK]
    used = sum(counts[state] for state in Server.State.living()) - stock
    return BatchCard(batch, stock=stock, used=used, ended=counts.total() - stock - used)


def _fault(now: datetime) -> str:
    try:
        check_ready(now)
    except AuthserverError as error:
        return error.detail
    except KeyProviderError as error:
        return str(error)
    return ""


def _date(day: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()
