"""Have servers paired with new tokens."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from accounts.services import optional_name
from enrolment.errors import (
    AuthserverRefusedError,
    AuthserverUnavailableError,
    TokenNotActiveError,
)
from enrolment.models import AuthserverHost, Token
from enrolment.selectors import client_for, token_of
from enrolment.services.answers import checked_server
from enrolment.services.moving import client_of
from enrolment.services.placing import choose_host
from enrolment.services.policies import require_suite_allowed
from enrolment.services.telling import tell
from enrolment.suites import DEFAULT_SUITE
from protocol.enrolment import FINGERPRINT_BYTES, Invitation
from protocol.errors import ProtocolError
from protocol.keys import Purpose
from signing.services import signing_key

if TYPE_CHECKING:
    from accounts.models import Holder


@dataclass(frozen=True, slots=True, repr=False)
class Pairing:
    """A new token with the link its holder opens or scans."""

    token: Token
    invitation: str


def start_enrolment(
    *, holder: "Holder", name: str, suite: str, now: datetime, replaces: str = ""
) -> Pairing:
    """Have a server paired with a new token at one of the hosts.

    Args:
        holder: Whose token it will be.
        name: How the holder calls it; may be empty.
        suite: What kind it is; empty for the usual one.
        now: Timezone-aware.
        replaces: Serial of the holder's token whose place it takes once it is active.

    Raises:
        InputInvalidError: the name is not valid.
        NotFoundError, TokenNotActiveError: there is no such token to replace.
        SuiteNotAllowedError: the policy does not want such tokens.
        NoHostError: no host takes tokens.
        AuthserverRefusedError: the host refuses the suite.
        AuthserverUnavailableError: it gave no usable answer.
    """
    name, before = optional_name(name), token_before(holder, replaces)
    suite = suite or DEFAULT_SUITE
    require_suite_allowed(suite)
    host = choose_host()
    statement_key = signing_key(Purpose.STATEMENT, now=now)
    answer = client_for(host).pair(suite=suite, label=name, certificate=statement_key.certificate)
    token, invitation = _checked_pairing(host, answer)
    token.holder, token.name, token.issued_at = holder, name, now
    try:
        with transaction.atomic():
            take_place(token, before)
            token.save()
            tell(token, "issued", actor=holder.actor, now=now)
    except IntegrityError as error:
        # A host names each server once; this one is not in order.
        raise AuthserverUnavailableError from error
    return Pairing(token, invitation)


def confirm_digits(*, token: Token, digits: str, now: datetime) -> None:
    """Pass on the eight digits the token shows, so that the host knows it met the right one.

    Raises:
        AuthserverRefusedError: ``digits_wrong``, or the enrolment is void.
        TokenNotActiveError: the token was confirmed already, or revoked.
    """
    if token.state != Token.State.ISSUED:
        raise TokenNotActiveError("This token was confirmed already, or is revoked.")
    try:
        client_of(token).activate(bytes(token.vk), digits)
    except AuthserverRefusedError as error:
        if error.code == "enrolment_void":
            # Wrong for the third time: the host has given this token up, and nothing undoes it.
            _revoke(token, now, code=error.code)
        raise
    with transaction.atomic():
        issued = Token.objects.filter(pk=token.pk, state=Token.State.ISSUED)
        if issued.update(state=Token.State.CONFIRMED):
            token.state = Token.State.CONFIRMED
            tell(token, "confirmed", actor=token.holder.actor, now=now)


def rename_token(*, holder: "Holder", serial: str, name: str) -> Token:
    """Set the name by which a holder knows a token; empty means none.

    Raises:
        NotFoundError: no such token of this holder.
        InputInvalidError: the name is not valid.
    """
    token = token_of(holder=holder, serial=serial)
    token.name = optional_name(name)
    token.save(update_fields=["name"])
    return token


def token_before(holder: "Holder", serial: str) -> Token | None:
    """Return the token whose place a new one is to take; ``None`` when none is named.

    Raises:
        NotFoundError: the holder has no such token.
        TokenNotActiveError: it was never in use, or has been replaced already.
    """
    if not serial:
        return None
    token = token_of(holder=holder, serial=serial)
    if token.state not in Token.REPLACEABLE:
        raise TokenNotActiveError(f"A token that is {token.state} cannot be replaced.")
    return token


def take_place(token: Token, before: Token | None) -> None:
    """Lay that a new token replaces another, in the transaction that stores the new one.

    One that was to do so and was never finished does not any more.
    """
    if before is not None:
        unfinished = Token.objects.filter(replaces=before).exclude(state__in=Token.IN_USE)
        unfinished.update(replaces=None)
    token.replaces = before


def _revoke(token: Token, now: datetime, *, code: str) -> None:
    with transaction.atomic():
        token.state, token.revoked_at = Token.State.REVOKED, now
        token.save(update_fields=["state", "revoked_at"])
        tell(token, "revoked", actor=token.holder.actor, now=now, code=code)


def _checked_pairing(host: AuthserverHost, answer: dict[str, Any]) -> tuple[Token, str]:
    """Return the token a host paired, not saved yet, and the link to enrol it with.

    Raises:
        AuthserverUnavailableError: the answer is not in order, or not this host's.
    """
    try:
        invitation = Invitation.from_link(str(answer.get("invitation")))
    except ProtocolError as error:
        raise AuthserverUnavailableError from error
    if invitation.fingerprint != hashlib.sha256(host.root).digest()[:FINGERPRINT_BYTES]:
        raise AuthserverUnavailableError
    return checked_server(host, answer), invitation.to_link()
