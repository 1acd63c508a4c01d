"""Make a host safe whose database came back from a backup."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import BigIntegerField, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest

from authserver.models import MAX_CONSECUTIVE_FAILURES, Enrolment, HostState, Server
from authserver.selectors import host_state
from authserver.services import events, lifecycle
from authserver.services.events import EventKind
from authserver.services.lifecycle import State
from authserver.services.matching import (
    COUNTER_LOOK_AHEAD,
    TIME_WINDOW,
    current_step,
    parsed_suite,
)
from protocol.statement import MAX_TTL_SECONDS

logger = logging.getLogger(__name__)

# No statement that was open when a backup was made is still open after this.
RESTORE_PAUSE = timedelta(seconds=MAX_TTL_SECONDS + 60)


def after_restore(*, now: datetime) -> HostState:
    """Make a host safe whose database was restored from a backup.

    What happened since the backup is lost, so: sequence numbers continue in a new generation;
    no response is judged until every statement of then has expired; the next wrong response
    locks; counters move past whatever was used; open invitations are void.  Locks stay.

    Raises:
        AuthserverError: ``not_ready`` before ``init``.

    Source:
        docs/protocol.md section 7.
    """
    ready = now + RESTORE_PAUSE
    with transaction.atomic(durable=True):
        host = host_state()
        host.generation += 1
        host.not_ready_until = ready
        host.save()
        _void_enrolments(now)
        set_back(Server.objects.all(), generation=host.generation, ready=ready)
        # The lock is what keeps the verdict procedure closed, at no further query.
        Server.objects.filter(Q(locked_until=None) | Q(locked_until__lt=ready)).update(
            locked_until=ready
        )
    logger.warning("host.restored", extra={"generation": host.generation})
    return host


def set_back(servers: QuerySet[Server], *, generation: int, ready: datetime) -> None:
    """Make servers safe that may have decided more than their rows know.

    Args:
        servers: Which.
        generation: Of the host, since it was restored.
        ready: When the pause after that restore ends.
    """
    servers.update(
        # A server that came from another host may be further than this one's generation.
        seq=Greatest(Value(generation), F("seq").bitrightshift(32) + 1).bitleftshift(32),
        counter=F("counter") + COUNTER_LOOK_AHEAD,
        consecutive_failures=MAX_CONSECUTIVE_FAILURES - 1,
    )
    for text in servers.values_list("suite", flat=True).distinct():
        suite = parsed_suite(text)
        step = current_step(suite, int((ready - RESTORE_PAUSE).timestamp()))
        # A code that is bound to no statement could have been accepted in any step until now.
        if step is not None and not suite.has_question:
            used = F("drift") + Value(step + TIME_WINDOW, BigIntegerField())
            servers.filter(suite=text).update(
                time_step=Greatest(Coalesce("time_step", Value(0)), used)
            )


def _void_enrolments(now: datetime) -> None:
    Enrolment.objects.all().delete()
    for server in Server.objects.filter(state__in=[State.ISSUED, State.ENROLLED]):
        lifecycle.move(server, EventKind.REVOKED, actor=events.HOST, now=now)
