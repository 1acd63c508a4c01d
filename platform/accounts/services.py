"""Make holders and API keys."""

import secrets
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import ApiKey, Holder, User
from accounts.selectors import hash_key
from common.errors import InputInvalidError, NotFoundError
from protocol.errors import ProtocolError
from protocol.text import check_text, normalise

_KEY_BYTES = 24
_PREFIX_CHARACTERS = 9
_ACCOUNT_DIGITS = 12


def holder_for(user: User) -> Holder:
    """Return the user's holder, made on first use with a random public account number."""
    while True:
        holder = Holder.objects.filter(user=user).first()
        if holder is not None:
            return holder
        first = secrets.choice("123456789")
        rest = "".join(secrets.choice("0123456789") for _ in range(_ACCOUNT_DIGITS - 1))
        try:
            with transaction.atomic():
                return Holder.objects.create(user=user, account=first + rest)
        except IntegrityError:
            # The number is taken, or a parallel request made the holder: look again.
            continue


def rename_holder(*, holder: Holder, name: str) -> Holder:
    """Set the name that the next party will see; empty means none.

    Raises:
        InputInvalidError: the name may not be signed.
    """
    holder.name = checked_name(name) if name.strip() else ""
    holder.save(update_fields=["name"])
    return holder


def checked_name(name: str) -> str:
    """Return a name in signing form, at most 40 bytes.

    Raises:
        InputInvalidError: it may not be signed.
    """
    try:
        name = normalise(name)
        check_text("name", name, 40)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    return name


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
