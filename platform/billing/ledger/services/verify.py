"""Verify the whole ledger, and note that it was done."""

from datetime import datetime

from audit.services import record
from billing.ledger.verification import faults

ACTION = "ledger.verified"
FAULTY = "ledger_faulty"


def verify_ledger(*, actor: str, now: datetime) -> list[str]:
    """Return a sentence for every row at fault; none when the ledger is right.

    Args:
        actor: Who asked, as audit rows name people.
        now: Timezone-aware.
    """
    found = list(faults())
    count = f"{len(found)} faults"
    record(action=ACTION, actor=actor, subject=count, now=now, code=FAULTY if found else "")
    return found
