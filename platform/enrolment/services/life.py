"""Follow the life of tokens: docs/lifecycle.md says who may do what, and when."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from common.errors import DomainError, NotFoundError
from enrolment.errors import AuthserverRefusedError, OnlyHostUnlocksError, TokenNotActiveError
from enrolment.models import Token
from enrolment.selectors import token_of
from enrolment.services.locks import CLEARED
from enrolment.services.moving import client_of
from enrolment.services.owed import settle
from enrolment.services.telling import tell

if TYPE_CHECKING:
    from collections.abc import Set

    from accounts.models import Holder

State = Token.State


@dataclass(frozen=True, slots=True)
class _Change:
    """What may be done with a token at its host.

    Attributes:
        before: States in which.
        after: State afterwards.
        told: What is said of it.
    """

    before: "Set[str]"
    after: Token.State
    told: str


_RELEASE = "release"
_CHANGES = {
    "suspend": _Change({State.ACTIVE}, State.SUSPENDED, "suspended"),
    "resume": _Change({State.SUSPENDED}, State.ACTIVE, "resumed"),
    "revoke": _Change(
        {State.ISSUED, State.CONFIRMED, State.ACTIVE, State.SUSPENDED, State.EXPIRED},
        State.REVOKED,
        "revoked",
    ),
}


def change_state(
    *, holder: "Holder", serial: str, action: str, now: datetime, actor: str = ""
) -> Token:
    """Suspend, resume or revoke a token, at its host first; or give it back to stock.

    Args:
        holder: Whose token it is.
        serial: Which of the holder's tokens.
        action: ``suspend``, ``resume``, ``revoke``; or ``release`` for a token that was taken
            from stock and is not activated.
        now: Timezone-aware.
        actor: Who does it, for the audit row; the holder when empty.

    Raises:
        NotFoundError: no such token of this holder, or no such action.
        TokenNotActiveError: not possible in its state.
        AuthserverUnavailableError: the host gave no usable answer; nothing changed.
    """
    if action not in (*_CHANGES, _RELEASE):
        raise NotFoundError
    token, actor = token_of(holder=holder, serial=serial), actor or holder.actor
    if action == _RELEASE:
        if not release(token, actor=actor, now=now):
            raise TokenNotActiveError(f"A token that is {token.state} cannot be given back.")
        return token
    change = _CHANGES[action]
    if token.state not in change.before:
        raise TokenNotActiveError(f"A token that is {token.state} cannot {action}.")
    with _refused_as(TokenNotActiveError):
        client_of(token).change_state(bytes(token.vk), action, actor=actor)
    with transaction.atomic():
        token.state = change.after
        token.revoked_at = now if change.after == State.REVOKED else None
        token.save(update_fields=["state", "revoked_at"])
        tell(token, change.told, actor=actor, now=now)
    return token


def unlock_token(
    *, holder: "Holder", serial: str, proof: str, now: datetime, actor: str = ""
) -> Token:
    """Have a locked token answer again, after a second proof; safe to repeat.

    Args:
        holder: Whose token it is.
        serial: Which of the holder's tokens.
        proof: ``passkey`` or ``operator``; another token proves it by a step of kind unlock.
        now: Timezone-aware.
        actor: Who does it, for the audit row; the holder when empty.

    Raises:
        NotFoundError: no such token of this holder.
        TokenNotActiveError: it never answers again.
        OnlyHostUnlocksError: only the host's own operator can unlock it.
        AuthserverUnavailableError: the host gave no usable answer; nothing changed.
    """
    token = token_of(holder=holder, serial=serial)
    actor = actor or holder.actor
    if token.is_ended:
        raise TokenNotActiveError(f"A token that is {token.state} cannot be unlocked.")
    with _refused_as(OnlyHostUnlocksError):
        client_of(token).change_state(bytes(token.vk), "unlock", actor=actor, proof=proof)
    with transaction.atomic():
        Token.objects.filter(pk=token.pk).update(**CLEARED)
        tell(token, "unlocked", actor=actor, now=now)
    return token_of(holder=holder, serial=serial)


@contextmanager
def _refused_as(error: type[DomainError]) -> Iterator[None]:
    """Name what a host cannot do in the state in which the token is there."""
    try:
        yield
    except AuthserverRefusedError as refusal:
        if refusal.code != "state_conflict":
            raise
        raise error from refusal


def owe_unlock(*, holder: "Holder", serial: str) -> None:
    """Note, in the caller's transaction, that another token of the holder has proved it."""
    living = Token.objects.filter(holder=holder, serial=serial, owed="").exclude(
        state__in=Token.ENDED
    )
    living.update(owed=Token.Owed.UNLOCK)


def mark_active(token: Token, *, holder: "Holder", now: datetime) -> None:
    """Note that a token answered its activation; what it replaces is given up in the same breath.

    In the caller's transaction.  A token that went back to stock meanwhile stays there.
    """
    waiting = Token.objects.filter(pk=token.pk, holder=holder, state=State.CONFIRMED)
    if not waiting.update(state=State.ACTIVE, **CLEARED):
        return
    token.holder, token.state = holder, State.ACTIVE
    tell(token, "activated", actor=holder.actor, now=now)
    if token.replaces_id is not None:
        _give_up(Token.objects.select_for_update().get(pk=token.replaces_id), holder, now)


def _give_up(before: Token, holder: "Holder", now: datetime) -> None:
    """End the token that another one has taken the place of."""
    before.holder = holder
    if before.state != State.REVOKED:
        # Of one that is revoked, the host has nothing more to learn.
        before.revoked_at, before.owed = now, Token.Owed.REPLACE
    before.state = State.REPLACED
    before.save(update_fields=["state", "revoked_at", "owed"])
    tell(before, "replaced", actor=holder.actor, now=now)


def release(token: Token, *, actor: str, now: datetime) -> bool:
    """Return a token to stock that nobody activated; ``False`` when somebody just did.

    Decided here first: an activation that is accepted in the same moment changes nothing any
    more, so that the host never takes back a token somebody signs with.
    """
    unclaimed = Token.objects.filter(pk=token.pk, is_imported=True, state=State.CONFIRMED)
    with transaction.atomic():
        if not unclaimed.update(state=State.RELEASED, owed=Token.Owed.RELEASE):
            return False
        token.state, token.owed = State.RELEASED, Token.Owed.RELEASE
        tell(token, "released", actor=actor, now=now)
    settle(token, now=now)
    return True
