"""Long messages from their parts: joined rightly, or not at all."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from notices.sms.coding import MAX_PARTS, Place

# Parts come within seconds.  Later ones may be of another message of the same reference.
PATIENCE = timedelta(minutes=2)
_MOST_AT_ONCE = 1000


@dataclass(slots=True)
class _Waiting:
    """One message of which parts have come."""

    since: datetime
    parts: dict[int, bytes] = field(default_factory=dict)
    is_spoilt: bool = False
    is_done: bool = False


class Joiner:
    """Keeps parts until they are all there."""

    def __init__(self) -> None:
        """Begin without any."""
        self._waiting: dict[tuple[object, ...], _Waiting] = {}

    def join(
        self, *, sender: str, recipient: str, coding: int, place: Place, body: bytes, now: datetime
    ) -> bytes | None:
        """Add a part; return the whole message once it is there, until :meth:`finish`.

        Two messages of one reference whose parts meet cannot be told apart: both are dropped.
        """
        if not 1 <= place.index <= place.total <= MAX_PARTS:
            return None
        self._forget_old(now)
        key = _key(sender, recipient, coding, place)
        message = self._waiting.get(key)
        if message is not None and message.is_done and message.parts.get(place.index) != body:
            # The next one of this reference; what repeats the last one changes nothing.
            message = None
        if message is None:
            message = self._waiting[key] = _Waiting(now)
        if message.parts.setdefault(place.index, body) != body:
            message.is_spoilt = True
        is_whole = len(message.parts) == place.total
        if message.is_spoilt or message.is_done or not is_whole:
            return None
        return b"".join(message.parts[index] for index in range(1, place.total + 1))

    def finish(self, *, sender: str, recipient: str, coding: int, place: Place) -> None:
        """Note that a whole message was taken: its parts are not joined again."""
        self._waiting[_key(sender, recipient, coding, place)].is_done = True

    def _forget_old(self, now: datetime) -> None:
        old = [key for key, one in self._waiting.items() if one.since <= now - PATIENCE]
        # Whoever sends beginnings alone drives out the oldest.
        old += list(self._waiting)[: max(0, len(self._waiting) - len(old) - _MOST_AT_ONCE + 1)]
        for key in old:
            self._waiting.pop(key, None)


def _key(sender: str, recipient: str, coding: int, place: Place) -> tuple[object, ...]:
    return (sender, recipient, coding, place.reference, place.total)
