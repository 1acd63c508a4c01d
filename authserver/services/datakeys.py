"""Data keys, under which rows are sealed: each process unwraps each of them once."""

import secrets
import uuid
from contextvars import ContextVar
from datetime import datetime

from django.db import connection

from authserver import keyproviders
from authserver.errors import AuthserverError, Code, KeyProviderError
from authserver.models import DataKey
from protocol.sealing import KEK_BYTES, Sealer

_at_hand: dict[uuid.UUID, Sealer] = {}
# Whether work that stops for a key is begun anew with it: the middleware does so.
can_repeat: ContextVar[bool] = ContextVar("can_repeat", default=False)


class KeyNotAtHandError(Exception):
    """A data key is to be fetched, perhaps from an HSM, while a transaction is open.

    Attributes:
        key_id: Which.
    """

    def __init__(self, key_id: uuid.UUID) -> None:
        super().__init__(str(key_id))
        self.key_id = key_id


def sealer(key_id: uuid.UUID) -> Sealer:
    """Return the sealer under a data key.

    Raises:
        KeyProviderError: its key-encryption key cannot be had.
        KeyNotAtHandError: nobody should hold rows while the key is fetched; only where the work
            is then repeated.
    """
    found = _at_hand.get(key_id)
    if found is None:
        if can_repeat.get() and connection.in_atomic_block:
            raise KeyNotAtHandError(key_id)
        found = fetch(key_id)
    return found


def fetch(key_id: uuid.UUID) -> Sealer:
    """Unwrap a data key, keep it at hand, and let go of those that were dropped.

    Raises:
        KeyProviderError: its key-encryption key cannot be had.
    """
    rows = {row.pk: row for row in DataKey.objects.exclude(wrapped=b"")}
    if key_id not in rows:
        raise KeyProviderError("A row is sealed under a data key that is gone.")
    row = rows[key_id]
    found = Sealer(keyproviders.unwrap(row.kek, row.wrapped, key_id))
    _at_hand[key_id] = found
    for known in list(_at_hand):
        if known not in rows:
            _at_hand.pop(known, None)
    return found


def forget() -> None:
    """Let go of every data key: each is unwrapped anew when it is next needed."""
    _at_hand.clear()


def current() -> DataKey:
    """Return the data key for new rows; it is not dropped before the transaction ends.

    Raises:
        AuthserverError: ``not_ready`` before ``init``.
    """
    sql, parameters = DataKey.objects.filter(is_current=True).query.sql_with_params()
    if connection.vendor == "postgresql":
        # Many may hold it so, and dropping the key waits for all of them.  SQLite lets in one
        # transaction that writes at a time.
        sql += " FOR KEY SHARE"
    for row in DataKey.objects.raw(sql, parameters):
        return row
    raise AuthserverError(Code.NOT_READY, "This host has no data key yet.")


def prepare() -> None:
    """Have the current data key at hand, before a transaction needs it; raises as the others."""
    sealer(current().pk)


def make(now: datetime) -> DataKey:
    """Return a data key under a key-encryption key that wraps no other; it is not stored yet.

    Raises:
        KeyProviderError: there is no such key-encryption key.
    """
    used = list(DataKey.objects.values_list("kek", flat=True))
    row = DataKey(kek=keyproviders.fresh_kek(used), made_at=now)
    secret = secrets.token_bytes(KEK_BYTES)
    row.wrapped = keyproviders.wrap(row.kek, secret, row.pk)
    _at_hand[row.pk] = Sealer(secret)
    return row
