"""Queries that are compiled once in a process, for the way of every step.

Compiling a query takes the ORM ten times as long as running it does (docs/performance.md).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Field, Model, QuerySet
from django.db.models.expressions import Col

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a related row: the ORM converts what it fetches of its own rows alone."""

    name: str
    alias: str
    expression: Col
    converters: list[Callable[[Any, Col, BaseDatabaseWrapper], Any]]
    connection: BaseDatabaseWrapper

    @classmethod
    def of(
        cls, field: "Field[Any, Any]", alias: str, connection: BaseDatabaseWrapper
    ) -> "_Column":
        """Look up what turns the database's value into Python's."""
        column = field.get_col(field.model._meta.db_table)
        backend = connection.ops.get_db_converters(column)
        converters = backend + column.get_db_converters(connection)
        return cls(field.attname, alias, column, converters, connection)

    def value_in(self, row: Model) -> Any:
        """Return the value that a row brought along."""
        value = getattr(row, self.alias)
        for convert in self.converters:
            value = convert(value, self.expression, self.connection)
        return value


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
            for path, columns in self._columns.items():
                _attach(row, path, columns)
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

    @cached_property
    def _columns(self) -> dict[str, list[_Column]]:
        query, _ = self._compiled
        connection = connections[query.db]
        return {
            path: [
                _Column.of(field, _alias(path, field.attname), connection)
                for field in _model(query.model, path)._meta.concrete_fields
            ]
            for path in self._related
        }


def _attach(row: Model, path: str, columns: "list[_Column]") -> None:
    """Make the related row of the columns fetched for it, and hang it where it belongs."""
    *parents, name = path.split("__")
    parent = row
    for step in parents:
        parent = getattr(parent, step)
    model = _model(type(row), path)
    fields = [column.name for column in columns]
    values = [column.value_in(row) for column in columns]
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
