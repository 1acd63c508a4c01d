"""The verdict procedure, numbered as in docs/protocol.md section 6, and the void."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from authserver.errors import AuthserverError, Code
from authserver.models import Server, Verdict
from authserver.selectors import find_verdict, locked_server
from authserver.services.admission import Asked, admit, check_tag
from authserver.services.attempts import clear_failures, is_repeat, record_failure
from authserver.services.matching import Place, find_place, is_right_at, parsed_suite
from authserver.services.seals import seed_of, server_key
from protocol.statement import Kind
from protocol.verdict import Reason
from protocol.verdict import Verdict as SignedVerdict
from tokens.question import question_for

logger = logging.getLogger(__name__)

_VOID_REASONS = frozenset({Reason.DECLINED, Reason.CANCELLED, Reason.EXPIRED})
# What a verdict changes on its server's row.
_CHANGED = (
    *("state", "counter", "time_step", "seq", "head"),
    *("consecutive_failures", "lock_level", "locked_until", "is_blocked", "failures_until"),
)
_LINK_DOMAIN = b"countersign/verdict-link/1\x00"


@dataclass(frozen=True, slots=True)
class Wrong:
    """The response was wrong and the statement stays open: nothing is signed."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The statement has its terminal verdict.

    Attributes:
        reason: ``ACCEPTED``, or why not.
        message: The verdict as signed and stored, COSE cs-verdict.
        locked_until: When the token's lock ends, Unix seconds, if it does by itself.
    """

    reason: Reason
    message: bytes
    locked_until: int | None


def give_verdict(
    *,
    caller: bytes,
    vk: str,
    statement: bytes,
    certificate: bytes,
    response: str,
    last_seq: int,
    now: datetime,
    tag: bytes | None = None,
) -> Wrong | Ended:
    """Judge one response to one statement.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        statement: COSE cs-statement.
        certificate: COSE cs-key of the key that signed it.
        response: What the holder gave.
        last_seq: Highest sequence number of this server that the caller has seen.
        now: The host's time; it decides, not the platform's.
        tag: Given when the token posted the response itself.

    Returns:
        A wrong response that is not the last allowed, or the terminal verdict.

    Raises:
        AuthserverError: a mistake of the caller; nothing is counted.

    Source:
        docs/protocol.md section 6.
    """
    asked = Asked.read(statement, certificate)
    with transaction.atomic(durable=True):
        server = locked_server(caller, vk)
        _refuse_rolled_back(server, last_seq)
        # (1) The platform's signature and key, its id; serial and vk; time, kind, sight.
        admit(asked, server, int(now.timestamp()))
        _refuse_kind(asked.statement.demand.kind)
        if tag is not None:
            check_tag(server, asked.s, response, tag)
        outcome = _judge(server, asked, response, now)
    _log(vk, outcome)
    return outcome


def void_statement(
    *,
    caller: bytes,
    vk: str,
    s: bytes,
    statement: bytes,
    certificate: bytes,
    reason: Reason,
    last_seq: int,
    now: datetime,
    tag: bytes | None = None,
    note: str = "",
) -> Ended:
    """End a statement without a response, unless it has ended already.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        s: S of the statement, from the address.
        statement: COSE cs-statement.
        certificate: COSE cs-key of the key that signed it.
        reason: ``DECLINED``, ``CANCELLED`` or ``EXPIRED``.
        last_seq: Highest sequence number of this server that the caller has seen.
        now: The host's time.
        tag: Given when the token itself declined; it covers ``note``.
        note: The holder's words, as the token tagged them; not kept.

    Returns:
        The terminal verdict: the void one, or whichever was there, accepted ones included.

    Raises:
        AuthserverError: a mistake of the caller.

    Source:
        docs/protocol.md section 7.
    """
    asked = Asked.read(statement, certificate)
    if reason not in _VOID_REASONS or (tag is not None and reason is not Reason.DECLINED):
        raise AuthserverError(Code.INPUT_INVALID, "This is no reason to void a statement.")
    with transaction.atomic(durable=True):
        server = locked_server(caller, vk)
        _refuse_rolled_back(server, last_seq)
        admit(asked, server, int(now.timestamp()))
        if asked.s != s:
            raise AuthserverError(Code.STATEMENT_INVALID, "The address names another statement.")
        if tag is not None:
            check_tag(server, s, "decline" + note, tag)
        stored = find_verdict(server, s)
        if stored is not None:
            return _as_stored(server, stored, now)
        if reason is Reason.EXPIRED and int(now.timestamp()) <= asked.statement.expires:
            raise AuthserverError(Code.CHALLENGE_OPEN)
        ended = _refuse(server, asked, reason, now)
    _log(vk, ended)
    return ended


def _judge(server: Server, asked: Asked, response: str, now: datetime) -> Wrong | Ended:
    # (2) A terminal verdict is stored for S.
    stored = find_verdict(server, asked.s)
    if stored is not None:
        return _replay(server, stored, response, now)
    # (3) Locked, suspended, revoked, expired.
    _refuse_closed(server, asked, now)
    # (4) Exactly n ASCII digits.
    suite = parsed_suite(server.suite)
    if len(response) != suite.digits or not (response.isascii() and response.isdigit()):
        raise AuthserverError(Code.RESPONSE_MALFORMED)
    # (5) The same wrong response to the same S: the same answer, and a retry burns nothing.
    if is_repeat(server, asked, response, now):
        return Wrong(server.tries_left(now))
    # (6) Count the attempt; then compare.
    server.consecutive_failures += 1
    place = find_place(
        suite=suite,
        seed=seed_of(server),
        s=asked.s,
        response=response,
        counter=server.counter,
        last_step=server.time_step,
        now=int(now.timestamp()),
    )
    if place is not None:
        return _accept(server, asked, place, now)
    if record_failure(server, asked, response, now):
        return _refuse(server, asked, Reason.ATTEMPTS_EXHAUSTED, now)
    server.save(update_fields=_CHANGED)
    return Wrong(server.tries_left(now))


def _refuse_rolled_back(server: Server, last_seq: int) -> None:
    if last_seq > server.seq:
        logger.critical("host.rolled_back", extra={"vk": server.vk, "seq": server.seq})
        raise AuthserverError(Code.HOST_ROLLED_BACK)


def _refuse_kind(kind: Kind) -> None:
    # Login, unlock, billing and offline statements have calls of their own.
    if not kind.is_business and kind not in (Kind.ACTIVATION, Kind.TEST):
        raise AuthserverError(Code.KIND_REFUSED)


def _replay(server: Server, stored: Verdict, response: str, now: datetime) -> Ended:
    """Return the stored bytes, for an accepted statement only to its own response."""
    if stored.reason == Reason.ACCEPTED and not is_right_at(
        (stored.counter, stored.time_step),
        suite=parsed_suite(server.suite),
        seed=seed_of(server),
        s=stored.s,
        response=response,
    ):
        raise AuthserverError(Code.RESPONSE_REPLAYED)
    return _as_stored(server, stored, now)


def _refuse_closed(server: Server, asked: Asked, now: datetime) -> None:
    is_activation = asked.statement.demand.kind is Kind.ACTIVATION
    due = Server.State.CONFIRMED if is_activation else Server.State.ACTIVE
    if server.state == Server.State.ACTIVE and is_activation:
        raise AuthserverError(Code.KIND_REFUSED, "The token is active already.")
    if server.state != due:
        raise AuthserverError(Code.TOKEN_NOT_ACTIVE)
    if server.is_locked(now):
        raise AuthserverError(Code.TOKEN_LOCKED, locked_until=server.lock_end(now))
    if int(now.timestamp()) > asked.statement.expires:
        raise AuthserverError(Code.CHALLENGE_EXPIRED)


def _accept(server: Server, asked: Asked, place: Place, now: datetime) -> Ended:
    counter, server.time_step = place
    server.counter = None if counter is None else counter + 1
    # An activation, or active already: an accepted response leaves no other state.
    server.state = Server.State.ACTIVE
    clear_failures(server)
    question = question_for(parsed_suite(server.suite), asked.s)
    return _end(server, asked, Reason.ACCEPTED, now, question, place)


def _refuse(server: Server, asked: Asked, reason: Reason, now: datetime) -> Ended:
    question: str | None = question_for(parsed_suite(server.suite), asked.s)
    # A used question bars an acceptance; it must not keep a statement from ending.
    if Verdict.objects.filter(server=server, question=question).exists():
        question = None
    return _end(server, asked, reason, now, question, (None, None))


def _end(
    server: Server,
    asked: Asked,
    reason: Reason,
    now: datetime,
    question: str | None,
    place: Place,
) -> Ended:
    """Sign the terminal verdict, link it to the one before, and store it with the row."""
    server.seq += 1
    message = SignedVerdict(
        server.vk_bytes, asked.s, reason, int(now.timestamp()), server.seq
    ).sign(server_key(server))
    server.head = hashlib.sha256(_LINK_DOMAIN + server.head + message).digest()
    server.save(update_fields=_CHANGED)
    try:
        Verdict.objects.create(
            server=server,
            s=asked.s,
            seq=server.seq,
            reason=reason,
            message=message,
            question=question,
            counter=place[0],
            time_step=place[1],
            link=server.head,
        )
    except IntegrityError as error:
        # UNIQUE(server, question): the response may have been seen under another statement.
        # Everything is rolled back, the attempt with it: it was right, so it taught nothing.
        raise AuthserverError(Code.QUESTION_REUSED) from error
    return Ended(reason, message, server.lock_end(now))


def _as_stored(server: Server, stored: Verdict, now: datetime) -> Ended:
    return Ended(Reason(stored.reason), stored.message, server.lock_end(now))


def _log(vk: str, outcome: Wrong | Ended) -> None:
    if isinstance(outcome, Wrong):
        logger.info("verdict.wrong", extra={"vk": vk, "tries_left": outcome.tries_left})
    else:
        logger.info("verdict.ended", extra={"vk": vk, "reason": outcome.reason.name.lower()})
