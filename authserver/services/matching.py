"""Search a token's window for the place where a response is right."""

import hmac
import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from authserver.errors import AuthserverError, Code
from authserver.models import Server
from tokens import responses
from tokens.errors import SuiteInvalidError, TokenError
from tokens.question import DIGEST_OCTETS, question_for
from tokens.suites import Suite, parse_suite

# Time steps by which the token's clock may differ, either way.
TIME_WINDOW = 1
# Responses a holder may have computed and not sent since the last one that arrived.
COUNTER_LOOK_AHEAD = 20
# The same, for a resynchronisation: it is two responses that have to be right.  A suite with a
# clock as well has a third of it, for each time step of its window.
RESYNC_LOOK_AHEAD = 1000
RESYNC_SECONDS = 3600
RESYNC_STEPS = 120
# No token has come this far; GM/T 0021 hashes four octets.
MAX_COUNTER = 2**32 - 1

Place = tuple[int | None, int | None]
Question = str | None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a token stands.

    Attributes:
        counter: Next counter expected; ``None`` for suites without one.
        last_step: Last accepted time step.  With a question a step equal to it may match, since
            another statement is another question; without one it has to be a later step.
        drift: Time steps by which the token's clock is ahead of ours.
    """

    counter: int | None
    last_step: int | None
    drift: int = 0

    @classmethod
    def of(cls, server: Server) -> "Position":
        """Return where a server's token stands."""
        return cls(server.counter, server.time_step, server.drift)


def find_place(
    *,
    suite: Suite,
    seed: bytes,
    question: Question,
    response: str,
    position: Position,
    now: int,
) -> Place | None:
    """Return the counter and time step at which the response is right, or ``None``.

    Args:
        suite: The token's suite.
        seed: Its seed.
        question: What the token was asked; ``None`` for a suite without a question.
        response: What the holder gave.
        position: Where the token stands.
        now: Unix seconds.

    Raises:
        AuthserverError: ``not_ready`` when the host's clock went back.
    """
    return responses.match(
        suite,
        seed,
        response,
        question=question,
        counters=_counters(suite, position, COUNTER_LOOK_AHEAD),
        time_steps=_steps(suite, position, now, TIME_WINDOW),
    )


def find_again(
    *,
    suite: Suite,
    seed: bytes,
    questions: tuple[Question, Question],
    given: tuple[str, str],
    position: Position,
    now: int,
) -> tuple[Place, Place] | None:
    """Find a token that has gone far ahead, or whose clock is off, by two following responses.

    It is never found where it has been before: no used counter and no earlier time step is tried.

    Args:
        suite: The token's suite.
        seed: Its seed.
        questions: What the token was asked, one after the other.
        given: What the holder gave.
        position: Where the token stood last.
        now: Unix seconds.

    Returns:
        The places of both responses: of two following counters; in one time step or two following
        ones, without a question in two.

    Raises:
        AuthserverError: ``not_ready`` when the host's clock went back.
    """
    if suite.counter:
        # One with a clock as well is looked for by its counter: both far off are 240,000 places.
        steps = _steps(suite, position, now, TIME_WINDOW)
    else:
        # Around our clock: from one resynchronisation to the next it does not wander off.
        steps = _steps(suite, replace(position, drift=0), now, _resync_steps(suite))
    counters = _counters(suite, position, RESYNC_LOOK_AHEAD // len(steps))
    places = list(itertools.product(counters, steps))
    after = {second for first in places for second in _following(suite, first)}
    # All are computed, wherever one matches: the time taken tells nothing.
    firsts = [at for at in places if _is_right(suite, seed, questions[0], given[0], at)]
    seconds = {at for at in after if _is_right(suite, seed, questions[1], given[1], at)}
    pairs = ((first, second) for first in firsts for second in _following(suite, first))
    return next((pair for pair in pairs if pair[1] in seconds), None)


def is_right_at(
    place: Place, *, suite: Suite, seed: bytes, question: Question, response: str
) -> bool:
    """Whether the response is right at exactly this counter and time step."""
    return _is_right(suite, seed, question, response, place)


@lru_cache(maxsize=256)
def parsed_suite(text: str) -> Suite:
    """Do as ``parse_suite``, once per suite: a host has few, and asks at every verdict."""
    return parse_suite(text)


def current_step(suite: Suite, now: int, drift: int = 0) -> int | None:
    """Return the time step that a token's clock shows; ``None`` for suites without time."""
    return now // suite.time_step_seconds + drift if suite.time_step_seconds else None


def drift_at(suite: Suite, step: int | None, now: int) -> int:
    """Return by how many time steps a token was ahead that answered at this one, within reason."""
    current, most = current_step(suite, now), _resync_steps(suite) + TIME_WINDOW
    return 0 if step is None or current is None else max(-most, min(step - current, most))


def enrollable_suite(text: str, now: int) -> Suite:
    """Return a suite that may be enrolled: the rules allow it, and a dry run succeeds.

    Raises:
        AuthserverError: ``suite_invalid`` or ``suite_refused``, with a sentence.

    Source:
        design.md section 4.
    """
    try:
        suite = parse_suite(text)
    except SuiteInvalidError as error:
        raise AuthserverError(Code.SUITE_INVALID, _sentence(error)) from error
    problem = suite.enrolment_problem()
    if problem is not None:
        raise AuthserverError(Code.SUITE_REFUSED, _sentence(problem))
    _dry_run(suite, now)
    return suite


def _counters(suite: Suite, position: Position, look_ahead: int) -> Sequence[int | None]:
    if not suite.counter or position.counter is None:
        return [None]
    return range(position.counter, min(position.counter + look_ahead, MAX_COUNTER))


def _steps(suite: Suite, position: Position, now: int, reach: int) -> Sequence[int | None]:
    current = current_step(suite, now, position.drift)
    if current is None:
        return [None]
    earliest = position.last_step or 0
    if not suite.has_question and position.last_step is not None:
        earliest += 1
    near = sorted(range(current - reach, current + reach + 1), key=lambda at: abs(at - current))
    steps = [step for step in near if step >= earliest]
    if not steps:
        # Our trouble: counted as a wrong response it would lock every holder out.
        raise AuthserverError(Code.NOT_READY, "The host's clock is behind its own verdicts.")
    return steps


def _resync_steps(suite: Suite) -> int:
    seconds = suite.time_step_seconds or RESYNC_SECONDS
    return min(max(RESYNC_SECONDS // seconds, TIME_WINDOW), RESYNC_STEPS)


def _following(suite: Suite, place: Place) -> list[Place]:
    counter, step = place
    after = None if counter is None else counter + 1
    if step is None:
        return [(after, None)]
    return [(after, step), (after, step + 1)] if suite.has_question else [(after, step + 1)]


def _is_right(suite: Suite, seed: bytes, question: Question, response: str, place: Place) -> bool:
    counter, step = place
    right = responses.compute(suite, seed, question=question, counter=counter, time_step=step)
    return hmac.compare_digest(right.encode(), response.encode(errors="replace"))


def _dry_run(suite: Suite, now: int) -> None:
    """Let the verifier judge a right and a wrong response under a seed made up for it.

    A suite with a PIN or session information fails here: a statement gives neither.
    """
    seed, s = secrets.token_bytes(suite.seed_octets), secrets.token_bytes(DIGEST_OCTETS)
    counter, step = 0 if suite.counter else None, current_step(suite, now)
    try:
        question = question_for(suite, s)
        right = responses.compute(suite, seed, question=question, counter=counter, time_step=step)
        found = [
            find_place(
                suite=suite,
                seed=seed,
                question=question,
                response=response,
                position=Position(counter, None),
                now=now,
            )
            for response in (right, right[:-1])
        ]
    except TokenError as error:
        raise AuthserverError(Code.SUITE_REFUSED, _sentence(error)) from error
    if found != [(counter, step), None]:
        raise AuthserverError(Code.SUITE_REFUSED, "The verifier cannot judge this suite.")


def _sentence(text: object) -> str:
    words = str(text)
    return f"{words[:1].upper()}{words[1:]}."
