"""Messages cut into frames, which any near-field link carries, and put together again."""

import secrets
import struct
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from terminal.links.errors import CORRUPT, TOO_LARGE, LinkError

MAGIC = b"CS"
MAX_PAYLOAD = 100
MAX_FRAMES = 255
MAX_MESSAGE = MAX_FRAMES * MAX_PAYLOAD
_HEAD = struct.Struct(">2sHBBB")
_CHECK_BYTES = 4
MIN_FRAME = _HEAD.size + _CHECK_BYTES + 1
MAX_FRAME = _HEAD.size + MAX_PAYLOAD + _CHECK_BYTES
# Of messages begun, and of those that came whole: enough for a link with two ends.
_KEPT = 4
# After this a message whose frames do not come any more is forgotten.
LIFETIME_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, big-endian: docs/links.md has it as a table.

    ======  ===========================================================
    bytes   what
    ======  ===========================================================
    2       ``CS``
    2       number of the message, another for each
    1       index of this frame, from 0
    1       how many frames the message has, 1 to 255
    1       length of the payload: 100, or 1 to 100 in the last frame
    n       payload
    4       CRC-32 (ISO-HDLC, as in zlib) over all before
    ======  ===========================================================

    The CRC finds accidents. Against malice the messages themselves are signed.
    """

    message: int
    index: int
    total: int
    payload: bytes

    def __bytes__(self) -> bytes:
        head = _HEAD.pack(MAGIC, self.message, self.index, self.total, len(self.payload))
        body = head + self.payload
        return body + zlib.crc32(body).to_bytes(_CHECK_BYTES)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Frame":
        """Read exactly one frame.

        Raises:
            LinkError: ``link_corrupt``: it is none, or is damaged.
        """
        if not MIN_FRAME <= len(data) <= MAX_FRAME:
            raise LinkError(CORRUPT)
        magic, message, index, total, length = _HEAD.unpack_from(data)
        frame = cls(message, index, total, data[_HEAD.size : -_CHECK_BYTES])
        if magic != MAGIC or length != len(frame.payload) or not frame._has_its_size():
            raise LinkError(CORRUPT)
        if zlib.crc32(data[:-_CHECK_BYTES]) != int.from_bytes(data[-_CHECK_BYTES:]):
            raise LinkError(CORRUPT)
        return frame

    def _has_its_size(self) -> bool:
        """Whether it is where :func:`split` would cut: so a message has one form only."""
        last = self.total - 1
        return self.index == last or (self.index < last and len(self.payload) == MAX_PAYLOAD)


class Splitter:
    """Cuts messages into frames and numbers them.

    The first number is drawn, the next ones follow: two messages of one sender that are near each
    other never share one, and those of a sender that was started anew hardly ever.
    """

    def __init__(self, first: int | None = None) -> None:
        """Begin with a number; drawn unless a test gives it."""
        self._next = secrets.randbelow(2**16) if first is None else first

    def split(self, message: bytes) -> list[bytes]:
        """Return the frames of a message.

        Raises:
            LinkError: ``link_too_large``: it is empty, or longer than 255 frames hold.
        """
        if not 1 <= len(message) <= MAX_MESSAGE:
            raise LinkError(TOO_LARGE)
        number, self._next = self._next, (self._next + 1) % 2**16
        cuts = range(0, len(message), MAX_PAYLOAD)
        return [
            bytes(Frame(number, index, len(cuts), message[start : start + MAX_PAYLOAD]))
            for index, start in enumerate(cuts)
        ]


def separate(frames: bytes) -> Iterator[bytes]:
    """Yield the frames that were written one behind the other; none is looked into.

    Raises:
        LinkError: ``link_corrupt``: what remains at the end is no frame.
    """
    start = 0
    while start < len(frames):
        # Cut short, the last one is shorter than it says: reading it refuses.
        frame = unpadded(frames[start:])
        yield frame
        start += len(frame)


def unpadded(data: bytes) -> bytes:
    """Return the frame that some bytes begin with, as long as it says; it is not looked into.

    Raises:
        LinkError: ``link_corrupt``: they do not even say a length.
    """
    if len(data) < _HEAD.size:
        raise LinkError(CORRUPT)
    return data[: _HEAD.size + data[_HEAD.size - 1] + _CHECK_BYTES]


@dataclass(slots=True)
class _Begun:
    """A message of which some frames came."""

    total: int
    until: float
    payloads: dict[int, bytes] = field(default_factory=dict)

    def add(self, frame: Frame) -> None:
        """Take a frame in; refuse one that says otherwise than those before."""
        same = frame.total == self.total
        if not same or self.payloads.setdefault(frame.index, frame.payload) != frame.payload:
            raise LinkError(CORRUPT)

    @property
    def is_whole(self) -> bool:
        return len(self.payloads) == self.total


class Assembler:
    """Puts frames together, whatever their order, and however often each comes.

    It holds little: a few messages begun, which it forgets after a time, and a few that came
    whole, so that a repeated one is not taken twice.
    """

    def __init__(
        self, *, lifetime: float = LIFETIME_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare.

        Args:
            lifetime: Seconds from a message's first frame to when it is forgotten.
            clock: Seconds that only rise.
        """
        self._lifetime = lifetime
        self._clock = clock
        self._messages: OrderedDict[int, _Begun] = OrderedDict()

    def add(self, frame: bytes) -> bytes | None:
        """Take one frame in.

        Returns:
            The message whose last missing frame this was, once; otherwise ``None``.

        Raises:
            LinkError: ``link_corrupt``: it is damaged, or contradicts an earlier frame of the same
                message, which is then forgotten. The next message passes.
        """
        read = Frame.from_bytes(frame)
        self._forget()
        begun = self._messages.get(read.message)
        if begun is None:
            begun = _Begun(read.total, self._clock() + self._lifetime)
            self._messages[read.message] = begun
        was_whole = begun.is_whole
        try:
            begun.add(read)
        except LinkError:
            del self._messages[read.message]
            raise
        if was_whole or not begun.is_whole:
            return None
        return b"".join(begun.payloads[index] for index in range(begun.total))

    def _forget(self) -> None:
        """Drop what is too old, and the oldest of too many."""
        now = self._clock()
        for number in [number for number, one in self._messages.items() if one.until <= now]:
            del self._messages[number]
        while len(self._messages) > _KEPT:
            self._messages.popitem(last=False)
