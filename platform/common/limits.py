"""So much in a minute of what only costs time, counted in the memory of each process."""

from django.core.cache import cache

from common.errors import RateLimitedError

SECONDS = 60


def count(what: str, who: str, *, most: int) -> None:
    """Count once more what somebody asks for; the first one begins a minute.

    Nothing that must never be exceeded, such as tries, is counted so: each process counts its
    own, and a restart forgets.

    Raises:
        RateLimitedError: it was asked for ``most`` times within that minute.
    """
    key = f"count-{what}-{who}"
    if cache.add(key, 1, SECONDS):
        return
    try:
        asked = cache.incr(key)
    except ValueError:
        # The minute ended just now.
        return
    if asked > most:
        raise RateLimitedError(SECONDS)
