"""What a measurement costs: CPU time by process, and statements and commits at the database."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
# Statements sent to all databases but our own, and those of them that begin or end a transaction.
# What the server itself runs to check a foreign key was not sent.  Commits are counted by
# transaction ids, which only a transaction that writes draws: pg_stat_database counts every
# SELECT as one, and late.
_COUNTS = """
    SELECT coalesce(sum(calls), 0)::bigint,
           coalesce(sum(calls) FILTER (WHERE query ~* '^(begin|commit|rollback)'), 0)::bigint,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    FROM pg_stat_statements
    WHERE dbid <> (SELECT oid FROM pg_database WHERE datname = current_database())
      AND query !~ '^SELECT [^ ]+ FROM ONLY '
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the meters show, since ever or between two readings.

    Attributes:
        cpu_ms: By process group.
        statements: Round trips to the database.
        queries: Those that neither begin nor end a transaction.
        commits: Of transactions that wrote.
    """

    cpu_ms: dict[str, float]
    statements: int
    queries: int
    commits: int

    def since(self, before: Self) -> "Reading":
        """Return the difference to an earlier reading."""
        return Reading(
            {name: spent - before.cpu_ms[name] for name, spent in self.cpu_ms.items()},
            self.statements - before.statements,
            self.queries - before.queries,
            self.commits - before.commits,
        )


class Meters:
    """Reads them; on a database of its own, so that it does not count itself."""

    def __init__(self, server_url: str, processes: dict[str, int]) -> None:
        """Prepare to read.

        Args:
            server_url: The throw-away server's own database.
            processes: Name and process id of each service; what they started counts with them.
        """
        self._connection = psycopg.connect(server_url, autocommit=True)
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        _, parent, _ = _stat(self._connection.info.backend_pid)
        self._processes = {**processes, "postgres": parent}

    def read(self) -> Reading:
        """Read all meters now."""
        row = self._connection.execute(_COUNTS).fetchone()
        if row is None:
            raise AssertionError("an aggregate gives one row")
        statements, bounds, commits = row
        return Reading(cpu_ms(self._processes), statements, statements - bounds, commits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def cpu_ms(processes: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU time used so far by processes, each with all that it started.

    Args:
        processes: Process ids by name.
    """
    table = [_stat(int(path.name)) for path in Path("/proc").glob("[0-9]*")]
    return {name: _of_tree(root, table) * _TICK_MS for name, root in processes.items()}


def _of_tree(root: int, table: list[tuple[int, int, int]]) -> int:
    """Return the ticks of a process and of all that descend from it."""
    own = sum(ticks for pid, _, ticks in table if pid == root)
    return own + sum(_of_tree(pid, table) for pid, parent, _ in table if parent == root)


def _stat(pid: int) -> tuple[int, int, int]:
    """Return id, parent's id, and ticks used: its own, and of children that have ended."""
    try:
        # The name, in parentheses, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return pid, 0, 0
    return pid, int(fields[1]), sum(int(ticks) for ticks in fields[11:15])
