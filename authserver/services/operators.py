"""Operators of this host: who they are, and signing in."""

import hashlib
import logging
from datetime import datetime, timedelta

from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from authserver.errors import AuthserverError, Code
from authserver.models import SignInWait
from authserver.services.words import checked

logger = logging.getLogger(__name__)

NAME_BYTES = 32
# Tries before the first wait.  Behind one address there may be many operators.
FREE_BY_NAME, FREE_BY_ADDRESS = 4, 20
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
# A row that nobody has touched for so long starts anew.
FORGOTTEN = timedelta(days=1)


def add_operator(*, name: str, password: str) -> User:
    """Let an operator in.

    Args:
        name: 1 to 32 bytes; as it will stand in the stories of tokens.
        password: See ``AUTH_PASSWORD_VALIDATORS``.

    Raises:
        AuthserverError: ``input_invalid``, or ``state_conflict`` when there is one of this name.
    """
    if not name:
        raise AuthserverError(Code.INPUT_INVALID, "An operator needs a name.")
    checked("name", name, NAME_BYTES)
    user = get_user_model()(username=name)
    _set_password(user, password)
    with transaction.atomic(durable=True):
        if get_user_model().objects.filter(username__iexact=name).exists():
            raise AuthserverError(
                Code.STATE_CONFLICT, f"There is an operator {name} already: --new-password."
            )
        user.save()
    logger.info("operator.added", extra={"operator": name})
    return user


def replace_operator_password(*, name: str, password: str) -> User:
    """Give an operator a new password, which ends their sessions, and let them in again.

    Raises:
        AuthserverError: ``input_invalid`` or ``not_found``.
    """
    user = _named(name)
    user.is_active = True
    _set_password(user, password)
    user.save()
    logger.info("operator.password_replaced", extra={"operator": name})
    return user


def retire_operator(*, name: str) -> User:
    """Let an operator in no more, and end their sessions.  What they did keeps their name.

    Raises:
        AuthserverError: ``not_found``.
    """
    user = _named(name)
    user.is_active = False
    user.set_unusable_password()
    user.save()
    logger.info("operator.retired", extra={"operator": name})
    return user


def sign_in(*, name: str, password: str, address: str, now: datetime) -> User | None:
    """Return the operator of a name and password, or ``None`` for whatever reason.

    Tries are counted before the password is looked at, by name and by address, and cost a growing
    wait; during it nothing is judged.

    Args:
        name: As typed.
        password: As typed.
        address: Where it comes from, as the server sees it.
        now: Current time.
    """
    keys = [_key("name", name), _key("address", address)]
    free = dict(zip(keys, (FREE_BY_NAME, FREE_BY_ADDRESS), strict=True))
    if not _is_admitted(free, now):
        logger.warning("operator.sign_in_waits", extra={"address": address})
        return None
    user = authenticate(username=name, password=password)
    if not isinstance(user, User):
        logger.warning("operator.sign_in_failed", extra={"address": address})
        return None
    SignInWait.objects.filter(key__in=keys).delete()
    logger.info("operator.signed_in", extra={"operator": user.username})
    return user


def _is_admitted(free: dict[str, int], now: datetime) -> bool:
    with transaction.atomic(durable=True):
        SignInWait.objects.filter(last_at__lt=now - FORGOTTEN, until__lt=now).delete()
        # Always in the same order, so that two tries do not wait for each other.
        for key in sorted(free):
            SignInWait.objects.get_or_create(key=key, defaults={"until": now, "last_at": now})
        rows = list(SignInWait.objects.select_for_update().filter(key__in=free).order_by("key"))
        if any(row.until > now for row in rows):
            return False
        for row in rows:
            row.failures += 1
            row.until = now + _wait(row.failures - free[row.key])
            row.last_at = now
            row.save()
    return True


def _wait(beyond: int) -> timedelta:
    """Return the wait after so many tries beyond the free ones: each twice the one before."""
    if beyond < 0:
        return timedelta(0)
    return min(FIRST_WAIT * (1 << min(beyond, 10)), LONGEST_WAIT)


def _key(kind: str, value: str) -> str:
    # Hashed, since people type passwords where names belong.
    return hashlib.sha256(f"{kind}:{value.casefold()}".encode(errors="replace")).hexdigest()


def _named(name: str) -> User:
    user = get_user_model().objects.filter(username__iexact=name).first()
    if user is None:
        raise AuthserverError(Code.NOT_FOUND, f"There is no operator {name}.")
    return user


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise AuthserverError(Code.INPUT_INVALID, " ".join(error.messages)) from error
    user.set_password(password)
