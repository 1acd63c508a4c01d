"""The test command: what it counts, and that a broken run never reads as a clean one."""

from tests.run import read_report, run_pytest

REPORT = b"""<testsuites><testsuite tests="6" failures="1" errors="1" skipped="2">
<testcase name="a"/><testcase name="b"/>
<testcase name="c"><skipped message="PostgreSQL is not installed"/></testcase>
<testcase name="d"><skipped message="PostgreSQL is not installed"/></testcase>
<testcase name="e"><failure/></testcase><testcase name="f"><error/></testcase>
</testsuite></testsuites>"""


def test_errors_count_as_failures_and_skips_are_named() -> None:
    outcome = read_report(REPORT)
    assert outcome.line() == "2 passed, 2 failed, 2 skipped"
    assert outcome.left_out == {"PostgreSQL is not installed": 2}


def test_a_run_that_breaks_before_its_first_test_counts_as_failed() -> None:
    assert run_pytest(["--no-such-option"], []).line() == "0 passed, 1 failed"


def test_a_run_that_finds_no_tests_counts_as_failed() -> None:
    nothing = ["--quiet", "--collect-only", "-k", "no_test_has_this_name", __file__]
    assert run_pytest(nothing, []).line() == "0 passed, 1 failed"


def test_a_narrowed_run_may_find_no_tests() -> None:
    narrowed = ["--quiet", "--collect-only", "-k", "no_test_has_this_name", __file__]
    assert run_pytest([], narrowed).line() == "0 passed, 0 failed"
