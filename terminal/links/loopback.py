"""A link in memory, for tests and for two ends in one process."""

import queue
from collections.abc import Iterator

from terminal.links.link import Link


class Loopback(Link):
    """One end; what one sends the other receives, also from another thread."""

    def __init__(self, outgoing: "queue.Queue[bytes]", incoming: "queue.Queue[bytes]") -> None:
        """Tie an end to two queues of frames; usually :meth:`pair` does."""
        super().__init__()
        self._outgoing = outgoing
        self._incoming = incoming

    @classmethod
    def pair(cls) -> tuple["Loopback", "Loopback"]:
        """Return the two ends of a link."""
        there: queue.Queue[bytes] = queue.Queue()
        back: queue.Queue[bytes] = queue.Queue()
        return cls(there, back), cls(back, there)

    def _send_frames(self, frames: list[bytes]) -> None:
        for frame in frames:
            self._outgoing.put(frame)

    def _receive_frames(self, timeout: float) -> Iterator[bytes]:
        try:
            yield self._incoming.get(timeout=timeout)
        except queue.Empty:
            return
        for _ in range(self._incoming.qsize()):
            yield self._incoming.get_nowait()
