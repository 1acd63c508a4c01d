"""What every token does, whatever it shows: hold a seed, count, answer a question."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from protocol.statement import Sight
from tokens import responses
from tokens.errors import RefusedError
from tokens.question import draw_challenge
from tokens.suite import OCRASuite
from tokens.suites import Suite

# How far the host may lie behind the token when it proves itself: as far as it looks ahead.
CLOCK_STEPS = 1
COUNTER_LOOK_BACK = 20


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Token:
    """A token by itself: hardware, to which its holder types, or which is asked nothing.

    Attributes:
        serial: Its serial.
        suite: How it answers.
        seed: The secret it shares with its paired server.
        counter: The next counter of a suite with one.
    """

    serial: str
    suite: Suite
    seed: bytes
    counter: int = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.serial})"

    @property
    def names(self) -> tuple[str, ...]:
        """What its holder may call it by."""
        return (self.serial,)

    @property
    def sight(self) -> Sight:
        """What its holder sees when answering."""
        return Sight(self.suite.sight)

    def takes(self, question: str) -> bool:
        """Tell whether questions of this length are typed into this token."""
        return self.sight is Sight.TYPED and len(question) == self.suite.question_length

    def press(self, now: datetime) -> str:
        """Return the code that a token which is asked nothing shows when its button is pressed.

        With a counter, store :meth:`advanced` before anybody sees the code.

        Raises:
            RefusedError: ``question_needed``.
        """
        if self.suite.has_question:
            raise RefusedError("question_needed", "this token answers questions: see `type`")
        return self.answer(None, now)

    def respond_typed(self, question: str, now: datetime, challenge: str = "") -> str:
        """Return the response to a question that the holder saw elsewhere and typed in.

        Args:
            question: In the suite's own form and length.
            now: Current time by the token's clock, timezone-aware.
            challenge: The token's own, if the host has answered it.

        Raises:
            RefusedError: ``question_unfit``.
            QuestionInvalidError: it has other characters than the suite allows.
        """
        if not self.takes(question):
            raise RefusedError(
                "question_unfit", f"nobody types {len(question)} digits into this token"
            )
        return self.answer(question + challenge, now)

    def challenge(self) -> str:
        """Draw the token's own challenge, which its host answers before the token does.

        Raises:
            RefusedError: ``challenge_unfit`` for a token that has none.
        """
        if not isinstance(self.suite, OCRASuite):
            raise RefusedError("challenge_unfit", "only tokens with OCRA have a challenge")
        return draw_challenge(self.suite)

    def check_platform(self, question: str, challenge: str, answer: str, now: datetime) -> None:
        """Refuse to go on unless the host has answered the token's own challenge.

        Only the paired server knows the seed, and it answers only statements that the platform
        signed: a page that cannot give the answer is somebody else's.

        Args:
            question: The statement's.
            challenge: The token's own.
            answer: What the platform's page shows.
            now: Current time by the token's clock, timezone-aware.

        Raises:
            RefusedError: ``platform_untrue``.

        Source:
            RFC 6287 section 7.3.
        """
        counters: list[int | None] = [None]
        if self.suite.counter:
            counters = [*range(self.counter, max(self.counter - COUNTER_LOOK_BACK, 0) - 1, -1)]
        step = self._time_step(now)
        steps: list[int | None] = [None]
        if step is not None:
            steps = [step, *(near for near in (step - CLOCK_STEPS, step + CLOCK_STEPS))]
        found = responses.match(
            self.suite,
            self.seed,
            "".join(answer.split()),
            question=challenge + question,
            counters=counters,
            time_steps=steps,
        )
        if found is None:
            raise RefusedError(
                "platform_untrue",
                "this is not the true platform, or the answer was mistyped: give it no code",
            )

    def advanced(self) -> Self:
        """Return the token as it is after one response."""
        return replace(self, counter=self.counter + 1) if self.suite.counter else self

    def answer(self, question: str | None, now: datetime) -> str:
        """Return what the token answers to a question, whoever asks it and whatever for.

        Args:
            question: In the suite's own form; None for a suite without one.
            now: Current time by the token's clock, timezone-aware.

        Raises:
            TokenError: as :func:`tokens.responses.compute`.
        """
        return responses.compute(
            self.suite,
            self.seed,
            question=question,
            counter=self.counter if self.suite.counter else None,
            time_step=self._time_step(now),
        )

    def _time_step(self, now: datetime) -> int | None:
        seconds = self.suite.time_step_seconds
        return None if seconds is None else int(now.timestamp()) // seconds
