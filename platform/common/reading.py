"""Read large tables."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

PART = 1000


def in_parts(rows: QuerySet[Any, Any]) -> Iterator[Any]:
    """Yield rows by their keys, a thousand at a time in memory.

    ``iterator()`` would hold all of them: PostgreSQL's cursors are switched off.
    """
    part = rows.order_by("pk")
    while keys := list(part.values_list("pk", flat=True)[:PART]):
        yield from part.filter(pk__lte=keys[-1])
        part = rows.filter(pk__gt=keys[-1]).order_by("pk")
