"""Tables for spreadsheet programs: CSV (RFC 4180) that is sent as it is read."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from django.http import StreamingHttpResponse

Cell = str | int | datetime | None

# Without it, Excel takes UTF-8 for the code page of the house.
_BOM = "\ufeff"
# With these a spreadsheet program begins a formula, in full width too; OWASP, CSV Injection.
_BEGINS_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_CONTROLS = ("\t", "\r", "\n")


class _Echo:
    """A file that gives back what is written into it."""

    def write(self, line: str) -> str:
        return line


def csv_answer(
    name: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """Return a table as a file to be kept.

    Args:
        name: Of the file, without its ending.
        heads: What the columns are called, in the words of the API.
        rows: Read while they are sent, so that none but the last few are in memory.
    """
    response = StreamingHttpResponse(_lines(heads, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _lines(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield _BOM + writer.writerow(heads)
    for row in rows:
        yield writer.writerow([_written(cell) for cell in row])


def _written(cell: Cell) -> str:
    """Write a cell; one that would begin a formula begins with an apostrophe, as text does."""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="seconds")
    text = "" if cell is None else str(cell)
    is_formula = text.lstrip().startswith(_BEGINS_FORMULA) or text.startswith(_CONTROLS)
    return f"'{text}" if is_formula else text
