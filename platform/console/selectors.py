"""What the console shows of several apps at once."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from audit.selectors import audit_rows, failures_since, recent_rows
from common.errors import DomainError
from enrolment.live import Condition, ServerState, ask_server, condition
from enrolment.selectors import certified_server
from enrolment.services import as_listed
from notices.selectors import unsent_count
from protocol.errors import ProtocolError
from protocol.keys import day_of
from transactions.search import UnderWay, due_steps, recent_steps_of, steps_under_way

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
        rows: The newest audit rows.
    """

    under_way: UnderWay
    due: "list[Step]"
    unsent: int
    failed: list[tuple[str, int]]
    condition: Condition
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
class TokenCard:
    """All that an operator sees of a token.

    Attributes:
        vk: Id of its server, in hex.
        days: Of its server's certificate; ``None`` when that cannot be read any more.
        live: What its host says just now.
        fault: Why it says nothing: a code, or empty.
        steps: The newest.
        rows: The newest audit rows by it or on it.
    """

    vk: str
    days: Days | None
    live: ServerState | None
    fault: str
    steps: "list[Step]"
    rows: "list[AuditRow]"


def overview(*, now: datetime) -> Overview:
    """Return how things stand; a host that is away delays it by little, and fails nothing."""
    return Overview(
        under_way=steps_under_way(now=now),
        due=list(due_steps(now=now).select_related("transaction", "token__host")[:ROWS]),
        unsent=unsent_count(),
        failed=failures_since(now - timedelta(hours=1)),
        condition=condition(now=now, patience=PATIENCE_SECONDS),
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
        steps=list(recent_steps_of(token_id=token.pk)[:ROWS]),
        rows=recent_rows(actors=[f"token:{token.serial}"], subjects=[token.serial], limit=ROWS),
    )


def host_days(host: "AuthserverHost", *, now: datetime) -> list[Days]:
    """Return the days of a host's keys; none when its certificates cannot be read any more."""
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
