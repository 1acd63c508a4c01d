"""Search a token's window for the place where a response is right."""

import secrets
from functools import lru_cache

from authserver.errors import AuthserverError, Code
from protocol.enrolment import SEED_BYTES
from tokens import ocra
from tokens.errors import SuiteInvalidError, TokenError
from tokens.question import DIGEST_OCTETS, question_for
from tokens.suite import OCRASuite

# Time steps by which the token's clock may differ, either way.
TIME_WINDOW = 1
# Responses a holder may have computed and not sent since the last one that arrived.
COUNTER_LOOK_AHEAD = 20

Place = tuple[int | None, int | None]


def find_place(
    *,
    suite: OCRASuite,
    seed: bytes,
    s: bytes,
    response: str,
    counter: int | None,
    last_step: int | None,
    now: int,
) -> Place | None:
    """Return the counter and time step at which the response is right, or ``None``.

    Args:
        suite: The token's suite.
        seed: Its seed.
        s: S of the statement, which gives the question.
        response: What the holder gave.
        counter: Next counter expected; ``None`` for suites without one.
        last_step: Last accepted time step.  A step equal to it may match, since another
            statement is another question; an earlier one never does.
        now: Unix seconds.

    Raises:
        AuthserverError: ``not_ready`` when the host's clock went back.
    """
    counters: list[int | None] = [None]
    if counter is not None:
        counters = [*range(counter, counter + COUNTER_LOOK_AHEAD)]
    steps: list[int | None] = [None]
    if suite.time_step_seconds is not None:
        current = now // suite.time_step_seconds
        near = sorted(
            range(current - TIME_WINDOW, current + TIME_WINDOW + 1),
            key=lambda step: abs(step - current),
        )
        steps = [step for step in near if step >= (last_step or 0)]
        if not steps:
            # Our trouble: counted as a wrong response it would lock every holder out.
            raise AuthserverError(Code.NOT_READY, "The host's clock is behind its own verdicts.")
    return ocra.match(
        suite,
        seed,
        response,
        question=question_for(suite, s),
        counters=counters,
        time_steps=steps,
    )


def is_right_at(place: Place, *, suite: OCRASuite, seed: bytes, s: bytes, response: str) -> bool:
    """Whether the response is right at exactly this counter and time step."""
    counter, step = place
    question = question_for(suite, s)
    found = ocra.match(
        suite, seed, response, question=question, counters=[counter], time_steps=[step]
    )
    return found is not None


@lru_cache(maxsize=256)
def parsed_suite(text: str) -> OCRASuite:
    """Do as ``OCRASuite.parse``, once per suite: a host has few, and asks at every verdict."""
    return OCRASuite.parse(text)


def enrollable_suite(text: str, now: int) -> OCRASuite:
    """Return a suite that may be enrolled: the rules allow it, and a dry run succeeds.

    Raises:
        AuthserverError: ``suite_invalid`` or ``suite_refused``, with a sentence.

    Source:
        design.md section 4.
    """
    try:
        suite = OCRASuite.parse(text)
    except SuiteInvalidError as error:
        raise AuthserverError(Code.SUITE_INVALID, _sentence(error)) from error
    problem = suite.enrolment_problem()
    if problem is not None:
        raise AuthserverError(Code.SUITE_REFUSED, _sentence(problem))
    _dry_run(suite, now)
    return suite


def _dry_run(suite: OCRASuite, now: int) -> None:
    """Let the verifier judge a right and a wrong response under a seed made up for it.

    A suite with a PIN or session information fails here: a statement gives neither.
    """
    seed, s = secrets.token_bytes(SEED_BYTES), secrets.token_bytes(DIGEST_OCTETS)
    counter = 0 if suite.counter else None
    step = now // suite.time_step_seconds if suite.time_step_seconds else None
    try:
        right = ocra.compute(
            suite, seed, question=question_for(suite, s), counter=counter, time_step=step
        )
        found = [
            find_place(
                suite=suite,
                seed=seed,
                s=s,
                response=response,
                counter=counter,
                last_step=step,
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
