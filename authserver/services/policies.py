"""How strict a platform wants its host to be: never laxer than the host itself."""

import logging
from collections.abc import Sequence
from itertools import pairwise

from authserver.errors import AuthserverError, Code
from authserver.models import (
    MAX_BUDGET,
    MAX_CONSECUTIVE_FAILURES,
    MAX_LOCK_SECONDS,
    Platform,
    default_locks,
)
from authserver.selectors import calling_platform

logger = logging.getLogger(__name__)


def set_policy(*, caller: bytes, max_failures: int, locks: Sequence[int], budget: int) -> Platform:
    """Set how wrong responses lock the caller's tokens; it holds from the next one on.

    Args:
        caller: Hash of the platform's bearer key.
        max_failures: Wrong responses in a row that lock, 1 to 5.
        locks: Seconds, for the first, second, third and every further lock: none shorter than the
            one before, none shorter than the host's own (1, 5 and 30 minutes, a day).
        budget: Failures within 30 days that block, 1 to 30.

    Raises:
        AuthserverError: ``not_authenticated`` or ``input_invalid``.
    """
    platform = calling_platform(caller)
    _check_range("max_failures", max_failures, MAX_CONSECUTIVE_FAILURES)
    _check_range("budget", budget, MAX_BUDGET)
    _check_locks(locks)
    platform.max_failures, platform.locks, platform.budget = max_failures, [*locks], budget
    platform.save(update_fields=["max_failures", "locks", "budget"])
    logger.info("platform.policy_set", extra={"platform": platform.id})
    return platform


def _check_range(name: str, value: int, high: int) -> None:
    if not 1 <= value <= high:
        raise AuthserverError(Code.INPUT_INVALID, f"{name} must be from 1 to {high}.")


def _check_locks(locks: Sequence[int]) -> None:
    shortest = default_locks()
    is_allowed = len(locks) == len(shortest) and all(
        least <= seconds <= MAX_LOCK_SECONDS
        for least, seconds in zip(shortest, locks, strict=True)
    )
    if not is_allowed or any(later < earlier for earlier, later in pairwise(locks)):
        raise AuthserverError(
            Code.INPUT_INVALID,
            f"locks must be four times in seconds, each at least as long as the one before, of at "
            f"least {', '.join(map(str, shortest))} and at most {MAX_LOCK_SECONDS}.",
        )
