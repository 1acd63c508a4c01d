"""Register a device for billing, and give it nonces to bill with while it is off-line."""

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from django.db import IntegrityError, transaction

from audit.services import record
from billing.packages.errors import TerminalUnknownError
from billing.packages.models import Nonce, Terminal
from billing.packages.selectors_requests import terminal_of
from common.sealing import sealer
from protocol.application import NONCE_BYTES
from protocol.evidence import evidence_key

if TYPE_CHECKING:
    from binding.models import Device

MAX_NONCES = 20
NONCE_LIFE = timedelta(days=30)
# A clock may be wrong by this.
_AHEAD = timedelta(days=1)


def register_terminal(device: "Device", now: datetime) -> Terminal:
    """Register a device for billing; again returns what was agreed the first time.

    The key of its evidence is that of X25519 between the device's box key and a share that is
    drawn here, of which the private half is forgotten.
    """
    try:
        return terminal_of(device)
    except TerminalUnknownError:
        pass
    ours = X25519PrivateKey.generate()
    share = ours.public_key().public_bytes_raw()
    shared = ours.exchange(X25519PublicKey.from_public_bytes(bytes(device.box_key)))
    thumbprint = bytes(device.thumbprint)
    key = evidence_key(shared, share, thumbprint)
    try:
        with transaction.atomic():
            terminal = Terminal.objects.create(
                device=device,
                sealed_evidence_key=sealer().seal(key, evidence_context(thumbprint)),
                share=share,
                created_at=now,
            )
            record(
                action="terminal.registered",
                actor=device.actor,
                subject=device.public_id,
                now=now,
            )
    except IntegrityError:
        # Another request of this device was quicker.
        return terminal_of(device)
    return terminal


def open_evidence_key(terminal: Terminal) -> bytes:
    """Return the key of a terminal's evidence, 32 bytes.

    Raises:
        ProtocolError: ``sealed_invalid``: the row was changed.
    """
    context = evidence_context(bytes(terminal.device.thumbprint))
    return sealer().open(bytes(terminal.sealed_evidence_key), context)


def issue_nonces(terminal: Terminal, count: int, now: datetime) -> list[bytes]:
    """Draw nonces for a terminal; beyond twenty unused ones, the oldest are void.

    So a terminal that lost what it had can fill up again.

    Args:
        terminal: Whose.
        count: 1 to 20.
        now: Timezone-aware; they are good for 30 days.
    """
    drawn = [_drawn() for _ in range(count)]
    with transaction.atomic():
        # Whoever else draws for it waits, or both would keep twenty.
        Terminal.objects.select_for_update().get(pk=terminal.pk)
        Nonce.objects.bulk_create(
            Nonce(terminal=terminal, value=value, expires_at=now + NONCE_LIFE) for value in drawn
        )
        unused = Nonce.objects.filter(terminal=terminal, used_at=None).order_by("-pk")
        kept = list(unused.values_list("pk", flat=True)[:MAX_NONCES])
        unused.exclude(pk__in=kept).delete()
    return drawn


def use_nonce(terminal: Terminal, nonce: bytes, now: datetime) -> bool:
    """Use a nonce up, in the caller's transaction; tell whether it was good."""
    rows = Nonce.objects.filter(terminal=terminal, value=nonce, used_at=None, expires_at__gt=now)
    return rows.update(used_at=now) == 1


def use_counter(terminal: Terminal, counter: int, now: datetime) -> bool:
    """Use a terminal's own counter up, likewise: it rises strictly.

    It runs with the terminal's clock, in milliseconds: one far ahead, by whoever forges a sender,
    would leave the terminal none.
    """
    if counter > (now + _AHEAD).timestamp() * 1000:
        return False
    rows = Terminal.objects.filter(pk=terminal.pk, counter__lt=counter)
    return rows.update(counter=counter) == 1


def forget_nonces(*, now: datetime) -> int:
    """Delete the nonces that are over; return how many."""
    return Nonce.objects.filter(expires_at__lte=now).delete()[0]


def evidence_context(thumbprint: bytes) -> bytes:
    """Return what the evidence key of a terminal is sealed with."""
    return b"terminal/evidence/" + thumbprint


def _drawn() -> bytes:
    """Return a nonce that no counter ever is."""
    first, *others = secrets.token_bytes(NONCE_BYTES)
    return bytes([first | 0x80, *others])
