"""What is said of a receipt, line by line (docs/protocol.md section 10)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

from protocol.charge import Charge
from protocol.rebuild import Rebuilt
from protocol.receipt import Receipt

# Code of the one line that fails on a sound refusal.
REFUSED = "refused"
# Number of the line on the platform's own signature.
SIGNATURE_LINE = 3


class Outcome(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a report.

    Attributes:
        number: Number of the check in docs/protocol.md section 10.
        outcome: Passed, failed, or not possible with the keys at hand.
        code: Stable; on failure the failure code, else the name of the check.
        text: One sentence for people.
        step: Position of the step concerned, or ``None`` for the whole receipt.
    """

    number: int
    outcome: Outcome
    code: str
    text: str
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one receipt, what must be said beside them, and what could be read of it."""

    checks: tuple[Check, ...]
    always: tuple[str, ...]
    receipt: Receipt | None = None
    steps: tuple[Rebuilt, ...] = ()
    charge: Charge | None = None

    @property
    def is_valid(self) -> bool:
        """Whether nothing failed and the platform signed it; lines may still be unchecked."""
        return self._is_signed and not self.failures

    @property
    def is_refusal(self) -> bool:
        """Whether it is the sound record of a refused step: nothing failed but that."""
        return self._is_signed and [check.code for check in self.failures] == [REFUSED]

    @property
    def is_complete(self) -> bool:
        """Whether every line passed, so that the whole may be shown green."""
        return all(check.outcome is Outcome.PASSED for check in self.checks)

    @property
    def failures(self) -> list[Check]:
        """The lines that failed."""
        return [check for check in self.checks if check.outcome is Outcome.FAILED]

    @property
    def _is_signed(self) -> bool:
        # "Cannot tell who signed it" is not valid, though it is no failure either.
        return any(
            check.number == SIGNATURE_LINE and check.outcome is Outcome.PASSED
            for check in self.checks
        )


passed = partial(Check, outcome=Outcome.PASSED)
failed = partial(Check, outcome=Outcome.FAILED)
unchecked = partial(Check, outcome=Outcome.UNCHECKED)


def utc(seconds: int) -> str:
    """Return a Unix time in words."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
