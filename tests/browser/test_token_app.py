"""The token app computes, shows and refuses exactly as ``tokens`` does."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.readers import ReaderMissingError, empty_page, node_command
from tests.tokens import app_vectors
from tokens.selftest import run

PUBLISHED = [
    path
    for family in ("ocra", "gmt0021", "hotp", "totp")
    for path in sorted(app_vectors.FOLDER.glob(f"{family}_*.json"))
]
TESTS = ("token_app.test.mjs", "token_keyring.test.mjs")


def settled_rows() -> dict[str, int]:
    """How many rows of each file have one right answer."""
    counts = {str(path): run([path]).passed for path in PUBLISHED}
    for name, make in app_vectors.FILES.items():
        rows = [row for part in make().values() if isinstance(part, list) for row in part]
        counts[str(app_vectors.FOLDER / name)] = len(rows)
    return counts


def test_the_modules_pass_their_tests_and_the_vectors_of_tokens_in_node(tmp_path: Path) -> None:
    try:
        command = node_command(tmp_path)
    except ReaderMissingError as missing:
        pytest.skip(str(missing))
    done = subprocess.run(
        [*command, "--test", *TESTS],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "VECTORS": json.dumps(settled_rows())},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_modules_pass_the_vectors_of_tokens_in_a_browser(browser: Browser) -> None:
    check = """async (text) => {
      const { checkFile, parse } = await import('/static/token_app.mjs')
      return checkFile(parse(text))
    }"""
    with empty_page(browser) as page:
        for path, settled in settled_rows().items():
            found = page.evaluate(check, Path(path).read_text("utf-8"))
            assert (found["failed"], found["passed"]) == ([], settled), path


@pytest.mark.parametrize("name", app_vectors.FILES)
def test_the_shared_vectors_are_what_python_does_today(name: str) -> None:
    kept = (app_vectors.FOLDER / name).read_text("utf-8")
    assert kept == app_vectors.written(app_vectors.FILES[name]())
