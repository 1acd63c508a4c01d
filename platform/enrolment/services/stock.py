"""Give holders tokens that lie in a host's stock: by the serial on the back, or by an operator."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from accounts.services import optional_name
from audit.selectors import audit_rows
from audit.services import record
from enrolment.errors import (
    AuthserverRefusedError,
    AuthserverUnavailableError,
    SerialUnknownError,
    SuiteNotAllowedError,
    TooManySerialsError,
)
from enrolment.models import AuthserverHost, Token
from enrolment.selectors import client_for, token_of
from enrolment.services.answers import checked_server
from enrolment.services.life import release
from enrolment.services.pairing import take_place, token_before
from enrolment.services.policies import require_self_assignment, require_suite_allowed
from enrolment.services.telling import tell
from protocol.fields import MAX_TIME
from protocol.keys import Purpose
from signing.services import signing_key

if TYPE_CHECKING:
    from accounts.models import Holder

# Serials follow each other, so whoever may try many finds tokens that are others'.
MAX_UNKNOWN_PER_HOUR = 10
MAX_UNCLAIMED = 3
# A token that nobody activates is somebody else's to take.
CLAIM_TIME = timedelta(hours=24)
_REFUSED = "token.assignment_refused"
_UNKNOWN = SerialUnknownError.code


def assign_token(
    *,
    holder: "Holder",
    serial: str,
    name: str,
    now: datetime,
    replaces: str = "",
    actor: str = "",
) -> Token:
    """Give a holder a token from stock; it waits for its activation then.

    All hosts are asked, the one behind the other, and nothing in the answer or its time tells a
    serial that nobody has from one that is another holder's.  Asked again while it waits, the
    same token is returned.

    Args:
        holder: Whose token it will be.
        serial: As it stands on the token.
        name: How the holder calls it; may be empty.
        now: Timezone-aware.
        replaces: Serial of the holder's token whose place it takes once it is active.
        actor: The operator who gives it; empty when the holder takes it.

    Raises:
        InputInvalidError: the name is not valid.
        NotFoundError, TokenNotActiveError: there is no such token to replace.
        SelfAssignmentError: only operators give out tokens.
        TooManySerialsError: the holder tried too many, or has too many that wait.
        SerialUnknownError: no host has it in stock.
        SuiteNotAllowedError: the policy does not want such tokens.
        AuthserverUnavailableError: a host that may have it gave no answer.
    """
    name, before = optional_name(name), token_before(holder, replaces)
    if not actor:
        require_self_assignment()
        _require_few(holder, serial, now)
    actor = actor or holder.actor
    found = _from_stock(holder, serial, name, actor, now)
    if found is not None:
        found.holder, found.name, found.issued_at = holder, name, now
        found.is_imported, found.state = True, Token.State.CONFIRMED
        taken = _taken(found, before, actor, now)
        if taken is not None:
            return taken
    record(action=_REFUSED, actor=actor, subject=holder.account, now=now, code=_UNKNOWN)
    raise SerialUnknownError


def release_unclaimed(*, now: datetime) -> int:
    """Return tokens to stock that nobody activated in time; return how many."""
    late = Token.objects.filter(
        is_imported=True, state=Token.State.CONFIRMED, issued_at__lt=now - CLAIM_TIME
    )
    rows = late.select_related("host", "holder__user")
    return sum(release(token, actor="system", now=now) for token in rows)


def _require_few(holder: "Holder", serial: str, now: datetime) -> None:
    waiting = Token.objects.filter(
        holder=holder, is_imported=True, state=Token.State.CONFIRMED
    ).exclude(serial=serial)
    newest = audit_rows(actor=holder.actor, action=_REFUSED)[:MAX_UNKNOWN_PER_HOUR]
    unknown = [row for row in newest if row.at > now - timedelta(hours=1)]
    if waiting.count() >= MAX_UNCLAIMED or len(unknown) >= MAX_UNKNOWN_PER_HOUR:
        raise TooManySerialsError


def _from_stock(
    holder: "Holder", serial: str, name: str, actor: str, now: datetime
) -> Token | None:
    """Return the token of a serial that is free, or that waits for this holder already."""
    certificate = signing_key(Purpose.STATEMENT, now=now).certificate
    silent: AuthserverUnavailableError | None = None
    for host in AuthserverHost.objects.filter(state=AuthserverHost.State.ACTIVE):
        try:
            answer = client_for(host).assign(serial=serial, label=name, certificate=certificate)
            found = _checked_assignment(host, serial, answer)
        except AuthserverUnavailableError as error:
            silent = error
        except AuthserverRefusedError:
            # It has no such token in stock, and says so to any serial it does not like.
            continue
        else:
            # Another holder's is passed over like one that is not there: the next host is asked.
            if _is_free(found, holder):
                _require_allowed(found, actor)
                return found
    if silent is not None:
        raise silent
    return None


def _checked_assignment(host: AuthserverHost, serial: str, answer: dict[str, Any]) -> Token:
    token = checked_server(host, answer)
    ends = answer.get("expires_at")
    if token.serial.upper() != serial.upper() or not (ends is None or _is_time(ends)):
        raise AuthserverUnavailableError
    token.expires_at = None if ends is None else datetime.fromtimestamp(ends, UTC)
    return token


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_TIME


def _is_free(found: Token, holder: "Holder") -> bool:
    known = Token.objects.filter(serial=found.serial).first()
    return known is None or _is_back(known) or _waits_for(known, holder)


def _is_back(known: Token) -> bool:
    return known.state == Token.State.RELEASED and not known.owed


def _waits_for(known: Token, holder: "Holder") -> bool:
    return known.state == Token.State.CONFIRMED and known.holder_id == holder.pk


def _require_allowed(found: Token, actor: str) -> None:
    try:
        require_suite_allowed(found.suite)
    except SuiteNotAllowedError:
        client_for(found.host).change_state(bytes(found.vk), "release", actor=actor)
        raise


def _taken(found: Token, before: Token | None, actor: str, now: datetime) -> Token | None:
    """Store a token as the holder's; ``None`` when another holder was faster."""
    known = Token.objects.filter(serial=found.serial).first()
    waits = known is not None and _waits_for(known, found.holder)
    try:
        with transaction.atomic():
            take_place(found, before)
            if known is not None and waits:
                Token.objects.filter(pk=known.pk).update(replaces=before)
                return token_of(holder=found.holder, serial=found.serial)
            if known is not None:
                # What it signed for others stays signed; of several who take it, one gets it.
                back = Token.objects.filter(pk=known.pk, state=Token.State.RELEASED, owed="")
                if not back.update(state=Token.State.CONFIRMED):
                    return None
                found.pk = known.pk
            found.save(force_update=known is not None)
            tell(found, "assigned", actor=actor, now=now)
    except IntegrityError:
        return None
    return found
