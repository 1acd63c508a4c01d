"""Stop a phone whose SIM was swapped, as the carrier says."""

import math
from datetime import datetime, timedelta

from binding.carrier import carrier
from binding.errors import SimRecentlySwappedError
from binding.services.states import note_swap

# Whoever gets a new SIM registers it after this; a thief is noticed before.
YOUNG = timedelta(hours=72)


def require_not_swapped(
    *, number: str, now: datetime, actor: str, since: datetime | None = None
) -> None:
    """Ask the carrier, with no transaction open; stop the number's phone when it was swapped.

    Args:
        number: E.164.
        now: Timezone-aware.
        actor: As audit rows name whoever caused it.
        since: When the SIM was known to be the right one; ``None`` before it is known.

    Raises:
        SimRecentlySwappedError: it has another SIM since then, or for less than 72 hours.
        CarrierUnavailableError: there is no answer.
    """
    asked = carrier()
    if asked is None:
        return
    # What was swapped before `since` was looked at then.
    span = YOUNG if since is None else min(YOUNG, now - since)
    hours = max(1, math.ceil(span / timedelta(hours=1)))
    if asked.was_swapped(number, within_hours=hours):
        note_swap(number=number, actor=actor, now=now)
        raise SimRecentlySwappedError
