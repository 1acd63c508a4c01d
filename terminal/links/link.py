"""What every near-field link does: it sends whole messages, and receives them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator

from terminal.links.errors import TIMEOUT, LinkError
from terminal.links.frames import Assembler, Splitter

__all__ = ["Link", "LinkError"]


class Link(ABC):
    """One end of a near-field link.

    A kind of link only says how frames get across. Nothing here is secret or trusted: whoever is
    near hears it and may say something, so the messages are signed, or sealed to the platform.
    """

    def __init__(self) -> None:
        """Prepare; nothing is said yet."""
        self._splitter = Splitter()
        self._assembler = Assembler()

    def send(self, message: bytes) -> None:
        """Send a message of 1 to 25,500 bytes.

        Raises:
            LinkError: ``link_too_large``, or the kind of link cannot be used.
        """
        self._send_frames(self._splitter.split(message))

    def recv(self, timeout: float = 30) -> bytes:
        """Return the next message.

        Args:
            timeout: Seconds to wait for it.

        Raises:
            LinkError: ``link_corrupt``: something came that is damaged; ``link_timeout``; or the
                kind of link cannot be used. The next message may pass again.
        """
        until = time.monotonic() + timeout
        while True:
            remaining = until - time.monotonic()
            for frame in self._receive_frames(max(0.0, remaining)):
                message = self._assembler.add(frame)
                if message is not None:
                    return message
            if remaining <= 0:
                raise LinkError(TIMEOUT)

    def clear(self) -> None:
        """Forget what an earlier exchange left over; whoever begins one does so first.

        Raises:
            LinkError: the kind of link cannot be used.
        """
        self._assembler = Assembler()

    @abstractmethod
    def _send_frames(self, frames: list[bytes]) -> None:
        """Carry the frames of one message over."""

    @abstractmethod
    def _receive_frames(self, timeout: float) -> Iterator[bytes]:
        """Yield what has come, as soon as something has; nothing when the time is over.

        What is not asked for any more stays for the next time, but for frames of one file.
        """
