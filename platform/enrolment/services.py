"""Pin hosts, pair tokens, and follow their life."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from accounts.services import optional_name
from audit.services import record
from common.errors import NotFoundError
from enrolment.authserver_client import AuthserverClient, from_base64
from enrolment.errors import (
    AuthserverRefusedError,
    AuthserverUnavailableError,
    HostInvalidError,
    NoHostError,
    TokenNotActiveError,
)
from enrolment.models import AuthserverHost, Token
from enrolment.selectors import client_for, host_by_number, token_of
from enrolment.suites import DEFAULT_SUITE
from protocol import cose
from protocol.cose import Typ
from protocol.enrolment import FINGERPRINT_BYTES, Invitation
from protocol.errors import ProtocolError
from protocol.keys import Host, Purpose, ServerCertificate, root_fingerprint
from protocol.text import check_origin
from signing.services import sealer, signing_key
from tokens.errors import TokenError
from tokens.suite import OCRASuite

if TYPE_CHECKING:
    from accounts.models import Holder

# Action at the host, states it may be taken in, state afterwards.
_ACTIONS = {
    "suspend": ({Token.State.ACTIVE}, Token.State.SUSPENDED),
    "resume": ({Token.State.SUSPENDED}, Token.State.ACTIVE),
    "revoke": (set(Token.State) - {Token.State.REVOKED}, Token.State.REVOKED),
}


@dataclass(frozen=True, slots=True, repr=False)
class Pairing:
    """A new token with the link its holder opens or scans."""

    token: Token
    invitation: str


def add_host(*, origin: str, key: str, fingerprint: str, now: datetime) -> AuthserverHost:
    """Register a host, or renew its certificates, if it shows the root of this fingerprint.

    Args:
        origin: Its address, ``https://host``.
        key: The bearer key it issued for this platform.
        fingerprint: Of its root, obtained elsewhere; spaces and case do not matter.
        now: Timezone-aware.

    Raises:
        HostInvalidError: the host shows another root, or certificates that do not fit it; or
            its origin or its name cannot be used.
        AuthserverUnavailableError: it cannot be reached.
    """
    try:
        check_origin("origin", origin)
    except ProtocolError as error:
        raise HostInvalidError(error.detail) from error
    shown = AuthserverClient(origin, key).keys()
    root = from_base64(shown.get("root"))
    if _plain(root_fingerprint(root)) != _plain(fingerprint):
        raise HostInvalidError
    certificates = shown.get("certificates")
    if not isinstance(certificates, list):
        raise AuthserverUnavailableError
    name = str(shown.get("name", ""))
    with transaction.atomic():
        known = AuthserverHost.objects.filter(origin=origin).first()
        last = AuthserverHost.objects.aggregate(last=Max("number"))["last"] or 0
        host = known or AuthserverHost(origin=origin, number=last + 1)
        host.name, host.root, host.certificates = name, root, certificates
        host.sealed_key = sealer().seal(key.encode(), name.encode())
        try:
            if not as_listed(host).host_keys():
                raise HostInvalidError
        except ProtocolError as error:
            raise HostInvalidError(error.detail) from error
        try:
            host.save()
        except IntegrityError as error:
            raise HostInvalidError(f"Another host is called {name}.") from error
        record(action="host.added", actor="system", subject=name, now=now)
    return host


def as_listed(host: AuthserverHost) -> Host:
    """Return a host as the directory lists it."""
    return Host(
        number=host.number,
        name=host.name,
        origin=host.origin,
        root=bytes(host.root),
        certificates=tuple(from_base64(text) for text in host.certificates),
    )


def start_enrolment(*, holder: "Holder", name: str, suite: str, now: datetime) -> Pairing:
    """Have a server paired with a new token at one of the hosts.

    Raises:
        InputInvalidError: the name is not valid.
        NoHostError: no host takes tokens.
        AuthserverRefusedError: the host refuses the suite.
        AuthserverUnavailableError: it gave no usable answer.
    """
    name = optional_name(name)
    host = _place()
    statement_key = signing_key(Purpose.STATEMENT, now=now)
    answer = client_for(host).pair(
        suite=suite or DEFAULT_SUITE, label=name, certificate=statement_key.certificate
    )
    token, invitation = _checked_pairing(host, answer)
    token.holder, token.name, token.issued_at = holder, name, now
    try:
        with transaction.atomic():
            token.save()
            record(action="token.issued", actor=holder.actor, subject=token.serial, now=now)
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
        client_for(token.host).activate(bytes(token.vk), digits)
    except AuthserverRefusedError as error:
        if error.code == "enrolment_void":
            # Wrong for the third time: the host has given this token up, and nothing undoes it.
            _revoke(token, now, code=error.code)
        raise
    Token.objects.filter(pk=token.pk, state=Token.State.ISSUED).update(state=Token.State.CONFIRMED)
    token.state = Token.State.CONFIRMED
    record(action="token.confirmed", actor=token.holder.actor, subject=token.serial, now=now)


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


def mark_active(*, token_id: int) -> None:
    """Note that the server accepted the activation statement."""
    Token.objects.filter(pk=token_id, state=Token.State.CONFIRMED).update(state=Token.State.ACTIVE)


def change_state(
    *, holder: "Holder", serial: str, action: str, now: datetime, actor: str = ""
) -> Token:
    """Suspend, resume or revoke a token, at its host first.

    Args:
        holder: Whose token it is.
        serial: Which of the holder's tokens.
        action: ``suspend``, ``resume`` or ``revoke``.
        now: Timezone-aware.
        actor: Who does it, for the audit row; the holder when empty.

    Raises:
        NotFoundError: no such token of this holder, or no such action.
        TokenNotActiveError: not possible in its state.
        AuthserverUnavailableError: the host gave no usable answer; nothing changed.
    """
    if action not in _ACTIONS:
        raise NotFoundError
    token = token_of(holder=holder, serial=serial)
    allowed, after = _ACTIONS[action]
    if token.state not in allowed:
        raise TokenNotActiveError(f"A token that is {token.state} cannot {action}.")
    client_for(token.host).change_state(bytes(token.vk), action)
    with transaction.atomic():
        token.state = after
        token.revoked_at = now if after == Token.State.REVOKED else None
        token.save(update_fields=["state", "revoked_at"])
        record(action=f"token.{after}", actor=actor or holder.actor, subject=serial, now=now)
    return token


def change_weight(*, number: int, weight: int, actor: str, now: datetime) -> AuthserverHost:
    """Set how many of the new tokens a host gets, in proportion; 0 lets it keep those it has.

    Raises:
        NotFoundError: there is no such host.
    """
    host = host_by_number(number)
    with transaction.atomic():
        host.weight = weight
        host.save(update_fields=["weight"])
        record(action="host.weighted", actor=actor, subject=host.name, now=now)
    return host


def _place() -> AuthserverHost:
    """Choose a host for a new token, by weight."""
    hosts = list(AuthserverHost.objects.filter(weight__gt=0))
    if not hosts:
        raise NoHostError
    return secrets.SystemRandom().choices(hosts, [host.weight for host in hosts])[0]


def _revoke(token: Token, now: datetime, *, code: str) -> None:
    with transaction.atomic():
        token.state, token.revoked_at = Token.State.REVOKED, now
        token.save(update_fields=["state", "revoked_at"])
        actor = token.holder.actor
        record(action="token.revoked", actor=actor, subject=token.serial, now=now, code=code)


def _checked_pairing(host: AuthserverHost, answer: dict[str, Any]) -> tuple[Token, str]:
    """Return the token a host paired, not saved yet, and the link to enrol it with.

    Raises:
        AuthserverUnavailableError: the answer is not in order, or not this host's.
    """
    message = from_base64(answer.get("certificate"))
    certificate = _checked_certificate(host, message)
    try:
        suite = OCRASuite.parse(str(answer.get("suite")))
        invitation = Invitation.from_link(str(answer.get("invitation")))
    except (TokenError, ProtocolError) as error:
        raise AuthserverUnavailableError from error
    pinned = hashlib.sha256(host.root).digest()[:FINGERPRINT_BYTES]
    if answer.get("sight") != suite.sight or invitation.fingerprint != pinned:
        raise AuthserverUnavailableError
    token = Token(
        host=host,
        serial=certificate.serial,
        vk=certificate.vk,
        certificate=message,
        suite=str(suite),
        sight=suite.sight,
    )
    return token, invitation.to_link()


def _checked_certificate(host: AuthserverHost, message: bytes) -> ServerCertificate:
    """Return a server's certificate if a key of this host signed it."""
    try:
        signed = cose.parse(message)
        cose.require_typ(signed, Typ.SERVER)
        if not any(signed.is_signed_by(known.key) for known in as_listed(host).host_keys()):
            raise AuthserverUnavailableError("The host's answer is not signed by its key.")
        return ServerCertificate.from_payload(signed.payload)
    except ProtocolError as error:
        raise AuthserverUnavailableError from error


def _plain(fingerprint: str) -> str:
    return "".join(fingerprint.split()).lower()
