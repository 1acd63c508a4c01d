"""One transaction's whole story, in order of time."""

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
        kind: ``opened``, ``asked``, ``ended``, ``notice`` or ``row``.
        thing: The transaction, part, notice or audit row.
    """

    at: datetime
    kind: str
    thing: "Transaction | Part | Notice | AuditRow"


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
    placed = [((0, "opened"), Event(chain.created_at, "opened", chain))]
    for place, step in enumerate(steps):
        part = Part(step, _statement(step), step.is_due(now))
        placed.append(((place, "asked"), Event(step.issued_at, "asked", part)))
        if step.decided_at is not None:
            placed.append(((place, "ended"), Event(step.decided_at, "ended", part)))
    concluded: dict[datetime, int] = {}
    for row in rows_about(audit_subjects(chain, steps)):
        place, is_end = _place(row, steps), row.action.startswith("step.")
        placed.append(((place, "concluded" if is_end else "row"), Event(row.at, "row", row)))
        concluded |= {row.at: place} if is_end else {}
    for notice in notices_about(str(chain)):
        # Written with the row that ends a step, at the very same time.
        place = concluded.get(notice.created_at, len(steps))
        placed.append(((place, "notice"), Event(notice.created_at, "notice", notice)))
    placed.sort(key=lambda entry: (int(entry[1].at.timestamp()), entry[0][0], _RANKS[entry[0][1]]))
    return Story(
        chain, [event for _, event in placed], [step for step in steps if step.is_due(now)]
    )


def _statement(step: "Step") -> Statement | None:
    try:
        return step.content
    except ProtocolError:
        return None


def _place(row: "AuditRow", steps: "list[Step]") -> int:
    """Return which step an audit row is on; behind all when it is on the transaction."""
    on = (place for place, step in enumerate(steps) if step.public_id in row.subject)
    return next(on, len(steps))
