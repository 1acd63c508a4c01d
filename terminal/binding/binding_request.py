"""The binding request unit: asks the platform to bind, and proves whose number it is."""

from dataclasses import dataclass
from typing import Any

from protocol.binding import Purpose
from terminal.binding.acquisition import Acquisition
from terminal.binding.platform import Platform, text
from terminal.binding.registration_request import RegistrationRequest


@dataclass(frozen=True, slots=True, repr=False)
class Requested:
    """What the platform says to a request.

    Attributes:
        binding: Its id, 16 hex digits.
        state: ``pending_proof``, or ``bound``.
        send_to: To which number the phone has to send ``text``; empty: a code comes to the phone.
        text: What it has to send.
    """

    binding: str
    state: str
    send_to: str
    text: str


@dataclass(frozen=True, slots=True)
class BindingRequests:
    """Asks on behalf of this phone.

    Attributes:
        platform: Whom.
        acquisition: The hardware; the chip signs the platform's challenge.
    """

    platform: Platform
    acquisition: Acquisition

    def request(self, registration: RegistrationRequest, *, from_phone: bool) -> Requested:
        """Ask to bind the SIM of the registration number to this phone.

        Args:
            registration: What the registration request unit made.
            from_phone: Whether the phone sends an SMS for proof, or waits for one.

        Raises:
            TerminalError: the platform's code, or as :meth:`Platform.chip_proof`.
        """
        body = {
            "registration_number": registration.registration_number,
            **registration.identifiers.to_json(),
            "proof": "from_phone" if from_phone else "to_phone",
            "chip_proof": self.platform.chip_proof(self.acquisition, Purpose.REGISTER),
        }
        answer = self.platform.ask("/binding/register", body)
        return Requested(
            binding=text(answer, "binding"),
            state=text(answer, "state"),
            send_to=answer.get("send_to") or "",
            text=answer.get("text") or "",
        )

    def standing(self) -> list[dict[str, Any]]:
        """Return what this device is, was, or is about to be bound to, newest first.

        Raises:
            TerminalError: the platform's code.
        """
        return self.platform.list("/binding")

    def prove(self, binding: str, code: str) -> str:
        """Send the code that came by SMS; return the state after it.

        Raises:
            TerminalError: the platform's code.
        """
        return text(self.platform.ask(f"/binding/{binding}/proof", {"code": code}), "state")

    def approve(self, binding: str) -> str:
        """Agree, on the phone that is bound, to one that is to replace it; return its state.

        Raises:
            TerminalError: the platform's code.
        """
        return text(self.platform.ask(f"/binding/{binding}/approve"), "state")
