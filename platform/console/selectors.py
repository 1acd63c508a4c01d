"""What the console shows of several apps at once."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from audit.selectors import audit_rows, failures_since
from billing.packages.selectors_rules import terminals_to_review
from common.errors import DomainError
from enrolment.live import (
    Condition,
    Readiness,
    ServerState,
    ask_server,
    condition,
    readiness_of,
)
from enrolment.selectors import certified_server, hosts, living_counts, living_tokens
from enrolment.services import as_listed
from notices.selectors import unsent_count
from offline.selectors_figures import all_clients
from protocol.errors import ProtocolError
from protocol.keys import day_of, root_fingerprint
from transactions.search import UnderWay, due_steps, steps_under_way

if TYPE_CHECKING:
    from audit.models import AuditRow
    from enrolment.models import AuthserverHost, Token
    from transactions.models import Step

# A page does not wait long for a host: what is asked live is worth no more.
PATIENCE_SECONDS = 1.5
ROWS = 20
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Overview:
    """How things stand now.

    Attributes:
        under_way: Numbers of steps that have not ended.
        due: The steps that are to be settled, the oldest first; not all, when there are many.
        unsent: Notices that have not gone out.
        failed: What failed or was refused in the last hour: codes, and how often.
        condition: Of keys and hosts.
        suspects: How many terminals are held to High or have new fraud signals.
        copied: How many phones without a network may have been copied.
        rows: The newest audit rows.
    """

    under_way: UnderWay
    due: "list[Step]"
    unsent: int
    failed: list[tuple[str, int]]
    condition: Condition
    suspects: int
    copied: int
    rows: "list[AuditRow]"

    @property
    def failures(self) -> int:
        """How often in all."""
        return sum(times for _, times in self.failed)


@dataclass(frozen=True, slots=True)
class Days:
    """From when to when a certificate is good, and how many days that still is."""

    from_on: date
    to_on: date
    left: int

    @classmethod
    def of(cls, from_day: int, to_day: int, now: datetime) -> "Days":
        """Turn days counted from 1970 into dates."""
        left = max(0, to_day - day_of(int(now.timestamp())) + 1)
        return cls(_EPOCH + timedelta(from_day), _EPOCH + timedelta(to_day), left)


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host in the list of all.

    Attributes:
        host: The row.
        tokens: How many live there.
        asked: What it answered just now; ``None`` for one that is closed, and not asked.
    """

    host: "AuthserverHost"
    tokens: int
    asked: Readiness | None


@dataclass(frozen=True, slots=True)
class HostCard:
    """All that an operator sees of a host.

    Attributes:
        fingerprint: Of its root key.
        days: Of its keys; none when its certificates cannot be read any more.
        tokens: How many live there.
        asked: What it answered just now; ``None`` when it is closed or cannot be asked.
    """

    fingerprint: str
    days: list[Days]
    tokens: int
    asked: Readiness | None


@dataclass(frozen=True, slots=True)
class TokenCard:
    """What belongs to a token, beside its own row.

    Attributes:
        vk: Id of its server, in hex.
        days: Of its server's certificate; ``None`` when that cannot be read any more.
        live: What its host says just now.
        fault: Why it says nothing: a code, or empty.
    """

    vk: str
    days: Days | None
    live: ServerState | None
    fault: str


def overview(*, now: datetime) -> Overview:
    """Return how things stand; a host that is away delays it by little, and fails nothing."""
    return Overview(
        under_way=steps_under_way(now=now),
        due=list(due_steps(now=now).select_related("transaction", "token__host")[:ROWS]),
        unsent=unsent_count(),
        failed=failures_since(now - timedelta(hours=1)),
        condition=condition(now=now, patience=PATIENCE_SECONDS),
        suspects=terminals_to_review().count(),
        copied=all_clients(standing="cloned").count(),
        rows=list(audit_rows()[:ROWS]),
    )


def token_card(token: "Token", *, now: datetime) -> TokenCard:
    """Return what belongs to a token, and ask its host for the rest."""
    live, fault = None, ""
    try:
        live = ask_server(token, patience=PATIENCE_SECONDS)
    except DomainError as error:
        fault = error.code
    except ProtocolError:
        fault = "keys_unreadable"
    return TokenCard(
        vk=bytes(token.vk).hex(),
        days=_certificate_days(token, now),
        live=live,
        fault=fault,
    )


def host_rows(found: Condition, *, now: datetime) -> list[HostRow]:
    """Return all hosts, with what those answered that were asked."""
    asked = {readiness.host.pk: readiness for readiness in found.hosts}
    counts = living_counts(now=now)
    return [HostRow(host, counts.get(host.pk, 0), asked.get(host.pk)) for host in hosts()]


def host_card(host: "AuthserverHost", *, now: datetime) -> HostCard:
    """Return what belongs to a host, and ask it whether it is ready."""
    return HostCard(
        fingerprint=root_fingerprint(bytes(host.root)),
        days=_host_days(host, now),
        tokens=living_tokens(host, now=now).count(),
        asked=_asked(host),
    )


def _asked(host: "AuthserverHost") -> Readiness | None:
    if host.state == "closed":
        return None
    try:
        return readiness_of(host, patience=PATIENCE_SECONDS)
    except ProtocolError:
        return None


def _host_days(host: "AuthserverHost", now: datetime) -> list[Days]:
    try:
        keys = as_listed(host).host_keys()
    except (DomainError, ProtocolError):
        return []
    return [Days.of(key.from_day, key.to_day, now) for key in keys]


def _certificate_days(token: "Token", now: datetime) -> Days | None:
    try:
        server = certified_server(token)
    except ProtocolError:
        return None
    return Days.of(server.from_day, server.to_day, now)
