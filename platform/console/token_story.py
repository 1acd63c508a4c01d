"""One token's whole story, the newest first: what was decided, signed, told, and asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise

from audit.selectors import audit_rows
from common.words import TOKEN_EVENTS, Look
from console import ordered
from enrolment.selectors import approvals_about
from notices.selectors import notices_about_token
from transactions.search import recent_steps_of

if TYPE_CHECKING:
    from enrolment.models import Token

ROWS = 50
# As many microseconds as the calendar of Python can hold.
_MAX_DIGITS = 17
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
# What comes before every step of a token.
_BEFORE_STEPS = ("token.issued", "token.assigned", "token.confirmed")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        at: When, by the clock of whoever noted it.
        kind: ``row`` of the audit, ``step``, ``notice`` or ``approval``.
        thing: The row itself.
    """

    at: datetime
    kind: str
    thing: Any

    @property
    def order(self) -> tuple[int, int, datetime]:
        """Where it stands among others: statements count time in whole seconds."""
        is_before = self.kind == "row" and self.thing.action in _BEFORE_STEPS
        rank = 0 if is_before else 1 if self.kind == "step" else 2
        return int(self.at.timestamp()), rank, self.at

    @property
    def look(self) -> Look | None:
        """How an audit row is told; ``None`` when there is nothing better than its name."""
        return TOKEN_EVENTS.get(self.thing.action)

    @property
    def asked(self) -> Promise:
        """What was asked of a second operator."""
        return ordered.WORDS[self.thing.action]


@dataclass(frozen=True, slots=True)
class Story:
    """A part of all that happened to a token.

    Attributes:
        rows: The events, newest first.
        is_first: Whether it begins with the newest.
        older: What ``before`` is for the next part; ``None`` at the end.
    """

    rows: list[Event]
    is_first: bool
    older: int | None


def story(token: "Token", request: HttpRequest) -> Story:
    """Tell what happened to a token before the time that ``?before=`` names, or lately.

    A part ends between two points in time, so that nothing that happened at one is torn apart.
    """
    before = _asked(request)
    found = [event for some in _sources(token) for event in _newest(*some, before)]
    found.sort(key=lambda event: event.at, reverse=True)
    older = None
    if len(found) > ROWS:
        cut = found[ROWS].at
        shown = [event for event in found if event.at > cut]
        if not shown:
            # More at one point in time than one part holds.
            shown = [event for event in found if event.at == cut]
            cut -= _TICK
        found, older = shown, (cut - _EPOCH) // _TICK
    found.sort(key=lambda event: event.order, reverse=True)
    return Story(found, before is None, older)


def _sources(token: "Token") -> Iterator[tuple[str, QuerySet[Any], str]]:
    """Yield everything that knows of a token: a kind of event, newest first, and its time."""
    serial = token.serial
    for subject in (serial, f"/tokens/{serial}", f"/console/tokens/{serial}"):
        yield "row", audit_rows(subject=subject), "at"
    yield "row", audit_rows(actor=f"token:{serial}"), "at"
    yield "step", recent_steps_of(token_id=token.pk), "issued_at"
    yield "notice", notices_about_token(serial), "created_at"
    yield "approval", approvals_about(serial), "asked_at"


def _newest(kind: str, rows: QuerySet[Any], time: str, before: datetime | None) -> Iterator[Event]:
    if before is not None:
        rows = rows.filter(**{f"{time}__lte": before})
    for row in rows[: ROWS + 1]:
        yield Event(getattr(row, time), kind, row)


def _asked(request: HttpRequest) -> datetime | None:
    given = request.GET.get("before", "")
    if not (given.isascii() and given.isdecimal() and len(given) <= _MAX_DIGITS):
        return None
    return _EPOCH + timedelta(microseconds=int(given))
