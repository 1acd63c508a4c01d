"""What a token's display shows of a statement (docs/protocol.md section 5).

Programs in other languages give the same lines, so nothing here depends on a locale.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from protocol.currency import format_amount
from protocol.keys import day_of
from protocol.statement import Kind, Statement
from tokens.errors import RefusedError

# Around every value, so that right-to-left text cannot rearrange what stands beside it
# (Unicode Standard Annex 9: first strong isolate, pop directional isolate).
ISOLATE, END_ISOLATE = "\u2068", "\u2069"

KIND_WORDS: Mapping[Kind, str] = {
    Kind.PAYMENT: "Payment",
    Kind.TRANSFER: "Transfer",
    Kind.ORDER: "Order",
    Kind.APPROVAL: "Approval",
    Kind.OTHER: "Other agreement",
    Kind.ACTIVATION: "ACTIVATION of this token: nothing is bought or approved",
    Kind.LOGIN: "LOGIN: whoever enters the code is signed in as you",
    Kind.UNLOCK: "UNLOCKING of a token: nothing is bought or approved",
    Kind.TEST: "TEST: nothing is bought or approved",
    Kind.BILLING: "Billing of a resource",
    Kind.OFFLINE: "Service without a network",
}

# The first code point of which some take two columns; from there on all are counted as two.
_FIRST_WIDE = 0x1100

Field = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Profile:
    """How much a display holds, stored at enrolment; ``None`` is no limit.

    Attributes:
        columns: Characters in a row; longer lines go on in the next row.
        rows: Rows that can be seen or scrolled to.
    """

    columns: int | None = None
    rows: int | None = None

    def fits(self, lines: Sequence[str]) -> bool:
        """Tell whether the display holds all of these lines."""
        return self.rows is None or sum(map(self._rows_of, lines)) <= self.rows

    def _rows_of(self, line: str) -> int:
        rows, used = 1, 0
        for character in line.replace(ISOLATE, "").replace(END_ISOLATE, ""):
            width = 1 if ord(character) < _FIRST_WIDE else 2
            used += width
            if self.columns is not None and used > self.columns:
                rows, used = rows + 1, width
        return rows


UNLIMITED = Profile()


def lay_out(
    statement: Statement, earlier: Sequence[Statement], profile: Profile
) -> tuple[tuple[str, ...], Sequence[Statement]]:
    """Return the lines a holder must see, and the earlier steps that are among them.

    Nothing is ever cut short.  Where the display is too small the oldest earlier step is left out
    first, and a line says so.

    Args:
        statement: The statement to be answered.
        earlier: The steps right before it, proved, oldest first.
        profile: What the display holds.

    Raises:
        RefusedError: ``statement_too_large_for_token`` when not even the statement's own fields
            fit.
    """
    own = [KIND_WORDS[statement.demand.kind], *_lines("", _own_fields(statement))]
    for left_out in range(len(earlier) + 1):
        shown = earlier[left_out:]
        lines = [*own, _place(statement.pos, len(shown))]
        for step in shown:
            lines += step_lines(step)
        if profile.fits(lines):
            return tuple(lines), shown
    raise RefusedError(
        "statement_too_large_for_token", "the statement does not fit this token's display"
    )


def step_lines(step: Statement) -> list[str]:
    """Return the lines that show a step of a chain to whoever is not its signer."""
    number = f"Step {step.pos + 1}"
    return [
        f"{number}: {KIND_WORDS[step.demand.kind]}",
        *_lines(f"{number} / ", _step_fields(step)),
    ]


def _own_fields(statement: Statement) -> Iterator[Field]:
    yield from _demand_fields(statement)
    yield "Your account", statement.party.account
    yield "Your name", statement.party.name
    yield "Your remark", statement.party.remark
    yield "Platform", statement.platform.name
    yield "Address", statement.platform.origin


def _step_fields(step: Statement) -> Iterator[Field]:
    yield from _demand_fields(step)
    yield "Account", step.party.account
    yield "Name", step.party.name
    yield "Remark", step.party.remark


def _demand_fields(statement: Statement) -> Iterator[Field]:
    demand = statement.demand
    if demand.amount is not None and demand.currency is not None:
        yield "Amount", format_amount(demand.amount, demand.currency)
    yield "To account", demand.payee_account
    yield "To", demand.payee_name
    yield "Text", demand.text
    yield "Reference", demand.reference
    if demand.due_days is not None:
        yield "Due", _date(day_of(statement.issued) + demand.due_days)


def _lines(prefix: str, fields: Iterator[Field]) -> list[str]:
    return [
        f"{prefix}{label}: {ISOLATE}{value}{END_ISOLATE}"
        for label, value in fields
        if value is not None
    ]


def _place(pos: int, shown: int) -> str:
    if pos == 0:
        return "Step 1"
    return (
        f"Step {pos + 1}; the last {shown} earlier steps shown, "
        f"{pos - shown} bound by digest and not shown"
    )


def _date(days: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=days)).isoformat()
