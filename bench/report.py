"""Turn what was measured into figures: a table for people, JSON for machines."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.meters import Reading


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement at one number of clients.

    Attributes:
        latencies_ms: Of every visit.
        seconds: It lasted.
        cost: Of all visits together.
    """

    latencies_ms: Sequence[float]
    seconds: float
    cost: Reading

    @property
    def per_second(self) -> float:
        """Visits done in a second."""
        return len(self.latencies_ms) / self.seconds


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least this share of all values does not exceed.

    >>> percentile([30, 10, 20, 40], 0.5)
    20
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def figures(rounds: Sequence[Round], *, noun: str) -> dict[str, Any]:
    """Return the figures of one number of clients.

    Rates are medians of the rounds; all else is over all rounds together.

    Args:
        rounds: At least one, with at least one visit each.
        noun: What a visit is called, in the singular.
    """
    visits = sum(len(part.latencies_ms) for part in rounds)
    latencies = [latency for part in rounds for latency in part.latencies_ms]
    cpu = {
        name: round(sum(part.cost.cpu_ms[name] for part in rounds) / visits, 3)
        for name in rounds[0].cost.cpu_ms
    }
    return {
        f"{noun}s_per_second": round(median(part.per_second for part in rounds), 1),
        "p50_ms": round(percentile(latencies, 0.50), 2),
        "p99_ms": round(percentile(latencies, 0.99), 2),
        f"cpu_ms_per_{noun}": cpu | {"all": round(sum(cpu.values()), 3)},
        f"queries_per_{noun}": round(sum(part.cost.queries for part in rounds) / visits, 2),
        f"statements_per_{noun}": round(sum(part.cost.statements for part in rounds) / visits, 2),
        f"commits_per_{noun}": round(sum(part.cost.commits for part in rounds) / visits, 2),
        f"{noun}s": visits,
    }


Rounds = Mapping[int, Sequence[Round]]


def results(
    job: Rounds, billing: Rounds, network: Rounds, sms: Rounds, floor: Rounds
) -> dict[str, Any]:
    """Return the figures of all by number of clients, as JSON holds them.

    Args:
        job: The main job's rounds by number of clients.
        billing: Those of status codes, each asked for and used up.
        network: Those of applications' requests by the network, verified, waiting for a proof.
        sms: Those by SMS, each charged.
        floor: The floor's; each round was measured right after the others of the same place.
    """
    return {
        "main_job": {str(n): _beside(job[n], floor[n], noun="step") for n in job},
        "billing": {str(n): _beside(billing[n], floor[n], noun="pair") for n in billing},
        "requests": {str(n): _beside(network[n], floor[n], noun="request") for n in network},
        "charges": {str(n): _beside(sms[n], floor[n], noun="charge") for n in sms},
        "floor": {str(n): figures(floor[n], noun="check") for n in floor},
    }


def _beside(rounds: Sequence[Round], floor: Sequence[Round], *, noun: str) -> dict[str, Any]:
    """Return figures with their ratio to the floor's."""
    ratio = median(
        mine.per_second / other.per_second for mine, other in zip(rounds, floor, strict=True)
    )
    found, check = figures(rounds, noun=noun), figures(floor, noun="check")
    # What the rates would say if nothing but CPU time counted: steady on a busy machine.
    cpu_ratio = check["cpu_ms_per_check"]["all"] / found[f"cpu_ms_per_{noun}"]["all"]
    return {
        **found,
        "ratio_to_floor": round(ratio, 3),
        "cpu_ratio_to_floor": round(cpu_ratio, 3),
    }


def table(found: Any) -> str:
    """Return the figures as a table in Markdown, one row per number of clients."""
    rows = [
        *_table("main job", "step", found["main_job"]),
        "",
        *_table("authorize and verify", "pair", found["billing"]),
        "",
        *_table("billing request by network", "request", found["requests"]),
        "",
        *_table("charge by SMS", "charge", found["charges"]),
        "",
        *_table("floor: django-otp", "check", found["floor"]),
    ]
    return "\n".join(rows)


def _table(title: str, noun: str, part: dict[str, dict[str, Any]]) -> list[str]:
    processes = [*next(iter(part.values()))[f"cpu_ms_per_{noun}"]]
    heads = [
        f"{title}, clients",
        *(f"{noun}s/s", "p50 ms", "p99 ms", "of floor", "by CPU"),
        *(f"CPU ms {name}" for name in processes),
        *("queries", "with BEGIN, COMMIT", "commits"),
    ]
    lines = [
        [
            clients,
            row[f"{noun}s_per_second"],
            f"{row['p50_ms']:.1f}",
            f"{row['p99_ms']:.1f}",
            row.get("ratio_to_floor", 1),
            row.get("cpu_ratio_to_floor", 1),
            *(f"{spent:.2f}" for spent in row[f"cpu_ms_per_{noun}"].values()),
            row[f"queries_per_{noun}"],
            row[f"statements_per_{noun}"],
            row[f"commits_per_{noun}"],
        ]
        for clients, row in part.items()
    ]
    return [
        _row(heads, heads),
        _row(["-" * (len(head) - 1) + ":" for head in heads], heads),
        *(_row(line, heads) for line in lines),
    ]


def _row(cells: Sequence[object], heads: Sequence[str]) -> str:
    padded = (str(cell).rjust(len(head)) for cell, head in zip(cells, heads, strict=True))
    return f"| {' | '.join(padded)} |"
