"""Compare what a client knows with what was approved in its name, when it is back on-line."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from binding.services import require_slow
from offline.models import Authorization, Client
from offline.selectors import client_of, code_of
from offline.services import deciding
from offline.services.clients import note_synced, suspend_client
from protocol.offline import Serial

if TYPE_CHECKING:
    from binding.models import Device

UNKNOWN = "unknown"
_State = Authorization.State
_FINAL = (_State.APPROVED, _State.REJECTED, _State.EXPIRED)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What became of one entry of a client's journal.

    Attributes:
        serial: Of the entry.
        state: Of the authorization; ``unknown`` when it never arrived.
        code: Of its signed result; empty while it has none.
        receipt: Id of its receipt, where there is one.
    """

    serial: bytes
    state: str
    code: str
    receipt: bytes | None


def reconcile(
    *,
    device: "Device",
    entries: Sequence[tuple[Serial, bytes | None]],
    counter: int,
    now: datetime,
) -> list[Reconciled]:
    """Tell a client what became of its entries; suspend it when somebody has a copy of its key.

    The client lists all that it was not told the end of, while nothing else is under way.

    Args:
        device: The client's.
        entries: Serial, and SHA-256 of the tbs (or of the one-way code) that it signed, if it did.
        counter: The highest that the client itself ever drew.
        now: Timezone-aware.

    Returns:
        An outcome for each entry, in their order.

    Raises:
        RateLimitedError: the device called too often within a minute.
        UnknownClientError: it is no client, or was removed.
    """
    require_slow(device, now=now)
    client = client_of(device)
    listed = {bytes(serial): digest for serial, digest in entries}
    # What another client drew says nothing of this one: a phone may list both.
    drawn = [serial.counter for serial, _ in entries if serial.client == bytes(client.uid)]
    is_copied = _is_copied(client, listed, drawn, counter)
    if is_copied:
        suspend_client(client=client, reason=Client.Reason.CLONED, actor="system", now=now)
    found = {bytes(row.serial): row for row in client.authorizations.filter(serial__in=listed)}
    over = [
        row.pk
        for row in found.values()
        if row.state in _FINAL and (row.state != _State.APPROVED or _is_known(row, listed))
    ]
    Authorization.objects.filter(pk__in=over, reconciled_at=None).update(reconciled_at=now)
    # Whoever copied the key must draw a higher one, which the client will not have drawn.
    note_synced(client, now, counter=0 if is_copied else counter)
    return [_outcome(serial, found.get(serial)) for serial in listed]


def _is_copied(
    client: Client, listed: dict[bytes, bytes | None], drawn: list[int], counter: int
) -> bool:
    """Tell whether somebody else signed with a client's key, since an operator looked at it.

    Whoever copied the key can compare, too, and list what is theirs: then a counter was accepted
    that the client never drew, or one that it drew for something else.
    """
    if client.counter > max(counter, client.reviewed_counter):
        return True
    used = client.authorizations.filter(
        counter__in=drawn, counter__gt=client.reviewed_counter
    ).exclude(serial__in=listed)
    if used.exists():
        return True
    approved = client.authorizations.filter(state=_State.APPROVED, reconciled_at=None)
    approved = approved.only("serial", "tbs", "application")
    return any(not _is_known(row, listed) for row in approved)


def _is_known(row: Authorization, listed: dict[bytes, bytes | None]) -> bool:
    signed = listed.get(bytes(row.serial))
    return signed is not None and hmac.compare_digest(signed, deciding.digest(row))


def _outcome(serial: bytes, row: Authorization | None) -> Reconciled:
    if row is None:
        return Reconciled(serial, UNKNOWN, "", None)
    receipt = None if row.receipt_id is None else bytes(row.receipt_id)
    return Reconciled(serial, row.state, code_of(row), receipt)
