"""How client and device alike read what the platform signed."""

from datetime import datetime
from typing import Protocol

from protocol.errors import ProtocolError
from protocol.keys import KeyCertificate, Purpose
from protocol.offline import Result, ToBeSigned
from terminal.errors import TerminalError

# How far apart the clocks of client, device and platform may be.
CLOCK_SECONDS = 120


class Trusted(Protocol):
    """Pins, or what keeps them up to date: the client has no network, the device has one."""

    def signer(self, message: bytes, purpose: Purpose, now: datetime) -> KeyCertificate:
        """Return the certificate of the key that signed a message; errors as Pins."""
        ...


def open_tbs(trusted: Trusted, message: bytes, now: datetime) -> ToBeSigned:
    """Read a tbs that an offline key of the platform signed.

    Raises:
        TerminalError: ``tbs_mismatch``.
    """
    try:
        return ToBeSigned.open(message, key=trusted.signer(message, Purpose.OFFLINE, now).key)
    except (ProtocolError, TerminalError) as error:
        raise TerminalError(
            "tbs_mismatch", "what the device passed on is not the platform's word"
        ) from error


def open_result(trusted: Trusted, message: bytes, now: datetime) -> Result:
    """Read a result that an offline key of the platform signed.

    Raises:
        TerminalError: ``result_invalid``.
    """
    try:
        return Result.open(message, key=trusted.signer(message, Purpose.OFFLINE, now).key)
    except (ProtocolError, TerminalError) as error:
        raise TerminalError("result_invalid", "the platform did not sign this result") from error
