"""Tables whose rows are never changed or deleted: triggers on both databases, for migrations."""

from collections.abc import Mapping, Sequence

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def append_only(app: str, tables: Sequence[str]) -> migrations.RunPython:
    """Return the operation that forbids UPDATE and DELETE on tables; undone, it allows them.

    Args:
        app: Its label begins the name of the function that PostgreSQL needs.
        tables: Names of an app's tables.
    """

    def add(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        for statement in _statements(schema_editor.connection.vendor, app, tables):
            # Not for the driver to fill in: the texts hold percent signs.
            schema_editor.execute(statement, None)

    def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        is_postgres = schema_editor.connection.vendor == "postgresql"
        for table in tables:
            names = ["append_only"] if is_postgres else ["no_update", "no_delete"]
            for name in names:
                on = f" ON {table}" if is_postgres else ""
                schema_editor.execute(f"DROP TRIGGER {table}_{name}{on}")
        if is_postgres:
            schema_editor.execute(f"DROP FUNCTION {app}_append_only()")

    return migrations.RunPython(add, drop)


def never_replaced(keys: Mapping[str, Sequence[str]]) -> migrations.RunPython:
    """Return the operation that shuts the ways around the triggers of :func:`append_only`.

    PostgreSQL's TRUNCATE fires none for a row, and SQLite's INSERT OR REPLACE none for the row
    that it deletes.  A table without rows may be emptied: so test databases are.

    Args:
        keys: By table, each set of columns that no two rows share, with commas between them.
    """

    def add(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        is_postgres = schema_editor.connection.vendor == "postgresql"
        for table, columns in keys.items():
            texts = _no_truncate(table) if is_postgres else _no_replace(table, columns)
            for statement in texts:
                schema_editor.execute(statement, None)

    def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        is_postgres = schema_editor.connection.vendor == "postgresql"
        for table in keys:
            if is_postgres:
                schema_editor.execute(f"DROP FUNCTION {table}_no_truncate() CASCADE")
            else:
                schema_editor.execute(f"DROP TRIGGER {table}_no_replace")

    return migrations.RunPython(add, drop)


def _no_truncate(table: str) -> list[str]:
    return [
        f"CREATE FUNCTION {table}_no_truncate() RETURNS trigger LANGUAGE plpgsql"  # noqa: S608
        f" AS $$ BEGIN IF EXISTS (SELECT 1 FROM {table}) THEN"
        f" RAISE EXCEPTION '{table} is append-only'"
        " USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {table}_no_truncate()",
    ]


def _no_replace(table: str, keys: Sequence[str]) -> list[str]:
    there = " OR ".join(
        "(" + " AND ".join(f'"{each}" = NEW."{each}"' for each in key.split(",")) + ")"
        for key in keys
    )
    return [
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}"  # noqa: S608
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {there})"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    ]


def _statements(vendor: str, app: str, tables: Sequence[str]) -> list[str]:
    if vendor == "postgresql":
        return [
            f"CREATE OR REPLACE FUNCTION {app}_append_only() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME"
            " USING ERRCODE = 'integrity_constraint_violation'; END $$",
            *(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION {app}_append_only()"
                for table in tables
            ),
        ]
    return [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in tables
        for verb in ("UPDATE", "DELETE")
    ]
