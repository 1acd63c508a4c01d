"""A bound phone, put together from its four units; what the terminal's other parts use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from protocol.binding import Purpose
from protocol.jwk import to_base64
from terminal.binding.acquisition import Acquisition
from terminal.binding.binding_request import BindingRequests, Requested
from terminal.binding.messages import Messages
from terminal.binding.peers import Peers
from terminal.binding.platform import Platform
from terminal.binding.registration_request import detect_registration
from terminal.binding.verification import Verification
from terminal.chip import Chip
from terminal.errors import TerminalError
from terminal.home import Home
from terminal.sim import Sim


def hardware_of(home: Home) -> Acquisition:
    """Return chip and SIM slot of a terminal's folder, whether or not anything is in them."""
    return Acquisition(Chip(home.folder / "chip.json"), Sim(home.folder / "sim.json"))


def peers_of(home: Home) -> Peers:
    """Return the chips that a terminal has met."""
    return Peers(home.folder / "peers.json")


@dataclass(frozen=True, slots=True)
class BoundPhone:
    """This terminal as a phone.

    Attributes:
        platform: Whom it calls.
        acquisition: Its hardware.
        requests: Its binding request unit.
        verification: Its successful verification unit.
        messages: The use that is guarded.
    """

    platform: Platform
    acquisition: Acquisition
    requests: BindingRequests
    verification: Verification
    messages: Messages

    @classmethod
    def of(cls, home: Home) -> Self:
        """Return the phone of a terminal's folder.

        Raises:
            TerminalError: the terminal is no device of an account yet.
        """
        acquisition = hardware_of(home)
        platform = Platform(home.client(), home.keys())
        verification = Verification(platform, home.trust(), acquisition)
        return cls(
            platform=platform,
            acquisition=acquisition,
            requests=BindingRequests(platform, acquisition),
            verification=verification,
            messages=Messages(platform, acquisition, verification, peers_of(home)),
        )

    def register(self, typed: str, *, from_phone: bool = False) -> Requested:
        """Register with the number that somebody typed; errors as the two units."""
        registration = detect_registration(typed, self.acquisition)
        return self.requests.request(registration, from_phone=from_phone)

    def identity(self) -> Mapping[str, str]:
        """Return ``msisdn`` and ``sim`` as they are read now; empty when there are none."""
        try:
            card = self.acquisition.sim.read()
        except TerminalError:
            return {}
        return {"msisdn": card.number, "sim": card.code}

    def permit(self, purpose: str) -> str:
        """Return a fresh permit for a purpose, base64url; errors as :class:`Verification`."""
        return to_base64(self.verification.permit(Purpose(purpose)).permit)
