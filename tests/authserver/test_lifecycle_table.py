"""The one table of the life cycle, its drawing, and that nothing goes past it."""

import ast
import re
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

import authserver
from authserver.errors import AuthserverError, Code
from authserver.models import Event, Server
from authserver.services import events, lifecycle
from authserver.services.events import EventKind
from tests.authserver.world import Paired

State = Server.State
ROOT = Path(authserver.__file__).parent
_ARROW = re.compile(r"^ +(\S+) --> (\S+): (\S+)$", re.MULTILINE)


def now() -> datetime:
    return datetime.now(UTC)


def in_table() -> set[tuple[str, str, str]]:
    return {
        (str(before or "[*]"), str(after), str(kind))
        for kind, transition in lifecycle.TRANSITIONS.items()
        for before, after in product(transition.before, transition.after)
    }


def test_the_drawing_shows_exactly_the_changes_of_the_table() -> None:
    drawn = _ARROW.findall((ROOT.parent / "docs/lifecycle.md").read_text("utf-8"))
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == in_table()


def test_every_kind_of_event_has_its_line_under_who_may_do_what() -> None:
    text = (ROOT.parent / "docs/lifecycle.md").read_text("utf-8")
    cells = re.findall(r"^\| ([a-z_, ]+) \|", text, re.MULTILINE)
    named = {word for cell in cells for word in cell.split(", ")} - {"change"}
    assert named == set(EventKind)


def test_no_other_module_writes_a_state() -> None:
    for path in [*ROOT.glob("*.py"), *ROOT.glob("*/*.py"), *ROOT.glob("*/*/*.py")]:
        # Imports of files have states of their own.
        if path.name not in ("lifecycle.py", "imports.py") and "migrations" not in path.parts:
            found = [node for node in ast.walk(ast.parse(path.read_text())) if sets(node)]
            assert not found, f"{path}: {[ast.unparse(node) for node in found]}"


def sets(node: ast.AST) -> bool:
    """Whether a node assigns ``….state``, or hands ``state=`` to an update of rows."""
    if isinstance(node, ast.Assign):
        targets = [part for target in node.targets for part in ast.walk(target)]
        return any(isinstance(part, ast.Attribute) and part.attr == "state" for part in targets)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        named = any(keyword.arg == "state" for keyword in node.keywords)
        return named and name in ("update", "create", "Server")
    return False


def told() -> list[tuple[str, str]]:
    """Return the events that nobody has asked for yet."""
    found = [(event.kind, event.actor) for event in Event.objects.order_by("id")]
    Event.objects.all().delete()
    return found


def test_a_change_happens_from_the_states_of_the_table_and_from_no_other(active: Paired) -> None:
    told()
    for (kind, transition), state in product(lifecycle.TRANSITIONS.items(), State):
        Server.objects.update(state=state)
        server, after = active.row, transition.after[-1]
        if state in transition.before:
            lifecycle.move(server, kind, actor=events.HOST, now=now(), after=after)
            assert active.row.state == after
            assert told() == [(kind, "host")]
        else:
            with pytest.raises(AuthserverError) as refused:
                lifecycle.move(server, kind, actor=events.HOST, now=now(), after=after)
            assert refused.value.code is Code.STATE_CONFLICT
            assert active.row.state == state
            assert not told()


def test_where_the_table_allows_several_states_one_is_to_be_named(active: Paired) -> None:
    Server.objects.update(state=State.MOVED)
    for after in (None, State.REVOKED):
        with pytest.raises(ValueError, match="does not lead"):
            lifecycle.move(
                active.row, EventKind.IMPORTED, actor=events.HOST, now=now(), after=after
            )


def test_only_what_makes_a_server_begins_one() -> None:
    with pytest.raises(ValueError, match="makes no server"):
        lifecycle.begin([], EventKind.SUSPENDED, actor=events.HOST, now=now())
