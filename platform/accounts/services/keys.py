"""Make and revoke API keys."""

import secrets
from datetime import datetime

from accounts.models import ApiKey, Holder
from accounts.selectors import hash_key
from accounts.services.holders import checked_name
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
