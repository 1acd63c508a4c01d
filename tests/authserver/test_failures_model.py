"""The fail counter against a model of it, over any order of events."""

import time

import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authserver.models import Failure, Server
from authserver.services import unlock_by_operator
from tests.authserver.world import Paired

LOCK_SECONDS = (60, 300, 1800, 86_400, 86_400)
EVENTS = st.sampled_from(
    ["wrong", "wrong", "wrong", "right", "repeat", "status", "wait", "unlock"]
)


class Model:
    """What the fail counter should do, in a few lines."""

    def __init__(self) -> None:
        self.failures = self.level = self.total = 0
        self.locked_until = 0.0

    @property
    def is_locked(self) -> bool:
        return self.total >= 30 or time.time() < self.locked_until

    def wrong(self) -> None:
        self.failures += 1
        self.total += 1
        if self.failures == 5 or self.total >= 30:
            self.locked_until = time.time() + LOCK_SECONDS[self.level]
            self.failures, self.level = 0, min(self.level + 1, 4)

    def right(self) -> None:
        self.failures = self.level = 0


def play(paired: Paired, model: Model, number: int, event: str) -> None:
    statement = paired.statement(number=number)
    if event in ("wrong", "right"):
        response = paired.wrong(statement) if event == "wrong" else None
        answer = paired.answer(statement, response)
        if model.is_locked:
            assert answer.code == "token_locked"
        else:
            assert answer.body["accepted"] is (event == "right")
            model.wrong() if event == "wrong" else model.right()
    elif event == "repeat":
        earlier = paired.statement(number=max(number - 1, 0))
        paired.answer(earlier, paired.wrong(earlier)) if Failure.objects.filter(
            s=earlier.digest
        ).exists() else None
    elif event == "unlock" and model.total < 30:
        paired.call("POST", "/unlock")
        model.failures, model.locked_until = 0, 0.0


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(events=st.lists(EVENTS, max_size=45), wait=st.sampled_from([1, 60, 300]))
def test_failures_are_counted_as_the_model_counts_them(
    active: Paired, clock: time_machine.Traveller, events: list[str], wait: int
) -> None:
    unlock_by_operator(name=active.vk)
    Server.objects.update(failures_until=None)
    model, base = Model(), int(active.row.seq) * 1000
    for number, event in enumerate(events):
        play(active, model, base + number, event)
        clock.shift(wait if event == "wait" else 0)
        expected = 0 if model.is_locked else 5 - model.failures
        status = active.status()
        assert (status["tries_left"], status["locked"]) == (expected, model.is_locked)
