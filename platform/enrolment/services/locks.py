"""What a host says of wrong responses: kept for the pages, and told to the holder."""

from datetime import datetime

from django.db import transaction

from common.errors import DomainError
from enrolment.live import ServerState, ask_server
from enrolment.models import Token
from enrolment.services.telling import tell

# What a right response, or an unlocking, clears.
CLEARED = {"tries_left": None, "locked_until": None, "is_blocked": False}


def note_wrong(token: Token, *, tries_left: int | None, now: datetime) -> None:
    """Note how many tries a token has left; its holder is told before the last one."""
    others = Token.objects.filter(pk=token.pk).exclude(tries_left=tries_left)
    if others.update(tries_left=tries_left) and tries_left == 1:
        tell(token, "last_try", actor="system", now=now)


def lock_of(token: Token) -> ServerState | None:
    """Ask a token's host how it stands, outside any transaction; ``None`` without an answer."""
    try:
        return ask_server(token)
    except DomainError:
        return None


def look_at_lock(token: Token, *, now: datetime) -> None:
    """Ask how a token stands, and note whether it is locked."""
    lock = lock_of(token)
    if lock is not None:
        with transaction.atomic():
            note_lock(token, lock, now=now)


def note_lock(token: Token, lock: ServerState, *, now: datetime) -> None:
    """Note that a token is locked, or is no more; its holder is told once of each lock."""
    others = Token.objects.filter(pk=token.pk).exclude(
        locked_until=lock.locked_until, is_blocked=lock.is_blocked
    )
    is_news = others.update(
        locked_until=lock.locked_until, is_blocked=lock.is_blocked, tries_left=None
    )
    if is_news and lock.is_locked:
        tell(token, "blocked" if lock.is_blocked else "locked", actor="system", now=now)


def note_right(token: Token) -> None:
    """Note that a token answered rightly; where nothing was wrong before, it costs nothing."""
    if any(getattr(token, field) != value for field, value in CLEARED.items()):
        Token.objects.filter(pk=token.pk).update(**CLEARED)
