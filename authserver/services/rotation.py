"""Put a new key-encryption key and a new data key in place of the old, while all go on serving.

Three stages, each safe to repeat, so that a rotation that was cut off anywhere is finished by the
next one:

1. A new data key, under a new key-encryption key, becomes the one for new rows.
2. Every other row is sealed anew.  Until it is, it opens with the key that it names.
3. Old data keys are emptied once no row names them; then their key-encryption keys are dropped.
"""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db import IntegrityError, models, transaction

from authserver import keyproviders
from authserver.errors import AuthserverError, Code
from authserver.models import DataKey, Enrolment, HostKey, Server
from authserver.services import datakeys
from authserver.services.seals import DIGITS, POST, SEED, SIGNING
from protocol.errors import ProtocolError

logger = logging.getLogger(__name__)

# Rows that one transaction holds.
_AT_ONCE = 100
# Before rows are looked for again that somebody else held.
_PAUSE_SECONDS = 0.05

Report = Callable[[int, int], None]
Sealed = HostKey | Server
# The row that holds it, the field, and what it is sealed with as context.
Secret = tuple[models.Model, str, bytes]


def rotate_kek(*, now: datetime, report: Report, keeps_old: bool = False) -> list[str]:
    """Rotate, or finish a rotation that was cut off.

    Args:
        now: Current time.
        report: Told every so often how many rows are done, and of how many.
        keeps_old: Whether the old key-encryption key is kept: backups made before need it.

    Returns:
        Sentences on what is left to do for a person.

    Raises:
        KeyProviderError: a key-encryption key cannot be had or made.
        AuthserverError: ``not_ready`` before ``init``; ``state_conflict`` when another rotation
            begins at this moment, or a row was altered and does not open.
    """
    datakeys.prepare()
    _begin(now)
    while not _all_emptied():
        _reseal(report)
    # Of those that are emptied only the KEK is left to drop; the row stays until that is done.
    emptied = list(_old_keys().filter(wrapped=b""))
    left = [] if keeps_old else [keyproviders.drop(key.kek) for key in emptied]
    DataKey.objects.filter(pk__in=[key.pk for key in emptied]).delete()
    logger.warning("host.kek_rotated", extra={"kek": datakeys.current().kek})
    return [sentence for sentence in left if sentence]


def _begin(now: datetime) -> None:
    """Make a new data key the current one, unless a rotation that was cut off has done so."""
    if _old_keys().exists():
        return
    key = datakeys.make(now)
    try:
        with transaction.atomic(durable=True):
            DataKey.objects.filter(is_current=True).update(is_current=False)
            key.save(force_insert=True)
    except IntegrityError as error:
        raise AuthserverError(Code.STATE_CONFLICT, "Another rotation has begun.") from error


def _old_keys() -> models.QuerySet[DataKey]:
    return DataKey.objects.filter(is_current=False)


def _all_emptied() -> bool:
    """Empty the old keys unless a row names one."""
    with transaction.atomic(durable=True):
        # Waits for whoever took a key for a new row when it was the current one.
        keys = list(_old_keys().select_for_update())
        if any(_rows(keys, model).exists() for model in _SECRETS):
            return False
        DataKey.objects.filter(pk__in=[key.pk for key in keys]).update(wrapped=b"")
    return True


def _reseal(report: Report) -> None:
    """Seal every row anew that is under an old key, some at a time."""
    old = list(_old_keys().exclude(wrapped=b""))
    for key in old:
        # Fetched now, with no transaction open.
        datakeys.sealer(key.pk)
    total, done = sum(_rows(old, model).count() for model in _SECRETS), 0
    for model in _SECRETS:
        while _rows(old, model).exists():
            began = time.monotonic()
            sealed = _reseal_some(old, model)
            done += sealed
            report(done, max(done, total))
            # Half of the time is the services'.
            time.sleep(time.monotonic() - began if sealed else _PAUSE_SECONDS)


def _reseal_some(old: list[DataKey], model: type[Sealed]) -> int:
    with transaction.atomic(durable=True):
        # Asked each time: should another rotation begin meanwhile, both lead to its key.
        key = datakeys.current()
        # Whoever holds a row is not waited for, so that nobody waits in a circle.
        rows = _rows(old, model).select_for_update(skip_locked=True).order_by("pk")
        related = () if model is HostKey else ("former_keys", "enrolment")
        found = list(rows.prefetch_related(*related)[:_AT_ONCE])
        for row in found:
            _reseal_row(row, key)
    return len(found)


def _reseal_row(row: Sealed, key: DataKey) -> None:
    before, after = datakeys.sealer(row.data_key_id), datakeys.sealer(key.pk)
    row.data_key = key
    changed: dict[models.Model, list[str]] = {row: ["data_key"]}
    for holder, field, context in _SECRETS[type(row)](row):
        sealed = getattr(holder, field)
        if not sealed:
            continue
        try:
            secret = before.open(sealed, context)
        except ProtocolError as error:
            raise AuthserverError(
                Code.STATE_CONFLICT,
                f"The secrets of the {row} do not open: the row was altered. Put it right from a "
                "backup and repeat this.",
            ) from error
        setattr(holder, field, after.seal(secret, context))
        changed.setdefault(holder, []).append(field)
    for holder, fields in changed.items():
        holder.save(update_fields=fields)


def _rows(keys: list[DataKey], model: type[Sealed]) -> "models.QuerySet[Sealed]":
    return model._default_manager.filter(data_key__in=keys)


def _secrets_of_host_key(key: HostKey) -> Iterator[Secret]:
    yield key, "sealed_private", key.certificate


def _secrets_of_server(server: Server) -> Iterator[Secret]:
    vk = server.vk_bytes
    yield server, "sealed_key", vk + SIGNING
    yield server, "sealed_seed", vk + SEED
    yield server, "sealed_post_key", vk + POST
    for former in server.former_keys.all():
        yield former, "sealed_key", bytes.fromhex(former.vk) + SIGNING
    enrolment: Enrolment | None = getattr(server, "enrolment", None)
    if enrolment:
        yield enrolment, "sealed_digits", vk + DIGITS


# What a row that names a data key has sealed under it.
_SECRETS: dict[type[Sealed], Callable[[Any], Iterator[Secret]]] = {
    HostKey: _secrets_of_host_key,
    Server: _secrets_of_server,
}
