"""The life of a token against a model of it, over any order of what can happen to it."""

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import time_machine
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from authserver.services import unlock_by_operator
from protocol.statement import Kind, Statement
from tests.authserver.test_stock import assign, put_into_stock
from tests.authserver.world import COUNTER_SUITE, NOON, Answer, Bank, LocalHost, Paired

EXAMPLES, STEPS = 8, 35
SUITES = [COUNTER_SUITE, "OCRA-1:HOTP-SHA256-8:QH64-T1M", "HOTP:SHA1-6", "TOTP:SHA1-6:T30"]
MONTH = 30 * 86_400
LOCKS = ([60, 300, 1800, 86_400], [90, 3600, 86_400, 172_800])
CHANGES = {
    "suspend": ({"active"}, "suspended"),
    "resume": ({"suspended"}, "active"),
    "release": ({"confirmed", "active", "suspended"}, "stock"),
}


@dataclass
class Model:
    """What should be known of one token, in a few lines."""

    state: str = "stock"
    failures: int = 0
    level: int = 0
    locked_until: float = 0.0
    is_blocked: bool = False
    unblocked_at: float = 0.0
    # Times of the wrong responses that nobody forgave.
    wrong: list[float] = field(default_factory=list)
    max_failures: int = 5
    locks: list[int] = field(default_factory=lambda: LOCKS[0])
    budget: int = 30

    def is_locked(self) -> bool:
        return self.is_blocked or time.time() < self.locked_until

    @property
    def recent(self) -> int:
        return sum(at > time.time() - MONTH for at in self.wrong)

    @property
    def tries_left(self) -> int:
        if self.is_locked():
            return 0
        return max(1, min(self.max_failures - self.failures, self.budget - self.recent))

    def count_wrong(self) -> None:
        self.failures += 1
        self.wrong.append(time.time())
        self.is_blocked = self.recent >= self.budget
        if self.failures >= self.max_failures or self.is_blocked:
            self.locked_until = time.time() + self.locks[min(self.level, 3)]
            self.failures, self.level = 0, min(self.level + 1, 4)

    def succeed(self) -> None:
        self.failures = self.level = 0
        self.locked_until = 0.0


class Life(RuleBasedStateMachine):
    """Does to one token what can be done, and compares every answer with the model's."""

    def __init__(
        self, host: LocalHost, bank: Bank, suite: str, clock: time_machine.Traveller
    ) -> None:
        super().__init__()
        clock.move_to(NOON)
        self.clock, self.host, self.bank = clock, host, bank
        self.paired = put_into_stock(Paired.make(host, bank, suite))
        self.model, self.number, self.moved = Model(), 0, 0
        self.seconds = self.paired.token.suite.time_step_seconds
        # Of the token itself: the next counter, and by how many steps its clock is ahead.
        self.ahead = 0
        # Of its server: last counter or step accepted, and the drift it reckons with.
        self.last, self.drift = -1, 0
        # What really happened, whatever the model says.
        self.in_a_row, self.forgiven, self.was_eased = 0, 0.0, False
        self.counted: list[tuple[Statement, str]] = []
        self.put_policy(max_failures=5, locks=LOCKS[0], budget=30)
        self.assign_and_activate()

    # What the token does.

    def ask(self, kind: Kind) -> Statement:
        self.number += 1
        return self.paired.statement(kind, number=self.number)

    @property
    def kind(self) -> Kind:
        return Kind.TEST if self.paired.token.suite.has_question else Kind.LOGIN

    def at(self, ahead: int) -> tuple[int, int]:
        """Where the token answers: counter, or time step and steps ahead."""
        if self.seconds:
            return int(time.time()) // self.seconds + ahead, ahead
        return ahead, ahead

    def code(self, statement: Statement, ahead: int) -> str:
        if self.seconds:
            return self.paired.token.respond(statement, steps=ahead)
        return replace(self.paired.token, counter=ahead).respond(statement)

    def near(self, statement: Statement) -> set[str]:
        """Return every response that the server may take: what is wrong must be none of them."""
        if self.seconds:
            places = range(self.drift - 1, self.drift + 2)
        else:
            places = range(self.last + 1, self.last + 21)
        return {self.code(statement, place) for place in places}

    def is_new(self, place: int) -> bool:
        same = bool(self.seconds) and self.paired.token.suite.has_question
        return place >= self.last if same else place > self.last

    def is_near(self, place: int, ahead: int, *, wide: bool) -> bool:
        if not self.seconds:
            return self.last < place <= self.last + (999 if wide else 20)
        reach = min(3600 // self.seconds, 120)
        return abs(ahead) <= reach if wide else abs(ahead - self.drift) <= 1

    def accept(self, place: int, ahead: int) -> None:
        self.last, self.drift, self.in_a_row = place, ahead, 0
        self.model.succeed()

    # What it is answered.

    def judge(self, answer: Answer, *, due: str, is_right: bool) -> bool:
        """Compare an answer to one attempt; returns whether it was accepted."""
        model = self.model
        if model.state != due or model.is_locked():
            code = "token_locked" if model.state == due else "token_not_active"
            assert answer.code == code
            return False
        if answer.code == "not_ready":
            # Only at the end of what a clock may be off by: every step of the window is used.
            assert self.seconds
            return False
        assert (answer.body["accepted"] is True) == is_right
        if not is_right:
            self.in_a_row += 1
            model.count_wrong()
            exhausted = model.is_locked()
            reason = "attempts_exhausted" if exhausted else "response_wrong"
            assert (answer.body["reason"], answer.body["tries_left"]) == (reason, model.tries_left)
            # The bounds themselves, whatever the model says.
            assert self.in_a_row <= 5
            assert sum(at > max(self.forgiven, time.time() - MONTH) for at in model.wrong) <= 30
            if not self.was_eased:
                assert self.in_a_row <= model.max_failures
            self.in_a_row = 0 if exhausted else self.in_a_row
        return is_right

    @rule(times=st.integers(1, 5))
    def answer_wrongly(self, times: int) -> None:
        for _ in range(times):
            statement = self.ask(self.kind)
            near, digits = self.near(statement), self.paired.token.suite.digits
            wrong = next(code for number in count() if (code := f"{number:0{digits}}") not in near)
            before = len(self.model.wrong)
            self.judge(self.paired.answer(statement, wrong), due="active", is_right=False)
            if len(self.model.wrong) > before:
                self.counted.append((statement, wrong))

    @rule()
    def answer_wrongly_once_more(self) -> None:
        before = self.paired.row
        for statement, wrong in self.counted[-3:]:
            self.paired.answer(statement, wrong)
        after = self.paired.row
        names = ("consecutive_failures", "lock_level", "locked_until", "seq")
        assert [getattr(before, n) for n in names] == [getattr(after, n) for n in names]

    @rule(skip=st.sampled_from([0, 0, 0, 1, 19, 25, -1]))
    def answer_rightly(self, skip: int) -> None:
        statement = self.ask(self.kind)
        # One step back is a code that somebody has seen before.
        ahead = self.ahead if self.seconds else max(self.ahead + skip, 0)
        place, ahead = self.at(ahead)
        is_right = self.is_new(place) and self.is_near(place, ahead, wide=False)
        response = self.code(statement, ahead)
        if not is_right and response in self.near(statement):
            # Out of place, and one of those in place by chance.
            return
        if self.judge(self.paired.answer(statement, response), due="active", is_right=is_right):
            self.accept(place, ahead)
        if not self.seconds:
            self.ahead = max(self.ahead, ahead + 1)

    @rule(far=st.sampled_from([0, 3, 60, 500, 1500, -3, -60]))
    def resynchronise(self, far: int) -> None:
        first, second = self.ask(self.kind), self.ask(self.kind)
        start = self.ahead if self.seconds else max(self.ahead + far, 0)
        step = 1 if not self.seconds or not self.paired.token.suite.has_question else 0
        place, ahead = self.at(start)
        is_right = self.is_new(place) and self.is_near(place, ahead, wide=True)
        answer = self.paired.resynchronise(
            (first, self.code(first, start)), (second, self.code(second, start + step))
        )
        if self.judge(answer, due="active", is_right=is_right):
            self.accept(*self.at(start + step))
        if not self.seconds:
            self.ahead = max(self.ahead, start + 2)

    @rule(steps=st.integers(-40, 40))
    def set_the_tokens_clock(self, steps: int) -> None:
        if self.seconds:
            self.ahead = steps

    @rule(seconds=st.sampled_from([1, 30, 60, 300, 1800, 86_400, MONTH // 2, MONTH]))
    def wait(self, seconds: int) -> None:
        if self.moved + seconds < 300 * 86_400:
            self.moved += seconds
            self.clock.shift(timedelta(seconds=seconds))

    # What is done to it.

    @rule(proof=st.sampled_from(["passkey", "token", "operator"]))
    def unlock(self, proof: str) -> None:
        model, answer = self.model, self.paired.unlock(proof)
        was_locked, month_ago = model.is_locked(), time.time() - MONTH
        if model.is_blocked and model.unblocked_at and model.unblocked_at > month_ago:
            assert answer.code == "state_conflict"
            return
        assert answer.status == 200
        if model.is_blocked:
            model.is_blocked, model.unblocked_at, model.wrong = False, time.time(), []
            self.forgiven = time.time()
        if was_locked:
            model.failures, model.locked_until, self.in_a_row = 0, 0.0, 0

    @rule()
    def unlock_by_the_hosts_operator(self) -> None:
        unlock_by_operator(name=self.paired.serial, operator="kim", now=datetime.now(UTC))
        self.model.succeed()
        self.model.is_blocked, self.model.unblocked_at, self.model.wrong = False, 0.0, []
        self.forgiven, self.in_a_row = time.time(), 0

    @rule(action=st.sampled_from(list(CHANGES)))
    def change_state(self, action: str) -> None:
        before, after = CHANGES[action]
        answer = self.paired.call("POST", f"/{action}")
        if self.model.state in {*before, after}:
            self.model.state = after
            assert answer.body == {"state": after}
        else:
            assert answer.code == "state_conflict"

    @rule()
    def assign_and_activate(self) -> None:
        answer = assign(self.paired)
        if self.model.state not in ("stock", "confirmed"):
            assert answer.code == "serial_unknown"
            return
        self.model.state = "confirmed"
        statement = self.ask(Kind.ACTIVATION)
        place, ahead = self.at(self.ahead)
        is_right = self.is_new(place) and self.is_near(place, ahead, wide=False)
        answer = self.paired.answer(statement, self.code(statement, ahead))
        if self.judge(answer, due="confirmed", is_right=is_right):
            self.accept(place, ahead)
            self.model.state = "active"
        if not self.seconds:
            self.ahead = max(self.ahead, ahead + 1)

    @precondition(lambda self: self.number > 40)
    @rule(action=st.sampled_from(["revoke", "replace"]))
    def end(self, action: str) -> None:
        new = Paired.make(self.host, self.bank)
        body = {"successor": new.vk} if action == "replace" else {}
        answer = self.paired.call("POST", f"/{action}", body)
        before = {"confirmed", "active", "suspended"}
        if action == "revoke":
            before |= {"stock", "revoked"}
        if self.model.state in before:
            self.model.state = "revoked" if action == "revoke" else "replaced"
            assert answer.body == {"state": self.model.state}
        else:
            assert answer.code == "state_conflict"

    @rule(
        max_failures=st.integers(1, 5),
        locks=st.sampled_from(LOCKS),
        budget=st.sampled_from([3, 6, 30]),
    )
    def set_policy(self, max_failures: int, locks: list[int], budget: int) -> None:
        self.was_eased = True
        self.put_policy(max_failures=max_failures, locks=locks, budget=budget)

    def put_policy(self, **policy: object) -> None:
        answer = self.host.call("PUT", "/v1/policy", policy, self.bank.key)
        assert answer.body == policy
        vars(self.model).update(policy)

    @invariant()
    def the_status_is_the_models(self) -> None:
        status, model = self.paired.status(), self.model
        told = (status["state"], status["tries_left"], status["locked"], status["is_blocked"])
        assert told == (model.state, model.tries_left, model.is_locked(), model.is_blocked)
        assert (status["failures"], status["lock_level"]) == (model.recent, model.level)


@pytest.mark.parametrize("suite", SUITES)
def test_no_order_of_events_gives_more_tries_or_an_answer_out_of_turn(
    host: LocalHost, bank: Bank, clock: time_machine.Traveller, suite: str
) -> None:
    run_state_machine_as_test(
        lambda: Life(host, bank, suite, clock),  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            # A shorter way to the same fault would take minutes.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
        ),
    )
