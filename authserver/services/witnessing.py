"""Sign for a platform's receipt log, as long as it only grows: docs/protocol.md section 22.

A checkpoint comes along with a call for a verdict.  What becomes of it is no part of the verdict:
it is looked at afterwards, in a transaction of its own.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from authserver.errors import AuthserverError, Code
from authserver.models import LogRefusal, Platform, WitnessedLog
from authserver.selectors import calling_platform
from authserver.services import seals
from authserver.services.hosts import current_host_key
from protocol import cose, merkle
from protocol.cosignature import cosign
from protocol.errors import ProtocolError
from protocol.keys import Purpose, open_certificate
from protocol.log import Checkpoint

logger = logging.getLogger(__name__)

FORKED, SHRUNK = "log_forked", "log_shrunk"
# Not refused: the path has to begin at what is held.
_ASK = "ask"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a platform shows of its log.

    Attributes:
        checkpoint: COSE cs-checkpoint, the newest.
        certificate: COSE cs-key of the log key that signed it.
        first: Size of the log from which ``path`` leads; 0 when the platform knows of none.
        path: Proof that the log goes on from there.
    """

    checkpoint: bytes
    certificate: bytes
    first: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What a host says of it.

    Attributes:
        cosignature: Its signature; empty when there is none.
        held: The checkpoint it signed last, from which a path is asked for, or which refutes what
            was shown; empty beside a signature.
        refused: Why the log is refused for good: ``log_forked`` or ``log_shrunk``.
    """

    cosignature: bytes = b""
    held: bytes = b""
    refused: str = ""


def witness(*, caller: bytes, shown: Shown, now: datetime) -> Witnessed:
    """Sign for the newest checkpoint of a platform's log, if the log goes on from the last one.

    The first one that a host sees it signs as it is.

    Raises:
        AuthserverError: ``not_authenticated``, or ``not_ready`` without a host key.
        ProtocolError: the checkpoint is not well formed, or no log key of this platform's root
            signed it.
        KeyProviderError: the host key cannot be opened.
    """
    platform = calling_platform(caller)
    checkpoint = _opened(shown, platform)
    key = seals.host_signing_key(current_host_key(now))
    held = WitnessedLog.objects.filter(platform=platform).first()
    if held is not None:
        known = Checkpoint.from_signed(cose.parse(held.checkpoint))
        why = _standing(known, checkpoint, shown)
        if why == _ASK:
            return Witnessed(held=held.checkpoint)
        if why:
            _refuse(held, shown, why, now)
            return Witnessed(held=held.checkpoint, refused=why)
    if not _keep(platform, held, checkpoint.size, shown.checkpoint, now):
        # Another call was faster; the next one begins with what that left.
        return Witnessed()
    return Witnessed(cosignature=cosign(checkpoint, key, int(now.timestamp())))


def forget_log(*, platform_id: str) -> None:
    """Sign anew for whatever log a platform shows next: its database came back from a copy.

    What was refused stays written down.

    Raises:
        AuthserverError: ``not_found``.
    """
    if not Platform.objects.filter(id=platform_id).exists():
        raise AuthserverError(Code.NOT_FOUND, f"There is no platform {platform_id}.")
    WitnessedLog.objects.filter(platform=platform_id).delete()
    logger.warning("log.forgotten", extra={"platform": platform_id})


def _opened(shown: Shown, platform: Platform) -> Checkpoint:
    signed = cose.parse(shown.checkpoint)
    checkpoint = Checkpoint.from_signed(signed)
    key = open_certificate(shown.certificate, platform.root)
    is_ours = (key.purpose, key.subject) == (Purpose.LOG, platform.id)
    if not is_ours or not key.covers(checkpoint.time) or checkpoint.origin != platform.origin:
        raise ProtocolError("certificate_wrong", "the certificate is not for this log")
    if not signed.is_signed_by(key.key):
        raise ProtocolError("signature_invalid", "the log key did not sign this checkpoint")
    return checkpoint


def _standing(known: Checkpoint, checkpoint: Checkpoint, shown: Shown) -> str:
    """Return why a log is not signed for; empty when it was shown to go on."""
    if checkpoint.size < known.size:
        # Times never go back in a log: an earlier one was only under way for long.
        return SHRUNK if checkpoint.time > known.time else _ASK
    is_same = checkpoint.size == known.size
    if not is_same and shown.first != known.size:
        return _ASK
    path = () if is_same else shown.path
    try:
        merkle.check_consistency(known.size, known.root, checkpoint.size, checkpoint.root, path)
    except ProtocolError:
        return FORKED
    return ""


def _keep(
    platform: Platform, held: WitnessedLog | None, size: int, checkpoint: bytes, now: datetime
) -> bool:
    """Remember what is signed for, unless another call has just changed it."""
    row = WitnessedLog(platform=platform, size=size, checkpoint=checkpoint, at=now)
    if held is None:
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            return False
        return True
    rows = WitnessedLog.objects.filter(platform=platform, checkpoint=held.checkpoint)
    return bool(rows.update(size=size, checkpoint=checkpoint, at=now))


def _refuse(held: WitnessedLog, shown: Shown, code: str, now: datetime) -> None:
    LogRefusal.objects.bulk_create(
        [
            LogRefusal(
                platform_id=held.platform_id,
                at=now,
                code=code,
                size=held.size,
                held=held.checkpoint,
                shown=shown.checkpoint,
            )
        ],
        ignore_conflicts=True,
    )
    logger.critical(
        "log.refused", extra={"platform": held.platform_id, "code": code, "held": held.size}
    )
