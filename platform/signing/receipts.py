"""What every app with signed receipts tells the receipt log, which stands above most of them.

An app notes each receipt in the transaction that stores it, and says at the start where it keeps
them, so that the log can be checked against what is kept.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from common.reading import in_parts
from protocol.receipt import identity
from signing.models import UnloggedReceipt

if TYPE_CHECKING:
    from django.db.models import QuerySet

# Gives id and COSE bytes of each receipt an app keeps; both are bytes.
Kept = Callable[[], "QuerySet[Any, Any]"]

_kept: dict[str, Kept] = {}


def note_receipt(message: bytes, *, now: datetime) -> None:
    """Have a signed receipt logged; in the transaction that stores it.

    One row added and none locked: no two signers wait for each other.
    """
    UnloggedReceipt.objects.create(leaf=identity(message), at=now)


def forget_logged(ids: Iterable[int]) -> None:
    """Remove receipts that are in the log; in the transaction that puts them there."""
    UnloggedReceipt.objects.filter(pk__in=list(ids)).delete()


def keep_receipts(name: str, kept: Kept) -> None:
    """Register where an app keeps its receipts, and what one is called; when the app starts."""
    _kept[name] = kept


def kept_receipts() -> Iterator[tuple[str, bytes]]:
    """Yield name and COSE bytes of every receipt that any app keeps."""
    for name, kept in _kept.items():
        for uid, message in in_parts(kept()):
            yield f"{name} {bytes(uid).hex()}", bytes(message)
