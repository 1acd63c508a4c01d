"""docs/howto.md: its blocks are one program, and it runs."""

import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from countersign.local import ROOT
from tests.e2e.live import LOOPBACK, Live

pytestmark = [
    pytest.mark.allow_hosts(LOOPBACK),
    pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed"),
]

PAGE = (ROOT / "docs" / "howto.md").read_text("utf-8")
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END = "=== the block ended"
# What the worker does within a minute.
LOG = """
from datetime import timedelta
from django.utils import timezone
from receipts.log import extend_log
extend_log(now=timezone.now() + timedelta(minutes=1))
"""


class Shell:
    """A shell that is told one block after the other, as by somebody who reads the page."""

    def __init__(self, folder: Path, settings: Path) -> None:
        home, path = str(folder), f"{Path(sys.executable).parent}:/usr/bin:/bin"
        self._block, self.errors = folder / "block.sh", folder / "errors"
        with self.errors.open("wb") as errors:
            self._process = subprocess.Popen(
                ["/bin/bash", "-eu"],
                cwd=ROOT,
                env={"HOME": home, "PATH": path, "COUNTERSIGN_ENV_FILE": str(settings)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def run(self, block: str) -> str:
        """Run a block to its end; return what it printed."""
        assert self._process.stdin
        assert self._process.stdout
        self._block.write_text(block, "utf-8")
        # Nothing in it reads what it is told next.
        self._process.stdin.write(f". {self._block} </dev/null\necho; echo '{END}'\n")
        self._process.stdin.flush()
        said = ""
        for line in self._process.stdout:
            if line.strip() == END:
                return said
            said += line
        raise AssertionError(f"{block}\n{said}\n{self.errors.read_text()}")

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def stop(self) -> None:
        """Have it go no further."""
        self._process.kill()


@pytest.fixture(scope="module")
def said(on_sqlite: Live, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the blocks of the shell printed, all blocks having run in their order."""
    folder = tmp_path_factory.mktemp("howto")
    page = PAGE
    for theirs, ours in {
        "http://localhost:8000": on_sqlite.origin,
        "var/mail": str(on_sqlite.folder / "mail"),
        "var/howto": str(folder),
    }.items():
        assert theirs in page
        page = page.replace(theirs, ours)
    names: dict[str, Any] = {}
    printed = []
    shell = Shell(folder, on_sqlite.folder / "platform.env")
    try:
        for language, block in BLOCK.findall(page):
            if "/log/" in block:
                printed.append(run_until_logged(shell, block, folder / "proof.cbor", on_sqlite))
            elif language == "sh":
                printed.append(shell.run(block))
            else:
                exec(compile(block, "docs/howto.md", "exec"), names)  # noqa: S102  # ours
    finally:
        shell.close()
    return printed


def run_until_logged(shell: Shell, block: str, proof: Path, live: Live) -> str:
    """Run the block that waits for the log; nothing is logged before it was told to wait."""
    with ThreadPoolExecutor() as pool:
        running = pool.submit(shell.run, block)
        try:
            # Without a body the answer makes an empty file.
            while not proof.exists() and not running.done():
                time.sleep(0.1)
            assert not running.done(), running.result()
            live.manage("shell", "-c", LOG)
            return running.result(60)
        except BaseException:
            # Else it would wait for ever, and this for it.
            shell.stop()
            raise


def test_every_block_of_the_page_runs_and_the_last_one_finds_the_transaction_open(
    said: list[str],
) -> None:
    assert said[-1].split() == ["open"]


def test_what_the_page_verifies_offline_is_right_in_every_line_and_logged(said: list[str]) -> None:
    verified, logged = said[-3], said[-2]

    assert "FAILED" not in verified + logged
    assert "not checked" not in verified + logged
    assert "10. ok" in logged


def test_no_block_is_passed_over() -> None:
    assert PAGE.count("```") == 2 * len(BLOCK.findall(PAGE))
