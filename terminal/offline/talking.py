"""How both ends of the near-field link talk: kinds that are awaited, and refusals."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from protocol.errors import ProtocolError
from protocol.near_field import Kind, pack, unpack
from terminal.errors import TerminalError
from terminal.links.errors import TIMEOUT
from terminal.links.link import Link, LinkError
from terminal.offline.words import refused

# Somewhat longer than a tbs lives, in which the person reads and types.
PATIENCE_SECONDS = 100.0
# With these an exchange begins: who awaits one has asked for nothing, and is refused nothing yet.
_FIRST = {Kind.OFFER, Kind.CODE}


class HeardRefusal(TerminalError):  # noqa: N818 (no fault of ours: what the other end said)
    """The other end refused."""


@dataclass(frozen=True, slots=True)
class Talk:
    """One exchange over a link.

    Attributes:
        link: To the other end, which is not trusted.
        patience: Seconds to wait for each message.
    """

    link: Link
    patience: float = PATIENCE_SECONDS

    def say(self, kind: Kind, *parts: Any) -> None:
        """Send a message; errors as :meth:`Link.send`."""
        self.link.send(pack(kind, *parts))

    def hear(self, *kinds: Kind) -> tuple[Kind, list[Any]]:
        """Return the kind and the parts of the next message of these kinds.

        What is of another kind was said before, or to somebody else, and is passed over.

        Args:
            kinds: What may come now, besides a refusal.

        Raises:
            HeardRefusal: the other end refused.
            LinkError: nothing came, or something that is damaged.
            ProtocolError: what came is no message, or nothing but other kinds came.
        """
        awaited = kinds if _FIRST.issuperset(kinds) else (*kinds, Kind.REFUSAL)
        kind, parts = self._await(time.monotonic() + self.patience, awaited)
        if kind is Kind.REFUSAL:
            raise HeardRefusal(parts[0], str(refused(parts[0])))
        return kind, parts

    def _await(self, until: float, awaited: tuple[Kind, ...]) -> tuple[Kind, list[Any]]:
        passed_over: ProtocolError | None = None
        while True:
            try:
                return unpack(self.link.recv(max(0.0, until - time.monotonic())), *awaited)
            except LinkError as error:
                if passed_over is None or error.code != TIMEOUT:
                    raise
                # The other end is there, and keeps to no protocol.
                raise passed_over from error
            except ProtocolError as error:
                if error.code != "typ_unexpected" or time.monotonic() >= until:
                    raise
                passed_over = error

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Tell the other end why, when this one refuses."""
        try:
            yield
        except (HeardRefusal, LinkError):
            raise
        except (TerminalError, ProtocolError) as error:
            with suppress(LinkError):
                self.say(Kind.REFUSAL, error.code)
            raise
