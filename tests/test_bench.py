"""The figures that the bench reports; measuring itself needs services and is `make bench`."""

import json
import os
import time

import pytest

from bench import scan
from bench.meters import Reading, cpu_ms
from bench.report import Round, figures, percentile, results, table


def a_round(*, visits: int, seconds: float, latency_ms: float = 10.0) -> Round:
    cost = Reading({"platform": 6.0 * visits, "client": 1.0 * visits}, 9, 7, 3)
    return Round([latency_ms] * visits, seconds, cost)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.99, 99), (1.0, 100)]
)
def test_percentile_is_a_measured_value_that_the_share_does_not_exceed(
    share: float, expected: int
) -> None:
    assert percentile(reversed(range(1, 101)), share) == expected


def test_rate_is_the_median_of_the_rounds() -> None:
    rounds = [a_round(visits=visits, seconds=2.0) for visits in (20, 200, 40)]
    assert figures(rounds, noun="step")["steps_per_second"] == 20.0


def test_costs_are_shared_out_among_all_visits() -> None:
    found = figures([a_round(visits=1, seconds=1.0), a_round(visits=2, seconds=1.0)], noun="step")
    assert found["cpu_ms_per_step"] == {"platform": 6.0, "client": 1.0, "all": 7.0}
    assert found["queries_per_step"] == 4.67
    assert found["commits_per_step"] == 2.0


def test_ratio_is_the_median_of_neighbouring_rounds() -> None:
    job = [a_round(visits=visits, seconds=1.0) for visits in (10, 20, 90)]
    floor = [a_round(visits=visits, seconds=1.0) for visits in (100, 40, 100)]
    assert results({8: job}, {}, {}, {}, {8: floor})["main_job"]["8"]["ratio_to_floor"] == 0.5


def test_json_names_what_is_promised_for_every_number_of_clients() -> None:
    rounds = {clients: [a_round(visits=5, seconds=1.0)] for clients in (1, 8, 32)}
    found = json.loads(json.dumps(results(rounds, rounds, rounds, rounds, rounds)))
    assert list(found["main_job"]) == ["1", "8", "32"]
    assert {
        *("steps_per_second", "p50_ms", "p99_ms", "ratio_to_floor", "cpu_ms_per_step"),
        *("queries_per_step", "commits_per_step"),
    } <= found["main_job"]["8"].keys()


def test_table_has_a_row_for_every_number_of_clients_of_job_and_floor() -> None:
    rounds = {clients: [a_round(visits=5, seconds=1.0)] for clients in (1, 8)}
    lines = table(results(rounds, rounds, rounds, rounds, rounds)).splitlines()
    assert len(lines) == 5 * (2 + 2) + 4
    assert len({line.count("|") for line in lines if line}) == 1


def test_cpu_time_is_what_the_process_used() -> None:
    before = cpu_ms({"us": os.getpid()})["us"]
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    # The kernel counts in ticks of ten milliseconds.
    assert cpu_ms({"us": os.getpid()})["us"] - before >= 80


def test_a_reading_since_another_is_the_difference() -> None:
    now, before = Reading({"platform": 9.0}, 5, 4, 3), Reading({"platform": 7.0}, 1, 1, 1)
    assert now.since(before) == Reading({"platform": 2.0}, 4, 3, 2)


def test_no_harmed_picture_of_the_largest_symbol_is_read_wrongly_and_plain_ones_are_read() -> None:
    found = scan.measure((25,), (400,))
    assert list(found.problems()) == []
    assert found.share(level="M", harm="none") == 1
    # Harms that harm nothing would prove nothing.
    assert 0 < found.share(level="M") < 1


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ([], "NOT READ"),
        (["other"], "WRONG TEXT"),
        (["text", "other"], "WRONG TEXT"),
        (["text"], ""),
    ],
)
def test_the_scan_bench_names_wrong_texts_and_plain_pictures_not_read(
    texts: list[str], problem: str
) -> None:
    found = scan.Found()
    found.add(scan.Case(25, "M", 400, "none"), "text", texts)
    assert next(found.problems(), "").startswith(problem)
