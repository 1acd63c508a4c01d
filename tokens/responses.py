"""Compute and match the responses of every suite."""

import hmac
import itertools
from collections.abc import Sequence
from typing import assert_never

from tokens import gmt0021, oath, ocra
from tokens.fields import check_presence
from tokens.gmt0021 import GMT0021Suite
from tokens.oath import HOTPSuite, TOTPSuite
from tokens.suite import OCRASuite
from tokens.suites import Suite


def compute(
    suite: Suite,
    seed: bytes,
    *,
    question: str | None = None,
    counter: int | None = None,
    time_step: int | None = None,
) -> str:
    """Compute a token's response.

    Args:
        suite: What is hashed, and how.
        seed: The shared secret.
        question: For suites with one, in the suite's own form.
        counter: For suites with one.
        time_step: For suites with time: whole time steps since 1970-01-01T00:00Z.

    Returns:
        ``suite.digits`` ASCII digits.

    Raises:
        SeedInvalidError: the seed cannot be used with this suite.
        QuestionInvalidError: the question does not fit the suite.
        DataInputError: an input is missing, superfluous or out of range.
    """
    match suite:
        case OCRASuite():
            return ocra.compute(
                suite, seed, question=question or "", counter=counter, time_step=time_step
            )
        case GMT0021Suite():
            return gmt0021.compute(
                suite, seed, question=question, counter=counter, time_step=time_step
            )
        case HOTPSuite() | TOTPSuite():
            check_presence("question", used=False, given=question is not None)
            return oath.compute(suite, seed, counter=counter, time_step=time_step)
        case _:
            assert_never(suite)


def match(
    suite: Suite,
    seed: bytes,
    response: str,
    *,
    question: str | None = None,
    counters: Sequence[int | None] = (None,),
    time_steps: Sequence[int | None] = (None,),
) -> tuple[int | None, int | None] | None:
    """Find the counter and time step of a window at which a response is right.

    Every pair of the window is computed and compared, whichever matches, so the time taken tells
    nothing about where, or whether, a match was found.

    Args:
        suite: The token's suite.
        seed: The shared secret.
        response: What the holder gave; any text, which then does not match.
        question: For suites with one, in the suite's own form.
        counters: Counters to try, the likeliest first; ``(None,)`` for suites without one.
        time_steps: Time steps to try, the likeliest first; ``(None,)`` for suites without time.

    Returns:
        The first matching (counter, time step), or None.  Test ``is None``.

    Raises:
        TokenError: as ``compute``.
    """
    # compare_digest takes no str beyond ASCII; "?" for what cannot be encoded matches no code.
    given = response.encode("utf-8", errors="replace")
    found = None
    for counter, time_step in itertools.product(counters, time_steps):
        right = compute(suite, seed, question=question, counter=counter, time_step=time_step)
        if hmac.compare_digest(right.encode("ascii"), given) and found is None:
            found = (counter, time_step)
    return found
