"""Queries that are compiled once in a process, for the way of every step.

Compiling a query takes the ORM ten times as long as running it does (docs/performance.md).
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db.models import F, Model, QuerySet

Row = TypeVar("Row", bound=Model)


class Compiled(Generic[Row]):
    """A query that keeps its SQL, and fetches related rows in the same round.

    Args:
        build: Makes the query once, with any values of the right types.
        related: Paths of foreign keys to fetch along, each after the one it goes on from.
    """

    def __init__(self, build: Callable[[], QuerySet[Row]], *related: str) -> None:
        self._build = build
        self._related = related

    def rows(self, *values: Any) -> Iterator[Row]:
        """Yield the rows for these values, in the order in which the query names them."""
        query, sql = self._compiled
        for row in query.model._default_manager.raw(sql, values):
            for path in self._related:
                _attach(row, path)
            yield row

    def first(self, *values: Any) -> Row | None:
        """Return the first row, or ``None``."""
        return next(self.rows(*values), None)

    @cached_property
    def _compiled(self) -> tuple[QuerySet[Row], str]:
        query = self._build()
        for path in self._related:
            names = (field.attname for field in _model(query.model, path)._meta.concrete_fields)
            query = query.annotate(**{_alias(path, name): F(f"{path}__{name}") for name in names})
        return query, query.query.sql_with_params()[0]


def _attach(row: Model, path: str) -> None:
    """Make the related row of the columns fetched for it, and hang it where it belongs."""
    *parents, name = path.split("__")
    parent = row
    for step in parents:
        parent = getattr(parent, step)
    model = _model(type(row), path)
    fields = [field.attname for field in model._meta.concrete_fields]
    values = [getattr(row, _alias(path, field)) for field in fields]
    setattr(parent, name, model.from_db(row._state.db, fields, values))


def _model(model: type[Model], path: str) -> type[Model]:
    for step in path.split("__"):
        found = model._meta.get_field(step).related_model
        if not isinstance(found, type):
            raise TypeError(f"{path} is no path of foreign keys")
        model = found
    return model


def _alias(path: str, name: str) -> str:
    return f"{path.replace('__', '_')}_of_{name}"
