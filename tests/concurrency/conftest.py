"""What tests of races share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.concurrency.racing import program
from tests.e2e.live import Live

Race = Callable[[Live, str], Any]


@pytest.fixture(scope="session")
def programs() -> Iterator[Callable[[Live], Callable[[str, str], Any]]]:
    """Return what finds the program on a database, which runs all races there.

    To start one takes longer than most races.
    """
    running: dict[Path, Callable[[str, str], Any]] = {}
    with ExitStack() as stack:

        def find(services: Live) -> Callable[[str, str], Any]:
            if services.folder not in running:
                running[services.folder] = stack.enter_context(program(services))
            return running[services.folder]

        yield find


@pytest.fixture
def racing(
    request: pytest.FixtureRequest, programs: Callable[[Live], Callable[[str, str], Any]]
) -> Race:
    """Return what runs a race of the module that the test module names as ``RACES``."""
    return lambda services, name: programs(services)(request.module.RACES, name)
