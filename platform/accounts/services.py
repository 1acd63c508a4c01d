"""Make holders and API keys."""

import secrets
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.errors import OwnSignInError
from accounts.models import ApiKey, Holder, User
from accounts.selectors import hash_key, holder_by_account
from audit.services import record
from common.errors import InputInvalidError, NotFoundError
from notices.services import hand_over
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
            # At hand already: asking for the address costs no further query.
            holder.user = user
            return holder
        first = secrets.choice("123456789")
        rest = "".join(secrets.choice("0123456789") for _ in range(_ACCOUNT_DIGITS - 1))
        try:
            with transaction.atomic():
                holder = Holder.objects.create(user=user, account=first + rest)
                # Who was invited by e-mail finds the invitation in the inbox.
                hand_over(email=user.email, holder_id=holder.pk)
                return holder
        except IntegrityError:
            # The number is taken, or a parallel request made the holder: look again.
            continue


def rename_holder(*, holder: Holder, name: str) -> Holder:
    """Set the name that the next party will see; empty means none.

    Raises:
        InputInvalidError: the name may not be signed.
    """
    holder.name = optional_name(name)
    holder.save(update_fields=["name"])
    return holder


def choose_language(*, user: User, language: str) -> None:
    """Note in which language a user reads: e-mails are written in it."""
    user.language = language
    user.save(update_fields=["language"])


def allow_sign_in(*, operator: Holder, account: str, is_allowed: bool, now: datetime) -> Holder:
    """Let a holder sign in and use API keys, or no longer: open sessions end at once.

    Raises:
        NotFoundError: there is no such holder.
        OwnSignInError: operators do not shut themselves out.
    """
    holder = holder_by_account(account)
    if holder is None:
        raise NotFoundError
    if holder == operator:
        raise OwnSignInError
    action = "holder.resumed" if is_allowed else "holder.suspended"
    with transaction.atomic():
        User.objects.filter(pk=holder.user_id).update(is_active=is_allowed)
        record(action=action, actor=operator.operator_actor, subject=account, now=now)
    holder.user.is_active = is_allowed
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


def optional_name(name: str) -> str:
    """Return a name as :func:`checked_name` does; nothing but spaces is none, and that is well."""
    return checked_name(name) if name.strip() else ""


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
