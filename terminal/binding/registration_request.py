"""The registration request unit: somebody types a number, and the phone does the rest."""

from dataclasses import dataclass

from terminal.binding.acquisition import Acquisition, Identifiers


@dataclass(frozen=True, slots=True, repr=False)
class RegistrationRequest:
    """A request to bind the SIM of a number to this phone.

    Attributes:
        registration_number: As it was typed; whether it is the SIM's is for the platform to say.
        identifiers: As the hardware gave them, right after.
    """

    registration_number: str
    identifiers: Identifiers


def detect_registration(typed: str, acquisition: Acquisition) -> RegistrationRequest:
    """Take what somebody typed as the request that it is, and read the hardware for it.

    Raises:
        TerminalError: as :meth:`Acquisition.read_identifiers`.
    """
    return RegistrationRequest(typed.strip(), acquisition.read_identifiers())
