"""What tests of races share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.concurrency.racing import program
from tests.e2e.live import Live

Race = Callable[[Live, str], Any]


@pytest.fixture(scope="module")
def racing(request: pytest.FixtureRequest) -> Iterator[Race]:
    """Return what runs a race, by the program that the test module names as ``PROGRAM``.

    On each database one program runs them all: to start one takes longer than most races.
    """
    running: dict[Any, Callable[[str], Any]] = {}
    with ExitStack() as stack:

        def race(services: Live, name: str) -> Any:
            if services.folder not in running:
                begun = program(services, request.module.PROGRAM)
                running[services.folder] = stack.enter_context(begun)
            return running[services.folder](name)

        yield race
