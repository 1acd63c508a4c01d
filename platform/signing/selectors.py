"""Read the platform's certificates, and which receipts are to be logged."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from protocol import cose
from protocol.keys import KeyCertificate, Purpose, day_of, open_certificate
from signing.errors import KeysMissingError
from signing.models import PlatformKey, UnloggedReceipt

# What these keys sign is looked at when it is made, and never again.
_OF_TODAY = (Purpose.STATEMENT, Purpose.DIRECTORY, Purpose.PERMIT)


def signer_certificate(message: bytes) -> bytes:
    """Return the certificate of the key of ours that signed a message, retired or not.

    Raises:
        KeysMissingError: we have no such key.
    """
    return _certificate_of(cose.parse(message).kid)


@lru_cache(maxsize=64)
def _certificate_of(kid: bytes) -> bytes:
    row = PlatformKey.objects.filter(kid=kid).only("certificate").first()
    if row is None:
        raise KeysMissingError
    return bytes(row.certificate)


def certificates(purpose: Purpose) -> list[KeyCertificate]:
    """Return the certificates of all keys of a purpose, retired ones included."""
    rows = PlatformKey.objects.filter(purpose=purpose).values_list("certificate", "root")
    return [open_certificate(bytes(message), bytes(root)) for message, root in rows]


def are_ours(kids: Collection[bytes]) -> bool:
    """Whether any of these ids is that of a key of the platform's."""
    return PlatformKey.objects.filter(kid__in=kids).exists()


def published_certificates(rows: Iterable[PlatformKey], *, now: datetime) -> list[bytes]:
    """Return the certificates of these keys that stand in a directory.

    Not those past their last day which no receipt, checkpoint or verdict can need.
    """
    today = day_of(int(now.timestamp()))
    return [
        bytes(row.certificate)
        for row in rows
        if row.to_day >= today or row.purpose not in _OF_TODAY
    ]


def keys_kept_secret(purpose: Purpose) -> list[tuple[bytes, datetime | None]]:
    """Return the kids of a purpose's keys that did not get out, and when each was retired."""
    rows = PlatformKey.objects.filter(purpose=purpose, compromised_at=None)
    return [(bytes(kid), at) for kid, at in rows.values_list("kid", "retired_at")]


def root_key() -> bytes:
    """Return the root that certified the newest of our keys, 32 bytes.

    Raises:
        KeysMissingError: we have none.
    """
    row = PlatformKey.objects.order_by("-pk").only("root").first()
    if row is None:
        raise KeysMissingError
    return bytes(row.root)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """One key as an operator sees it."""

    kid: bytes
    purpose: str
    from_day: int
    to_day: int
    state: str


def listed_keys(*, now: datetime) -> list[ListedKey]:
    """Return all keys by purpose, the oldest first, each with what became of it."""
    today = day_of(int(now.timestamp()))
    return [
        ListedKey(bytes(row.kid), row.purpose, row.from_day, row.to_day, _state(row, today))
        for row in PlatformKey.objects.order_by("purpose", "pk")
    ]


def _state(row: PlatformKey, today: int) -> str:
    ends = [
        f"{name} {at:%Y-%m-%d %H:%M:%S} UTC"
        for name, at in (("compromised", row.compromised_at), ("retired", row.retired_at))
        if at is not None
    ]
    if ends:
        return ", ".join(ends)
    return "may sign" if row.from_day <= today <= row.to_day else "over"


def receipts_to_log(limit: int) -> list[tuple[int, bytes]]:
    """Return id and leaf of the receipts that wait for the log, the oldest first."""
    rows = UnloggedReceipt.objects.order_by("pk").values_list("pk", "leaf")[:limit]
    return [(pk, bytes(leaf)) for pk, leaf in rows]


def waiting_for_the_log() -> tuple[int, datetime | None]:
    """Return how many receipts wait for the log, and since when the oldest does."""
    return UnloggedReceipt.objects.count(), waiting_since()


def waiting_since() -> datetime | None:
    """Return since when the oldest receipt waits for the log, if one does."""
    return UnloggedReceipt.objects.order_by("pk").values_list("at", flat=True).first()


def still_waiting(leaves: Collection[bytes]) -> set[bytes]:
    """Return which of these leaves wait for the log."""
    rows = UnloggedReceipt.objects.filter(leaf__in=leaves).values_list("leaf", flat=True)
    return {bytes(leaf) for leaf in rows}
