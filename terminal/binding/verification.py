"""The successful verification unit: lets a use go on with the platform's signed permit alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from protocol.binding import Permit, Purpose
from protocol.errors import ProtocolError
from protocol.keys import Purpose as KeyPurpose
from terminal.binding.acquisition import Acquisition
from terminal.binding.platform import Platform, octets
from terminal.errors import TerminalError
from terminal.trust import Trust

# The platform's clock and ours may differ by this much.
_LEEWAY_SECONDS = 60


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Verification:
    """Has the platform verify this phone, each time it is to be used.

    Attributes:
        platform: Who verifies.
        trust: Whose keys sign a permit.
        acquisition: Reads the hardware at each use.
        clock: Gives the current time, timezone-aware.
    """

    platform: Platform
    trust: Trust
    acquisition: Acquisition
    clock: Callable[[], datetime] = _utc_now

    def permit(self, purpose: Purpose) -> Permit:
        """Return leave for one use.

        Raises:
            TerminalError: the platform's code, as :meth:`Platform.chip_proof`, or
                ``permit_invalid``: what came is not signed by the pinned platform, or not for
                this device and purpose now.
        """
        body = {
            "purpose": str(purpose),
            **self.acquisition.read_identifiers().to_json(),
            "chip_proof": self.platform.chip_proof(self.acquisition, purpose),
        }
        answer = self.platform.ask("/binding/permits", body)
        try:
            return self._verified(answer, purpose)
        except ProtocolError as error:
            raise _invalid() from error

    def _verified(self, answer: Mapping[str, Any], purpose: Purpose) -> Permit:
        now = self.clock()
        message = octets(answer, "signed")
        # 1. A key that the pinned root certified for permits.  2. Its signature.
        signer = self.trust.signer(message, KeyPurpose.PERMIT, now)
        permit = Permit.open(message, key=signer.key)
        # 3. For this device.  4. For this purpose.  5. In its time.  6. The one that was given.
        is_ours = permit.device == self.platform.keys.thumbprint and permit.purpose is purpose
        seconds = int(now.timestamp())
        is_fresh = permit.issued - _LEEWAY_SECONDS <= seconds < permit.expires + _LEEWAY_SECONDS
        if not is_ours or not is_fresh or permit.permit != octets(answer, "permit"):
            raise _invalid()
        return permit


def _invalid() -> TerminalError:
    return TerminalError("permit_invalid", "this is no permit of the platform for this use")
