"""How both ends of the near-field link talk: kinds that are awaited, and refusals."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from protocol.errors import ProtocolError
from protocol.near_field import Kind, pack, unpack
from terminal.errors import TerminalError
from terminal.links.link import Link, LinkError
from terminal.offline.words import refused

# Somewhat longer than a tbs lives, in which the person reads and types.
PATIENCE_SECONDS = 100.0


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
        """Return the kind and the parts of the next message.

        Args:
            kinds: What may come now, besides a refusal.

        Raises:
            HeardRefusal: the other end refused.
            LinkError: nothing came, or something that is damaged.
            ProtocolError: something else came.
        """
        kind, parts = unpack(self.link.recv(self.patience), *kinds, Kind.REFUSAL)
        if kind is Kind.REFUSAL:
            raise HeardRefusal(parts[0], str(refused(parts[0])))
        return kind, parts

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
