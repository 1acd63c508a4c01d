"""The verify module of the platform: may a request be charged at all (flow D, S07)?"""

import hmac
from datetime import datetime

from django.conf import settings

from billing.packages.errors import (
    AmountMismatchError,
    ConsentMissingError,
    IntegrityRefusedError,
)
from billing.packages.models import FraudSignal, Terminal
from billing.packages.services.asked import Asked
from billing.packages.services.caps import require_within_caps
from billing.packages.services.signals import raise_terminal
from billing.packages.services.store import read_measured
from billing.packages.services.terminals import open_evidence_key
from protocol.evidence import evidence, sample_ranges

_Reason = FraudSignal.Reason
LOW = "low"


def verify(asked: Asked, level: str, now: datetime) -> None:
    """Check price, consent, evidence, both results and limits, in the caller's transaction.

    What is noted on the way, signals and a raised terminal, has to be kept when it refuses.

    Args:
        asked: The request.
        level: The terminal's, as the rules have it.
        now: Timezone-aware.

    Raises:
        AmountMismatchError, ConsentMissingError, CapExceededError: as they say.
        IntegrityRefusedError: the results do not satisfy the level, or nothing backs them.
    """
    message, item = asked.message, asked.item
    # 1. The price is the build's, never the client's.
    if (message.amount, message.currency) != (item.amount, item.build.package.currency):
        asked.note(_Reason.AMOUNT, now)
        raise AmountMismatchError
    # 2. The payer was asked.
    if not message.is_consented:
        raise ConsentMissingError
    # 3. and 4. What it runs.
    verify_integrity(asked, level, now)
    # 5. The payer's own limits.
    require_within_caps(
        holder=asked.terminal.device.holder,
        currency=message.currency,
        amount=message.amount,
        item=item,
        now=now,
    )


def verify_integrity(asked: Asked, level: str, now: datetime) -> None:
    """Check the evidence and the two results alone; otherwise as :func:`verify`.

    Raises:
        IntegrityRefusedError: the results do not satisfy the level, or nothing backs them.
    """
    message = asked.message
    if not _is_backed(asked) and (message.key_matches or message.files_match):
        # A "yes" that nothing backs: a client that lies.
        asked.note(_Reason.EVIDENCE, now)
        raise_terminal(asked.terminal, Terminal.Raised.EVIDENCE, now)
        raise IntegrityRefusedError(_Reason.EVIDENCE)
    # A "no" is binding, and worth a look even where the level lets it pass.
    if not message.key_matches:
        asked.note(_Reason.KEY, now)
    if not message.files_match:
        asked.note(_Reason.FILES, now)
    if not is_satisfied(level, key_matches=message.key_matches, files_match=message.files_match):
        raise IntegrityRefusedError(_Reason.FILES if message.key_matches else _Reason.KEY)


def is_satisfied(level: str, *, key_matches: bool, files_match: bool) -> bool:
    """Tell whether two results satisfy a security level.

    HIGH asks for both.  LOW asks that the files match; with ``LOW_RULE=ANY_ONE``, for either.
    """
    if level != LOW:
        return key_matches and files_match
    return files_match or (settings.LOW_RULE == "ANY_ONE" and key_matches)


def _is_backed(asked: Asked) -> bool:
    """Compute the evidence anew, from what the platform knows of this very build."""
    message, build = asked.message, asked.item.build
    # What a "no" does not back is not looked at.
    ranges = sample_ranges(message.nonce, build.measured_size) if message.files_match else []
    right = evidence(
        open_evidence_key(asked.terminal),
        message,
        first_key=bytes(build.package.first_key),
        root=bytes(build.root),
        sample=read_measured(build, ranges) if ranges else b"",
    )
    return hmac.compare_digest(right, message.evidence)
