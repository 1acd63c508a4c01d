"""Have hosts sign for the receipt log: its newest checkpoint goes along with a call for a verdict.

Once in a while, and with one call to each host: all others cost nothing for it.  A process learns
what a host holds from its answers, and where to begin the proof that the log went on from there.
"""

import logging
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.services import record
from enrolment.authserver_client import from_base64
from enrolment.selectors import host_by_origin, hosts
from enrolment.services import as_listed
from protocol import cose
from protocol.cosignature import check_cosignature
from protocol.errors import ProtocolError
from protocol.jwk import to_base64
from protocol.keys import Purpose, find_signer
from protocol.log import Checkpoint
from receipts.models import LogCheckpoint, LogCosignature, LogObjection
from receipts.selectors import consistency
from signing.selectors import certificates, signer_certificate

logger = logging.getLogger(__name__)

# As long as the log gathers receipts before it has a new checkpoint to show.
LOOK_EVERY_SECONDS = 20.0
# The host holds a checkpoint of ours that our log does not have.
UNKNOWN = "log_unknown"


@dataclass(slots=True)
class _Known:
    """What this process knows of a host: what it holds, what it signed, when to look again."""

    held: int = 0
    signed: int = 0
    look_at: float = 0.0


_known: defaultdict[str, _Known] = defaultdict(_Known)


def load(origin: str) -> dict[str, Any] | None:
    """Return what goes along to the host at an origin: mostly nothing."""
    known, moment = _known[origin], time.monotonic()
    if moment < known.look_at:
        return None
    known.look_at = moment + LOOK_EVERY_SECONDS
    row = LogCheckpoint.objects.order_by("-size").first()
    if row is None or row.size == known.signed:
        return None
    first = known.held if known.held <= row.size else 0
    message = bytes(row.message)
    return {
        "checkpoint": to_base64(message),
        "certificate": to_base64(signer_certificate(message)),
        "first": first,
        "path": [to_base64(each) for each in consistency(first, row.size)] if first else [],
    }


def unload(origin: str, sent: dict[str, Any], answer: object) -> None:
    """Keep a host's signature; or learn what it holds; or tell that it objects.

    Raises:
        ProtocolError: what it sent is not what it should be.
        AuthserverUnavailableError: not even base64url.
    """
    match answer:
        case {"cosignature": str(text)}:
            _keep(origin, from_base64(sent["checkpoint"]), from_base64(text))
        case {"held": str(text), **rest}:
            _look_at_held(origin, from_base64(text), str(rest.get("refused", "")))
        case _:
            # Its own trouble, or it cannot read what we sent.
            logger.warning("log.not_cosigned", extra={"host": origin, "answer": repr(answer)})


def forget() -> None:
    """Forget what this process knows of hosts."""
    _known.clear()


def _keep(origin: str, message: bytes, cosignature: bytes) -> None:
    checkpoint = Checkpoint.from_signed(cose.parse(message))
    listed = [as_listed(host) for host in hosts()]
    found = check_cosignature(cosignature, checkpoint, listed)
    # Another process may have asked for it, too.
    LogCosignature.objects.get_or_create(
        checkpoint_id=checkpoint.size,
        host=found.host.number,
        defaults={"at": datetime.fromtimestamp(found.time, UTC), "message": cosignature},
    )
    known = _known[origin]
    known.held = known.signed = checkpoint.size


def _look_at_held(origin: str, message: bytes, refused: str) -> None:
    signed = cose.parse(message)
    held = Checkpoint.from_signed(signed)
    ours = [key for key in certificates(Purpose.LOG) if key.covers(held.time)]
    if find_signer(signed, ours) is None:
        raise ProtocolError("signature_invalid", "the host holds no checkpoint of ours")
    is_known = LogCheckpoint.objects.filter(size=held.size, message=message).exists()
    if refused or not is_known:
        _object(origin, refused or UNKNOWN, held.size, message)
        return
    known = _known[origin]
    # The next call has the proof that begins there.
    known.held, known.look_at = held.size, 0.0


def _object(origin: str, code: str, size: int, held: bytes) -> None:
    """Tell, once for what the host holds and says, that it takes our log for another."""
    host, now = host_by_origin(origin), timezone.now()
    logger.error("log.objection", extra={"host": host.name, "code": code, "held": size})
    with transaction.atomic():
        _, is_new = LogObjection.objects.get_or_create(
            host=host.number, size=size, code=code[:20], defaults={"held": held, "at": now}
        )
        if is_new:
            record(
                action="log.objection",
                actor=f"host:{host.name}",
                subject=str(size),
                now=now,
                code=code[:20],
            )
