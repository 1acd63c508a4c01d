"""Long lists, a part at a time: by the id of the last row seen, so that nothing is counted."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

ROWS = 50
_MAX_DIGITS = 18

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Part(Generic[Row]):
    """Some rows of a list that has the newest first.

    Attributes:
        rows: At most fifty.
        is_first: Whether it begins with the newest row.
        older: What ``before`` is for the next part; ``None`` at the end.
    """

    rows: list[Row]
    is_first: bool
    older: int | None


def part_of(rows: QuerySet[Row, Any], request: HttpRequest) -> Part[Row]:
    """Return the rows before the id that ``?before=`` names, or the newest."""
    given = request.GET.get("before", "")
    is_id = given.isascii() and given.isdecimal() and len(given) <= _MAX_DIGITS
    found = list((rows.filter(pk__lt=int(given)) if is_id else rows)[: ROWS + 1])
    older = found[ROWS - 1].pk if len(found) > ROWS else None
    return Part(found[:ROWS], is_first=not is_id, older=older)
