"""Messages between two bound phones: the use that a permit guards."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.binding import Purpose
from protocol.errors import ProtocolError
from protocol.jwk import to_base64
from terminal.binding.acquisition import Acquisition
from terminal.binding.peers import Peers
from terminal.binding.platform import Platform, octets, text
from terminal.binding.verification import Verification
from terminal.errors import TerminalError

_ON_A_PAGE, _MOST_PAGES = 100, 100


@dataclass(frozen=True, slots=True, repr=False)
class Received:
    """A message that came.

    Attributes:
        id: The platform's.
        sender: Number of the phone that it is from; its chip signed it.
        text: What it says.
        sent_at: When the platform took it, ISO 8601.
        problem: Why it cannot be trusted, and so is not shown: a stable code; usually empty.
    """

    id: str
    sender: str
    text: str
    sent_at: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Messages:
    """Sends and reads.

    Attributes:
        platform: Who carries them; it cannot read them.
        acquisition: The hardware: the chip seals, signs and opens.
        verification: Gives the permit for each one that is sent.
        peers: The chips this phone has met.
    """

    platform: Platform
    acquisition: Acquisition
    verification: Verification
    peers: Peers

    def send(self, number: str, words: str) -> str:
        """Send a text to the bound phone of a number; return the message's id.

        Raises:
            TerminalError: the platform's code, as :class:`Verification`, or ``peer_changed``.
            ProtocolError: the text is empty or too long.
        """
        permit = self.verification.permit(Purpose.MESSAGE)
        peer = self.platform.ask("/binding/peers", {"number": number})
        recipient = text(peer, "number")
        self.peers.check(recipient, octets(peer, "chip_key"))
        message = self.acquisition.chip.write(
            words,
            sender=self.acquisition.read_identifiers().comm_number,
            recipient=recipient,
            box_key=octets(peer, "box_key"),
        )
        body = {"to": recipient, "message": to_base64(message)}
        sent = self.platform.ask("/binding/messages", body, Permit=to_base64(permit.permit))
        return text(sent, "id")

    def inbox(self) -> list[Received]:
        """Return what came to this phone, oldest first.

        Raises:
            TerminalError: the platform's code, or as :meth:`Acquisition.read_identifiers`.
        """
        own = self.acquisition.read_identifiers().comm_number
        return [self._opened(each, own) for each in self._fetched()]

    def _fetched(self) -> Iterator[Mapping[str, Any]]:
        """Fetch page by page, each from behind the last message of the one before."""
        behind = ""
        for _ in range(_MOST_PAGES):
            page = self.platform.list(f"/binding/messages{behind}")
            yield from page
            if len(page) < _ON_A_PAGE:
                return
            behind = f"?after={text(page[-1], 'id')}"

    def _opened(self, given: Mapping[str, Any], own: str) -> Received:
        """Open one; what is wrong with it keeps nobody from reading the others."""
        about = (text(given, "id"), text(given, "sent_at"))
        key = octets(given, "chip_key")
        try:
            message, words = self.acquisition.chip.read(octets(given, "message"), key=key)
            if message.recipient != own:
                raise TerminalError("message_invalid", "it is for another number")
            self.peers.check(message.sender, key)
        except ProtocolError:
            return Received(about[0], "", "", about[1], "message_invalid")
        except TerminalError as error:
            return Received(about[0], "", "", about[1], error.code)
        return Received(about[0], message.sender, words, about[1])
