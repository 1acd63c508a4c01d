"""Vectors that others published: copies beside ours, and some that lie beside the repository."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

OURS = Path(__file__).parent.parent / "vectors"
# Lengths and texts are those of the usual zlib; either kind reads what the other wrote.
SAME_ZLIB = pytest.mark.skipif("ng" in zlib.ZLIB_RUNTIME_VERSION, reason="zlib-ng packs otherwise")
# Data of public repositories that is not copied into this one.
SHARED = OURS.parent.parent.parent / "shared" / "vectors"


def load(name: str) -> dict[str, Any]:
    """Read a file of vectors; skip the test where it is not at hand."""
    for folder in (OURS, SHARED):
        path = folder / f"{name}.json"
        if path.exists():
            content: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return content
    pytest.skip(f"{name}.json is not at hand (../shared/vectors)")
