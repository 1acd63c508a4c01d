"""What became of a holder's token, and of those whose places it took."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.selectors import audit_rows
from common.words import TOKEN_EVENTS, Look
from enrolment.models import Token

if TYPE_CHECKING:
    from audit.models import AuditRow

_ROWS = 50


def succession(token: Token) -> list[Token]:
    """Return a token and those whose places it took, the newest first."""
    found = [token]
    while (before := found[-1].replaces) is not None:
        found.append(before)
    return found


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that became of a token, or of one whose place it took."""

    token: Token
    row: "AuditRow"

    @property
    def look(self) -> Look:
        """How it is told."""
        return TOKEN_EVENTS[self.row.action]

    @property
    def is_by_operator(self) -> bool:
        """Whether somebody else than the holder did it."""
        return self.row.actor.startswith("operator:")


def history_of(token: Token) -> list[Happening]:
    """Return what became of a token since its holder has it, and of those before; newest first."""
    found = [
        Happening(known, row)
        for known in succession(token)
        # A token from stock may have been another holder's before.
        for row in audit_rows(subject=known.serial).filter(at__gte=known.issued_at)[:_ROWS]
        if row.action in TOKEN_EVENTS
    ]
    return sorted(found, key=lambda happening: happening.row.pk, reverse=True)[:_ROWS]
