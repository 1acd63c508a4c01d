"""Run all tests, say what was left out, and end with `N passed, N failed`.

`python -m tests.run [PYTEST ARGUMENT…]`; the arguments go to every run, so that `-k name` narrows.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent
# They share running services, which take long to set up.
_FLOWS, _RACES = ["tests/e2e"], ["tests/concurrency", "tests/faults"]


def _files(folder: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(f"{folder}/test_*.py"))


_OF_THE_SITE, _IN_A_BROWSER = _files("tests/platform"), _files("tests/browser")
_PAGES = _IN_A_BROWSER.index("tests/browser/test_pages.py")
# Django reads one settings module a process, so each project needs a run of its own.  The rest is
# cut where it is so that several go on at once: tests of pages and of whole flows mostly wait.
# The longest come first, so that the short ones fill up the end.
RUNS = {
    # Backwards: what there is to be seen on pages lives for ten minutes.
    "the pages in a browser": _IN_A_BROWSER[_PAGES::-1],
    "the apps in a browser": _IN_A_BROWSER[_PAGES + 1 :],
    "whole flows": _FLOWS,
    "the site, one half": _OF_THE_SITE[::2],
    "the site, the other half": _OF_THE_SITE[1::2],
    # What they leave behind is searched for secrets, as what the flows do.
    "races and faults": [*_RACES, "tests/e2e/test_secrets_stay.py"],
    "the authserver": ["--ds=authserver.settings", "tests/authserver"],
    "protocol, tokens, terminal and the rest": [
        f"--ignore={folder}"
        for folder in ("tests/authserver", "tests/browser", "tests/platform", *_FLOWS, *_RACES)
    ],
}
# Twice the processors of a small machine, since they often wait.
AT_ONCE = 4


class Outcome(NamedTuple):
    """What one pytest run, or several together, came to."""

    passed: int
    failed: int
    left_out: Counter[str]
    output: str = ""

    def line(self) -> str:
        """Say it in one line, in the words a reader of test output looks for."""
        skipped = self.left_out.total()
        return f"{self.passed} passed, {self.failed} failed" + f", {skipped} skipped" * bool(
            skipped
        )


def main(arguments: list[str]) -> int:
    """Run everything and return the exit status: 0 when tests ran and none failed.

    The first run is shown as it goes on.  The others go on behind it, and are shown as each ends.
    """
    (first, own), *others = RUNS.items()
    with ThreadPoolExecutor(AT_ONCE - 1) as behind:
        later = [
            (name, behind.submit(run_pytest, own_arguments, arguments, is_shown=False))
            for name, own_arguments in others
        ]
        print(f"== Tests of {first}", flush=True)
        outcomes = [run_pytest(own, arguments)]
        for name, run in later:
            print(f"== Tests of {name}", flush=True)
            outcomes.append(run.result())
            print(outcomes[-1].output, flush=True)
    total = Outcome(
        passed=sum(outcome.passed for outcome in outcomes),
        failed=sum(outcome.failed for outcome in outcomes),
        left_out=sum((outcome.left_out for outcome in outcomes), Counter()),
    )
    if total.left_out:
        print("\nLeft out:")
        for reason, tests in total.left_out.most_common():
            print(f"  {tests} tests: {reason}")
    print(total.line())
    return 0 if total.passed and not total.failed else 1


def run_pytest(
    own_arguments: list[str], arguments: list[str], *, is_shown: bool = True
) -> Outcome:
    """Run pytest in a process of its own.

    Args:
        own_arguments: What makes this run: settings and folders.
        arguments: The caller's; with any, a run may find nothing to do.
        is_shown: Whether its output is shown as it comes; otherwise it is in the outcome.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", f"--junit-xml={report}"]
        run = subprocess.run(
            [*command, *own_arguments, *arguments],
            cwd=ROOT,
            check=False,
            text=True,
            stdout=None if is_shown else subprocess.PIPE,
            stderr=None if is_shown else subprocess.STDOUT,
        )
        outcome = read_report(report.read_bytes()) if report.exists() else NOTHING
    outcome = outcome._replace(output=run.stdout or "")
    if run.returncode == 0 or outcome.failed:
        return outcome
    if run.returncode == pytest.ExitCode.NO_TESTS_COLLECTED and arguments:
        return outcome
    # Broken before a test could fail: that must not read as "0 failed".
    print(f"pytest ended with status {run.returncode} and no failed test")
    return outcome._replace(failed=1)


NOTHING = Outcome(passed=0, failed=0, left_out=Counter())


def read_report(junit_xml: bytes) -> Outcome:
    """Count the tests of a report in pytest's JUnit format."""
    suite = ElementTree.fromstring(junit_xml).find("testsuite")  # noqa: S314 (our own file)
    if suite is None:
        return NOTHING
    left_out = Counter(skipped.get("message", "") for skipped in suite.iter("skipped"))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    passed = int(suite.get("tests", 0)) - failed - left_out.total()
    return Outcome(passed=passed, failed=failed, left_out=left_out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
