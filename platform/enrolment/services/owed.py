"""Bring about at hosts what was decided here; a host that is away is asked again later."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from enrolment.errors import AuthserverRefusedError, AuthserverUnavailableError
from enrolment.models import Token
from enrolment.services.locks import CLEARED
from enrolment.services.moving import client_of
from enrolment.services.telling import tell
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from accounts.models import Holder

logger = logging.getLogger(__name__)


def settle_owed(*, now: datetime, holder: "Holder | None" = None) -> int:
    """Tell hosts what they are owed, of all tokens or of a holder's; return how much is left.

    No transaction may be open: hosts may take seconds.
    """
    silent: set[int] = set()
    failed = 0
    owing = Token.objects.exclude(owed="").select_related("host", "holder__user")
    for token in owing if holder is None else owing.filter(holder=holder):
        # One host that is away keeps no other host's tokens waiting.
        if token.host_id in silent or not settle(token, now=now):
            silent.add(token.host_id)
            failed += 1
    return failed


def settle(token: Token, *, now: datetime) -> bool:
    """Tell a token's host what it is owed; ``False`` when it gave no answer.

    The host takes each of these as often as it is told.
    """
    code = ""
    try:
        _tell_host(token)
    except (AuthserverUnavailableError, ProtocolError):
        # The latter: our key there is sealed under another key-encryption key than is set.
        logger.warning("token.unsettled", extra={"serial": token.serial, "owed": token.owed})
        return False
    except AuthserverRefusedError as error:
        # It stays refused, however often it is asked.
        code = error.code
    with transaction.atomic():
        cleared = CLEARED if token.owed == Token.Owed.UNLOCK and not code else {}
        mine = Token.objects.filter(pk=token.pk, owed=token.owed)
        if mine.update(owed="", **cleared):
            _note(token, code, now)
    return True


def _tell_host(token: Token) -> None:
    client, vk, actor = client_of(token), bytes(token.vk), token.holder.actor
    if token.owed == Token.Owed.UNLOCK:
        client.change_state(vk, "unlock", actor=actor, proof="token")
    elif token.owed == Token.Owed.RELEASE:
        client.change_state(vk, "release", actor=actor)
    else:
        successor: Token = token.replacement
        if successor.host_id == token.host_id:
            client.change_state(vk, "replace", actor=actor, successor=bytes(successor.vk).hex())
        else:
            # A host knows its own servers alone.
            client.change_state(vk, "revoke", actor=actor)


def _note(token: Token, code: str, now: datetime) -> None:
    if code:
        tell(token, f"{token.owed}_refused", actor="system", now=now, code=code)
    elif token.owed == Token.Owed.UNLOCK:
        tell(token, "unlocked", actor=token.holder.actor, now=now)
