"""Make holders, and change what is known of them."""

import secrets
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.db import IntegrityError, transaction

from accounts.errors import HolderLeftError, OwnSignInError
from accounts.models import Holder, User
from accounts.selectors import holder_by_account
from audit.services import record
from common.errors import InputInvalidError, NotFoundError
from notices.services import hand_over
from protocol.errors import ProtocolError
from protocol.text import check_text, normalise

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
        HolderLeftError: the holder is being erased.
    """
    holder = holder_by_account(account)
    if holder is None:
        raise NotFoundError
    if holder == operator:
        raise OwnSignInError
    if holder.leaving_at is not None:
        raise HolderLeftError
    action = "holder.resumed" if is_allowed else "holder.suspended"
    with transaction.atomic():
        User.objects.filter(pk=holder.user_id).update(is_active=is_allowed)
        record(action=action, actor=operator.operator_actor, subject=account, now=now)
    holder.user.is_active = is_allowed
    return holder


def ask_for_token(*, user: User, actor: str, now: datetime, has_codes: bool = False) -> None:
    """Have somebody asked for a token at every sign-in.

    Args:
        user: Who is asked.
        actor: Who wants it so.
        now: Timezone-aware.
        has_codes: Whether recovery codes come with it, which stand in for a lost token.
    """
    with transaction.atomic():
        _note_asked(user, actor, now, is_asked=True)
        if has_codes:
            RecoveryCodes.activate(user)


def forget_token(*, user: User, actor: str, now: datetime) -> None:
    """Have somebody asked for a token no longer; recovery codes go with the last second factor."""
    factors = Authenticator.objects.filter(user=user)
    with transaction.atomic():
        _note_asked(user, actor, now, is_asked=False)
        if not factors.exclude(type=Authenticator.Type.RECOVERY_CODES).exists():
            factors.delete()


def _note_asked(user: User, actor: str, now: datetime, *, is_asked: bool) -> None:
    user.asks_token = is_asked
    user.save(update_fields=["asks_token"])
    action = "holder.token_asked" if is_asked else "holder.token_not_asked"
    record(action=action, actor=actor, subject=holder_for(user).account, now=now)


def stop_asking_token(*, operator: Holder, account: str, now: datetime) -> Holder:
    """Let a holder sign in without a token, who has lost it and every way around it.

    Raises:
        NotFoundError: there is no such holder.
    """
    holder = holder_by_account(account)
    if holder is None:
        raise NotFoundError
    forget_token(user=holder.user, actor=operator.operator_actor, now=now)
    return holder


def appoint_auditor(*, operator: Holder, account: str, is_auditor: bool, now: datetime) -> Holder:
    """Let a holder look at the console, and change nothing there; or no longer.

    Raises:
        NotFoundError: there is no such holder.
        HolderLeftError: the holder is being erased.
    """
    holder = holder_by_account(account)
    if holder is None:
        raise NotFoundError
    if holder.leaving_at is not None:
        raise HolderLeftError
    action = "holder.made_auditor" if is_auditor else "holder.auditor_dismissed"
    with transaction.atomic():
        User.objects.filter(pk=holder.user_id).update(is_auditor=is_auditor)
        record(action=action, actor=operator.operator_actor, subject=account, now=now)
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
