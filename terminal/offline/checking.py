"""How client and device alike read what the platform signed."""

from datetime import datetime
from typing import Protocol

from protocol import cose
from protocol.ed25519 import key_id
from protocol.errors import ProtocolError
from protocol.keys import KeyCertificate, Purpose, open_certificate
from protocol.offline import Result, ToBeSigned
from terminal.errors import TerminalError
from terminal.offline.words import refused
from terminal.pins import Pins

# How far apart the clocks of client, device and platform may be.
CLOCK_SECONDS = 120


class Trusted(Protocol):
    """Pins, or what keeps them up to date: the client has no network, the device has one."""

    def signer(self, message: bytes, purpose: Purpose, now: datetime) -> KeyCertificate:
        """Return the certificate of the key that signed a message; errors as Pins."""
        ...


def open_tbs(pins: Pins, message: bytes, now: datetime) -> ToBeSigned:
    """Read a tbs that an offline key of the platform signed.

    Raises:
        TerminalError: ``signer_unknown``: by a key that the client never heard of, the platform's
            newest or a stranger's; otherwise ``tbs_mismatch``.
    """
    try:
        return ToBeSigned.open(message, key=pins.signer(message, Purpose.OFFLINE, now).key)
    except (ProtocolError, TerminalError) as error:
        # A key that is known and may not sign this, since it ended or is for something else, is
        # no honest device's.
        if isinstance(error, TerminalError) and not _names_known_key(pins, message):
            raise refused("signer_unknown") from error
        raise TerminalError(
            "tbs_mismatch", "what the device passed on is not the platform's word"
        ) from error


def _names_known_key(pins: Pins, message: bytes) -> bool:
    named = cose.parse(message).kid
    known = (open_certificate(each, pins.root) for each in pins.certificates)
    return any(key_id(certificate.key) == named for certificate in known)


def open_result(trusted: Trusted, message: bytes, now: datetime) -> Result:
    """Read a result that an offline key of the platform signed.

    Raises:
        TerminalError: ``result_invalid``.
    """
    try:
        return Result.open(message, key=trusted.signer(message, Purpose.OFFLINE, now).key)
    except (ProtocolError, TerminalError) as error:
        raise TerminalError("result_invalid", "the platform did not sign this result") from error
