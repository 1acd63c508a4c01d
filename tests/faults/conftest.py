"""Steps made before all other tests here, so that they have expired when the last module runs."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

from tests.concurrency.test_responses import verdicts
from tests.e2e.live import Live
from tests.e2e.party import Answer, Party
from tests.e2e.wire import Fault

# Time to answer on a busy machine, and the leeway before the platform ends a step.
TTL_SECONDS = 60
EXPIRED_AFTER_SECONDS = TTL_SECONDS + 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Reconcile when everything else has run: on a slow machine it would settle these steps."""
    items.sort(key=lambda item: item.path.name == "test_closing.py")


@dataclass(frozen=True)
class Asked:
    """A first step, and the right response to it."""

    party: Party
    step: dict[str, Any]
    right: str

    def answer(self) -> Answer:
        """Give that response, as often as need be."""
        return self.party.answer(self.step, self.right)

    @property
    def state(self) -> str:
        return self.party.state(self.step)


@dataclass(frozen=True)
class Aged:
    """Steps of a challenge life of a minute, but for ``retried``.

    Their tokens are their own, since the next challenge of a token ends those that expired.

    Attributes:
        lost: The authserver accepted; its answers to the platform were lost.
        told: What the platform made of that.
        head: What Anna signed, as the platform told her.
        unanswered: Ben's step behind that.
        reconciled: The authserver accepted; the platform died before it could note that.
        retried: The same, with a long life.
    """

    lost: Asked
    told: Answer
    head: dict[str, Any]
    unanswered: dict[str, Any]
    reconciled: Asked
    retried: Asked
    made_at: float

    def await_expiry(self) -> None:
        time.sleep(max(0, self.made_at + EXPIRED_AFTER_SECONDS - time.monotonic()))


@pytest.fixture(scope="session", autouse=True)
def aged(on_sqlite: Live) -> Aged:
    anna, ben = on_sqlite.party("Anna Meier"), on_sqlite.party("Ben Schmidt")
    lost = asked(anna, token=anna.enrol(), ttl=TTL_SECONDS)
    with on_sqlite.back.spoiled(Fault(loses=2)):
        told = lost.answer()
    head = anna.sign(anna.open())
    unanswered = ben.go_on(head, token=ben.enrol(), ttl=TTL_SECONDS)
    reconciled = asked(anna, token=anna.enrol(), ttl=TTL_SECONDS)
    retried = asked(ben, ttl=600)
    die_before_commit(on_sqlite, [reconciled, retried])
    on_sqlite.start("platform")
    made_at = time.monotonic()
    return Aged(lost, told, head, unanswered, reconciled, retried, made_at)


def asked(party: Party, **changes: Any) -> Asked:
    """Have a party begin a transaction, and compute its right response."""
    step = party.open(**changes)
    return Asked(party, step, party.code(step))


def die_before_commit(live: Live, steps: list[Asked]) -> None:
    """Have steps answered, and kill the platform when only the authserver has decided."""
    with live.back.spoiled(Fault(hangs=True)), ThreadPoolExecutor() as threads:
        told = [threads.submit(one.answer) for one in steps]
        # Its answers may be counted more than once: the platform asks again.
        given_up = time.monotonic() + TTL_SECONDS
        while not all(verdicts(live, one.step["id"]) for one in steps):
            assert time.monotonic() < given_up, "the authserver does not decide"
            time.sleep(0.01)
        live.kill("platform")
        for answer in told:
            assert isinstance(answer.exception(), urllib3.exceptions.HTTPError)
