"""docs/api.md has every call of the API and every refusal."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from common.errors import CommandRefusedError, DomainError
from countersign.api import api

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
_METHOD = "GET|HEAD|POST|PUT|DELETE"
# `GET`, `POST /x {"body"}`, `/x` or `…/x`: a method alone stands for the path that follows.
_CALL = re.compile(rf"`(?:({_METHOD})|(?:({_METHOD}) )?((?:…|/)[^` ]*)(?: [^`]*)?)`")
_PREFIX = "/api/v1"


def refusals(of: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """Every kind of refusal that a request can be answered by; tests have some of their own."""
    for kind in of.__subclasses__():
        if kind is not CommandRefusedError and not kind.__module__.startswith("tests."):
            yield kind
            yield from refusals(kind)


def schemas(of: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    """Every kind of body and answer of our own: those of pages of lists are made by ninja."""
    for kind in of.__subclasses__():
        if not kind.__module__.startswith(("ninja.", "abc")):
            yield kind
        yield from schemas(kind)


def operations() -> set[tuple[str, str]]:
    """Methods and paths of the API, with placeholders that have no name."""
    return {
        (method.upper(), nameless(path.removeprefix(_PREFIX)))
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    }


def nameless(path: str) -> str:
    """A path with ``{}`` for each placeholder."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def documented() -> set[tuple[str, str]]:
    """Methods and paths that the page names.

    ``…/x`` stands in the place of the end of the path before; what has no method has the one of
    the path before.
    """
    found: set[tuple[str, str]] = set()
    for line in PAGE.splitlines():
        methods, waiting, before = [""], list[str](), ""
        for alone, method, path in _CALL.findall(line):
            if alone:
                waiting.append(alone)
                continue
            stem = before.rpartition("/")[0] if path.startswith("…") else ""
            before = stem + path.removeprefix("…").partition("?")[0].removeprefix(_PREFIX)
            methods = [*waiting, method] if method else methods
            waiting = []
            found |= {(method, nameless(before)) for method in methods}
    return found


def test_every_call_is_documented() -> None:
    assert sorted(operations() - documented()) == []


def test_every_call_that_is_documented_is_there() -> None:
    # The schema leaves it out.
    known = operations() | {("HEAD", "/resources/{}/file")}
    assert sorted(call for call in documented() - known if call[0]) == []


def test_every_refusal_is_documented() -> None:
    codes = {kind.code for kind in refusals() if "code" in vars(kind)}
    assert len(codes) > 100
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()


def test_no_two_schemas_have_one_name() -> None:
    described = set(api.get_openapi_schema()["components"]["schemas"])
    names = Counter(schema.__name__ for schema in set(schemas()))
    assert len(described & set(names)) > 100
    assert not {name for name in described if names[name] > 1}
