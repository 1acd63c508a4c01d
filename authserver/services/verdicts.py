"""The verdict procedure, numbered as in docs/protocol.md section 6, and the void."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from authserver.errors import AuthserverError, Code
from authserver.models import Server, Verdict
from authserver.selectors import find_verdict, locked_server, recent_failures
from authserver.services import events, lifecycle
from authserver.services.admission import Asked, admit, check_tag, refuse_closed, refuse_kind
from authserver.services.attempts import (
    clear_failures,
    is_repeat,
    record_failure,
)
from authserver.services.events import EventKind
from authserver.services.matching import (
    Place,
    Position,
    Question,
    drift_at,
    find_place,
    is_right_at,
    parsed_suite,
)
from authserver.services.proofs import question_of
from authserver.services.seals import seed_of, server_key
from protocol.statement import Kind
from protocol.verdict import Reason
from protocol.verdict import Verdict as SignedVerdict
from tokens.question import question_for

logger = logging.getLogger(__name__)

_VOID_REASONS = frozenset({Reason.DECLINED, Reason.CANCELLED, Reason.EXPIRED})
# What a verdict changes on its server's row.
_CHANGED = (
    *("counter", "time_step", "drift", "seq", "head"),
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
    is_login: bool = False,
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
        is_login: Whether it was asked as a login: then it answers logins, and nothing else.

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
        refuse_rolled_back(server, last_seq)
        # (1) The platform's signature and key, its id; serial and vk; time, kind, sight.
        admit(asked, server, int(now.timestamp()))
        refuse_kind(asked, server)
        if (asked.kind is Kind.LOGIN) != is_login:
            raise AuthserverError(Code.KIND_REFUSED)
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
        refuse_rolled_back(server, last_seq)
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
        question = question_for(parsed_suite(server.suite), s)
        ended = _refuse(server, asked, reason, question, now)
    _log(vk, ended)
    return ended


def linked(head: bytes, message: bytes) -> bytes:
    """Return the link of a verdict that follows the one of this link."""
    return hashlib.sha256(_LINK_DOMAIN + head + message).digest()


def _judge(server: Server, asked: Asked, response: str, now: datetime) -> Wrong | Ended:
    # (2) A terminal verdict is stored for S.
    stored = find_verdict(server, asked.s)
    if stored is not None:
        return replay(server, stored, response, now)
    # (3) Locked, suspended, revoked, expired.
    refuse_closed(asked, server, now)
    # (4) Exactly n ASCII digits.
    refuse_malformed(server, response)
    # (5) The same wrong response to the same S: the same answer, and a retry burns nothing.
    if is_repeat(server, asked, response, now):
        return Wrong(server.tries_left(now, recent_failures(server, now)))
    # (6) Count the attempt; then compare.
    question = question_of(server, asked.s, now)
    server.consecutive_failures += 1
    place = find_place(
        suite=parsed_suite(server.suite),
        seed=seed_of(server),
        question=question,
        response=response,
        position=Position.of(server),
        now=int(now.timestamp()),
    )
    if place is not None:
        return accept(server, asked, question, place, now)
    return fail(server, asked, response, question, now)


def refuse_rolled_back(server: Server, last_seq: int) -> None:
    """Refuse to go on where the caller has seen more than this host knows.

    Raises:
        AuthserverError: ``host_rolled_back``.
    """
    if last_seq > server.seq:
        logger.critical("host.rolled_back", extra={"vk": server.vk, "seq": server.seq})
        raise AuthserverError(Code.HOST_ROLLED_BACK)


def refuse_malformed(server: Server, response: str) -> None:
    """Refuse what is no response of this token's form; step (4).

    Raises:
        AuthserverError: ``response_malformed``.
    """
    digits = parsed_suite(server.suite).digits
    if len(response) != digits or not (response.isascii() and response.isdigit()):
        raise AuthserverError(Code.RESPONSE_MALFORMED)


def replay(server: Server, stored: Verdict, response: str, now: datetime) -> Ended:
    """Return the stored bytes, for an accepted statement only to its own response; step (2).

    Raises:
        AuthserverError: ``response_replayed``.
    """
    if stored.reason == Reason.ACCEPTED and not is_right_at(
        (stored.counter, stored.time_step),
        suite=parsed_suite(server.suite),
        seed=seed_of(server),
        question=stored.question,
        response=response,
    ):
        raise AuthserverError(Code.RESPONSE_REPLAYED)
    return _as_stored(server, stored, now)


def accept(server: Server, asked: Asked, question: Question, place: Place, now: datetime) -> Ended:
    """End a statement with its right response; what that changes is saved.

    Raises:
        AuthserverError: ``question_reused``.
    """
    counter, step = place
    server.counter = None if counter is None else counter + 1
    server.time_step = step
    # The window follows the token's clock.
    server.drift = drift_at(parsed_suite(server.suite), step, int(now.timestamp()))
    clear_failures(server)
    if server.state == Server.State.CONFIRMED:
        lifecycle.move(server, EventKind.ACTIVATED, actor=events.TOKEN, now=now)
    return _end(server, asked, Reason.ACCEPTED, now, question, place)


def fail(
    server: Server, asked: Asked, response: str, question: Question, now: datetime
) -> Wrong | Ended:
    """Record a wrong response that is counted already; with the last one the statement ends."""
    tries_left = record_failure(server, asked, response, now)
    if not tries_left:
        return _refuse(server, asked, Reason.ATTEMPTS_EXHAUSTED, question, now)
    server.save(update_fields=_CHANGED)
    return Wrong(tries_left)


def _refuse(
    server: Server, asked: Asked, reason: Reason, question: Question, now: datetime
) -> Ended:
    # A used question bars an acceptance; it must not keep a statement from ending.
    if question and Verdict.objects.filter(server=server, question=question).exists():
        question = None
    return _end(server, asked, reason, now, question, (None, None))


def _end(
    server: Server,
    asked: Asked,
    reason: Reason,
    now: datetime,
    question: Question,
    place: Place,
) -> Ended:
    """Sign the terminal verdict, link it to the one before, and store it with the row."""
    server.seq += 1
    key = server_key(server)
    message = SignedVerdict(key.kid, asked.s, reason, int(now.timestamp()), server.seq).sign(key)
    server.head = linked(server.head, message)
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
