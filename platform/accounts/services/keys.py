"""Make and revoke API keys: of holders, and of organisations."""

import secrets
from datetime import datetime

from django.db import transaction

from accounts.models import ApiKey, ClientKey, Holder
from accounts.selectors import client_keys_of, hash_key
from accounts.services.holders import checked_name
from accounts.services.organisations import owned, record_at
from common.errors import NotFoundError

_KEY_BYTES = 24
_PREFIX_CHARACTERS = 9


def create_api_key(*, holder: Holder, name: str, now: datetime) -> tuple[ApiKey, str]:
    """Make an API key; return its row, and the key itself, which is shown this once.

    Raises:
        InputInvalidError: the name is not valid.
    """
    key = f"cs_{secrets.token_urlsafe(_KEY_BYTES)}"
    row = ApiKey.objects.create(
        holder=holder,
        name=checked_name(name),
        prefix=key[:_PREFIX_CHARACTERS],
        key_hash=hash_key(key),
        created_at=now,
    )
    return row, key


def revoke_api_key(*, holder: Holder, key_id: int, now: datetime) -> None:
    """Make a key useless at once.

    Raises:
        NotFoundError: the holder has no such key in use.
    """
    keys = ApiKey.objects.filter(pk=key_id, holder=holder, revoked_at=None)
    if not keys.update(revoked_at=now):
        raise NotFoundError


def create_client_key(
    *, owner: Holder, uid: bytes, name: str, now: datetime
) -> tuple[ClientKey, str]:
    """Make a key for a program of an organisation, as :func:`create_api_key`.

    Raises:
        NotFoundError, NotYoursToManageError: the caller is no owner.
        InputInvalidError: the name is not valid.
    """
    place = owned(owner, uid)
    key = f"co_{secrets.token_urlsafe(_KEY_BYTES)}"
    with transaction.atomic():
        row = ClientKey.objects.create(
            organisation=place.organisation,
            name=checked_name(name),
            prefix=key[:_PREFIX_CHARACTERS],
            key_hash=hash_key(key),
            created_at=now,
        )
        record_at(place.organisation, "client.made", owner.actor, now)
    return row, key


def revoke_client_key(*, owner: Holder, uid: bytes, pk: int, now: datetime) -> None:
    """Make a key of an organisation useless at once.

    Raises:
        NotFoundError: there is no such key in use, or the caller is no member.
        NotYoursToManageError: the caller is no owner.
    """
    place = owned(owner, uid)
    with transaction.atomic():
        if not client_keys_of(place).filter(pk=pk).update(revoked_at=now):
            raise NotFoundError
        record_at(place.organisation, "client.revoked", owner.actor, now)
