"""What stands on one page of paper: a QR code, and what it holds in words."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

Paper = Literal["a4", "letter"]


@dataclass(frozen=True, slots=True)
class Part:
    """Something said in lines.

    Attributes:
        title: Of it.
        lines: What it is called, and what it is; the second as somebody else wrote it.
        brief: All of it in one line, for want of room.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    brief: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on the page.

    Attributes:
        title: What it is.
        facts: Beside the code.
        parts: Below it, oldest first, in two columns.
        notes: Below them, each a sentence.
        made: Its date.
        mark: What must not be overlooked, in a black bar; empty where there is nothing.
        earlier: Steps that are not in the code, each in a line, oldest first.
        earlier_title: Above those.
    """

    title: str
    facts: Part
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    made: datetime
    mark: str = ""
    earlier: tuple[str, ...] = ()
    earlier_title: str = ""

    def words(self) -> Iterator[str]:
        """Return whatever we say ourselves."""
        yield from (self.title, self.mark, self.earlier_title, *self.notes)
        for part in (self.facts, *self.parts):
            yield part.title
            yield from (label for label, _ in part.lines)

    def values(self) -> Iterator[str]:
        """Return whatever others wrote."""
        yield from self.earlier
        for part in (self.facts, *self.parts):
            yield part.brief
            yield from (value for _, value in part.lines)

    def smaller(self) -> Iterator["Sheet"]:
        """Return the sheet with less and less on it: the oldest goes first."""
        yield self
        sheet = replace(self, earlier=())
        if self.earlier:
            yield sheet
        for count in range(1, len(self.parts) + 1):
            brief = tuple(replace(part, lines=()) for part in self.parts[:count])
            yield replace(sheet, parts=brief + self.parts[count:])
