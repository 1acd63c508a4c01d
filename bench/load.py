"""Clients side by side: threads in a few processes, so that Python's lock holds nobody up."""

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from bench.visitors import AnyVisitor, Connection, Token, enrol

PROCESSES = os.cpu_count() or 1
# Long enough for every process to have its threads ready.
_LEAD_SECONDS = 0.2

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Load(Generic[AnyVisitor]):
    """What clients did and saw.

    Attributes:
        latencies_ms: Of every visit, from its first byte sent to its last byte read.
        seconds: From the start to the end of the last visit.
        cpu_ms: Of the client processes.
        visitors: All of them, as they are now.
    """

    latencies_ms: list[float]
    seconds: float
    cpu_ms: float
    visitors: list[AnyVisitor]


@contextmanager
def client_processes() -> Iterator[Executor]:
    """Keep the processes that clients run in."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        yield pool


def run_clients(
    pool: Executor, *, port: int, visitors: Sequence[AnyVisitor], clients: int, seconds: float
) -> Load[AnyVisitor]:
    """Have clients visit a service for some time, or until no visitor may come again.

    Args:
        pool: From :func:`client_processes`.
        port: The service's.
        visitors: At least as many as clients, so that none is in two places at once.
        clients: Visits that run at the same time.
        seconds: After which no visit begins.

    Raises:
        BenchError: an answer was not as it should be.
    """
    processes = min(PROCESSES, clients)
    start = time.time() + _LEAD_SECONDS
    running = [
        pool.submit(
            _run_threads,
            port,
            list(visitors[number::processes]),
            clients // processes,
            start,
            seconds,
        )
        for number in range(processes)
    ]
    parts = [future.result() for future in running]
    return Load(
        latencies_ms=[latency for part in parts for latency in part.latencies_ms],
        seconds=max(part.seconds for part in parts),
        cpu_ms=sum(part.cpu_ms for part in parts),
        visitors=[visitor for part in parts for visitor in part.visitors],
    )


def enrol_tokens(pool: Executor, *, port: int, keys: Sequence[str], count: int) -> list[Token]:
    """Enrol at least this many tokens, as many for each holder, all holders at the same time.

    Raises:
        BenchError: the platform refuses.
    """
    share = -(-count // len(keys))
    running = [
        pool.submit(_enrol_in_threads, port, keys[number::PROCESSES], share)
        for number in range(min(PROCESSES, len(keys)))
    ]
    return [token for future in running for token in future.result()]


def _run_threads(
    port: int, visitors: list[AnyVisitor], threads: int, start: float, seconds: float
) -> Load[AnyVisitor]:
    waiting = deque(visitor for visitor in visitors if visitor.visits_left)
    spent = [visitor for visitor in visitors if not visitor.visits_left]
    cpu = time.process_time()

    def client() -> list[float]:
        service = Connection(port)
        time.sleep(max(0.0, start - time.time()))
        latencies = []
        while time.time() < start + seconds and waiting:
            visitor = waiting.popleft()
            begun = time.perf_counter()
            visitor.visit(service)
            latencies.append((time.perf_counter() - begun) * 1000)
            (waiting if visitor.visits_left else spent).append(visitor)
        service.close()
        return latencies

    found = _in_threads([client] * threads)
    return Load(
        latencies_ms=[latency for latencies in found for latency in latencies],
        seconds=time.time() - start,
        cpu_ms=(time.process_time() - cpu) * 1000,
        visitors=[*waiting, *spent],
    )


def _enrol_in_threads(port: int, keys: Sequence[str], share: int) -> list[Token]:
    found = _in_threads([partial(enrol, port, key, share) for key in keys])
    return [token for tokens in found for token in tokens]


def _in_threads(calls: Sequence[Callable[[], Found]]) -> list[Found]:
    with ThreadPoolExecutor(len(calls)) as executor:
        return [future.result() for future in [executor.submit(call) for call in calls]]
