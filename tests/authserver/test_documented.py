"""docs/authserver-api.md names every call and every code."""

import re
from pathlib import Path

from django.urls import get_resolver

import authserver
from authserver.errors import Code

TEXT = (Path(authserver.__file__).parents[1] / "docs/authserver-api.md").read_text("utf-8")


def test_every_code_is_listed_with_its_status_and_its_sentence() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d+) \| (.*) \|$", TEXT, re.MULTILINE)
    expected = [(code.name.lower(), str(int(code.status)), code.sentence) for code in Code]
    assert rows == expected


def test_every_call_is_listed() -> None:
    patterns = [str(route.pattern) for route in get_resolver().url_patterns]
    calls = [pattern for pattern in patterns if pattern.startswith("^v1/")]
    assert len(calls) > 15
    for call in calls:
        for name in last_words(call):
            assert re.search(rf"`?(?:(?:GET|POST|PUT) /v1/[^`]*)?{name}[`?]", TEXT), call


def last_words(pattern: str) -> list[str]:
    """Return what a call ends in; several where one pattern stands for several calls."""
    last = pattern.removesuffix(r"\Z").rsplit("/", 1)[-1]
    alternatives = re.fullmatch(r"\(\?P<\w+>([a-z|]+)\)", last)
    if alternatives:
        return alternatives[1].split("|")
    return [] if last.startswith("(") else [last.removeprefix("^")]
