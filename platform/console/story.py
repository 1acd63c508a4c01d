"""One transaction's whole story, in order of time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from audit.selectors import rows_about
from notices.selectors import notices_about
from protocol.errors import ProtocolError
from protocol.statement import Statement
from transactions.search import audit_subjects, whole_steps
from transactions.selectors import transaction_by_tx

if TYPE_CHECKING:
    from audit.models import AuditRow
    from notices.models import Notice
    from transactions.models import Step, Transaction

# What comes first of what happened to one step within one second, in which statements and
# verdicts count time.
_RANKS = {"opened": 0, "asked": 1, "row": 2, "ended": 3, "concluded": 4, "notice": 5}


@dataclass(frozen=True, slots=True)
class Part:
    """One step as the story tells it.

    Attributes:
        step: The row.
        statement: What was asked; ``None`` when the stored bytes cannot be read any more.
        is_due: Whether it is to be settled.
    """

    step: "Step"
    statement: Statement | None
    is_due: bool

    @property
    def nonce(self) -> str:
        """What makes the statement the only one of its kind, in hex."""
        return self.statement.nonce.hex() if self.statement else ""

    @property
    def prev(self) -> str:
        """L of the step before, in hex; empty for the first."""
        return (self.statement.prev or b"").hex() if self.statement else ""

    @property
    def link(self) -> str:
        """L of this step, in hex; empty while it is not signed."""
        return bytes(self.step.link or b"").hex()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        at: When, by the clock of whoever noted it.
        kind: ``opened``; ``asked`` and ``ended`` of a step; ``notice``; ``concluded`` for an audit
            row that ends a step, ``row`` for any other.
        thing: The transaction, part, notice or audit row.
        place: Which step it belongs to; behind all when it is on the whole transaction.
    """

    at: datetime
    kind: str
    thing: "Transaction | Part | Notice | AuditRow"
    place: int


@dataclass(frozen=True, slots=True)
class Story:
    """A transaction and all that happened to it.

    Attributes:
        transaction: With its owner.
        events: In order of time.
        due: The steps that are to be settled.
    """

    transaction: "Transaction"
    events: list[Event]
    due: "list[Step]"


def story(tx: bytes, *, now: datetime) -> Story:
    """Tell a transaction's story: every step, those that came to nothing included.

    Raises:
        NotFoundError: there is no such transaction.
    """
    chain = transaction_by_tx(tx)
    steps = list(whole_steps(chain))
    rows = list(_of_rows(rows_about(audit_subjects(chain, steps)), steps))
    events = [
        Event(chain.created_at, "opened", chain, 0),
        *_of_steps(steps, now),
        *rows,
        *_of_notices(notices_about(str(chain)), rows, len(steps)),
    ]
    events.sort(key=lambda event: (int(event.at.timestamp()), event.place, _RANKS[event.kind]))
    return Story(chain, events, [step for step in steps if step.is_due(now)])


def _of_steps(steps: "list[Step]", now: datetime) -> Iterator[Event]:
    for place, step in enumerate(steps):
        part = Part(step, _statement(step), step.is_due(now))
        yield Event(step.issued_at, "asked", part, place)
        if step.decided_at is not None:
            yield Event(step.decided_at, "ended", part, place)


def _of_rows(rows: "Iterable[AuditRow]", steps: "list[Step]") -> Iterator[Event]:
    for row in rows:
        on = (place for place, step in enumerate(steps) if step.public_id in row.subject)
        kind = "concluded" if row.action.startswith("step.") else "row"
        yield Event(row.at, kind, row, next(on, len(steps)))


def _of_notices(
    notices: "Iterable[Notice]", rows: list[Event], behind_all: int
) -> Iterator[Event]:
    # A notice is written with the row that ends a step, at the very same time.
    places = {row.at: row.place for row in rows if row.kind == "concluded"}
    for notice in notices:
        at = notice.created_at
        yield Event(at, "notice", notice, places.get(at, behind_all))


def _statement(step: "Step") -> Statement | None:
    try:
        return step.content
    except ProtocolError:
        return None
