"""Run the tests of both Django projects, say what was left out, and end with `N passed, N failed`.

`python -m tests.run [PYTEST ARGUMENT…]`; the arguments go to both runs, so that `-k name` narrows.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent
# Django reads one settings module a process, so each project needs a run of its own.
RUNS = {
    "the site, protocol and tokens": [],
    "the authserver": ["--ds=authserver.settings", "tests/authserver"],
}


class Outcome(NamedTuple):
    """What one pytest run, or several together, came to."""

    passed: int
    failed: int
    left_out: Counter[str]

    def line(self) -> str:
        """Say it in one line, in the words a reader of test output looks for."""
        skipped = self.left_out.total()
        return f"{self.passed} passed, {self.failed} failed" + f", {skipped} skipped" * bool(
            skipped
        )


def main(arguments: list[str]) -> int:
    """Run everything and return the exit status: 0 when tests ran and none failed."""
    outcomes = []
    for name, own_arguments in RUNS.items():
        print(f"== Tests of {name}", flush=True)
        outcomes.append(run_pytest(own_arguments, arguments))
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


def run_pytest(own_arguments: list[str], arguments: list[str]) -> Outcome:
    """Run pytest in a process of its own, its output as it comes.

    Args:
        own_arguments: What makes this run: settings and folders.
        arguments: The caller's; with any, a run may find nothing to do.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", f"--junit-xml={report}"]
        status = subprocess.run([*command, *own_arguments, *arguments], cwd=ROOT, check=False)
        outcome = read_report(report.read_bytes()) if report.exists() else NOTHING
    if status.returncode == 0 or outcome.failed:
        return outcome
    if status.returncode == pytest.ExitCode.NO_TESTS_COLLECTED and arguments:
        return outcome
    # Broken before a test could fail: that must not read as "0 failed".
    print(f"pytest ended with status {status.returncode} and no failed test")
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
