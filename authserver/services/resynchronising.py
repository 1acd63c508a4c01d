"""Find a token again whose counter or clock has gone too far, by two following responses."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from authserver.errors import AuthserverError, Code
from authserver.models import Server, Verdict
from authserver.selectors import find_verdict, locked_server, recent_failures
from authserver.services import events
from authserver.services.admission import Asked, admit, refuse_closed
from authserver.services.attempts import is_repeat
from authserver.services.events import EventKind
from authserver.services.matching import Position, find_again, parsed_suite
from authserver.services.proofs import question_of
from authserver.services.seals import seed_of
from authserver.services.verdicts import (
    Ended,
    Wrong,
    accept,
    fail,
    refuse_malformed,
    refuse_rolled_back,
    replay,
)
from protocol.statement import Kind
from protocol.verdict import Reason

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """A statement, and what the holder gave to it.

    Attributes:
        statement: COSE cs-statement.
        certificate: COSE cs-key of the key that signed it.
        response: The token's.
    """

    statement: bytes
    certificate: bytes
    response: str

    def __repr__(self) -> str:
        return "Answered()"


def resynchronise(
    *, caller: bytes, vk: str, answers: Sequence[Answered], last_seq: int, now: datetime
) -> Wrong | list[Ended]:
    """Judge two following responses over a wide window; both together are one attempt.

    Right, they end both statements accepted, and server and token stand alike again: never where
    the token has been before.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        answers: Two, in the order in which the token answered: of kind test, or of kind login for
            a token without questions.
        last_seq: Highest sequence number of this server that the caller has seen.
        now: Current time.

    Returns:
        Two verdicts; or what a wrong response is answered, as ``verdicts.give_verdict`` says it.
        Of the last wrong one there is one verdict: of the second statement.

    Raises:
        AuthserverError: a mistake of the caller; nothing is counted.
    """
    first, second = asked = [Asked.read(each.statement, each.certificate) for each in answers]
    given = (answers[0].response, answers[1].response)
    if first.s == second.s:
        raise AuthserverError(Code.INPUT_INVALID, "The two statements are the same.")
    with transaction.atomic(durable=True):
        server = locked_server(caller, vk)
        refuse_rolled_back(server, last_seq)
        for each in asked:
            admit(each, server, int(now.timestamp()))
            _refuse_kind(each, server)
        outcome = _judge(server, asked, given, now)
    is_found = isinstance(outcome, list) and len(outcome) == len(asked)
    logger.info("server.resynchronised", extra={"vk": vk, "found": is_found})
    return outcome


def _judge(
    server: Server, asked: list[Asked], given: tuple[str, str], now: datetime
) -> Wrong | list[Ended]:
    """Take the steps of the verdict procedure, for two statements at once."""
    first, second = asked
    stored = [find_verdict(server, each.s) for each in asked]
    if any(stored):
        return _replay(server, stored, given, now)
    for each, response in zip(asked, given, strict=True):
        refuse_closed(each, server, now)
        refuse_malformed(server, response)
    if is_repeat(server, second, "".join(given), now):
        return Wrong(server.tries_left(now, recent_failures(server, now)))
    questions = question_of(server, first.s, now), question_of(server, second.s, now)
    server.consecutive_failures += 1
    places = find_again(
        suite=parsed_suite(server.suite),
        seed=seed_of(server),
        questions=questions,
        given=given,
        position=Position.of(server),
        now=int(now.timestamp()),
    )
    if places is None:
        failed = fail(server, second, "".join(given), questions[1], now)
        return [failed] if isinstance(failed, Ended) else failed
    ended = [
        accept(server, each, question, place, now)
        for each, question, place in zip(asked, questions, places, strict=True)
    ]
    events.record(server, EventKind.RESYNCHRONISED, events.TOKEN, now, drift=server.drift)
    return ended


def _replay(
    server: Server, stored: list[Verdict | None], given: tuple[str, str], now: datetime
) -> list[Ended]:
    """Return what a repeat of the call finds: both verdicts, or that of the last wrong try."""
    ended = [
        replay(server, verdict, response, now)
        for verdict, response in zip(stored, given, strict=True)
        if verdict is not None
    ]
    if len(ended) == 1 and ended[0].reason is Reason.ACCEPTED:
        raise AuthserverError(Code.STATE_CONFLICT, "One of the statements has its verdict.")
    return ended


def _refuse_kind(asked: Asked, server: Server) -> None:
    has_question = parsed_suite(server.suite).has_question
    if asked.kind is not (Kind.TEST if has_question else Kind.LOGIN):
        raise AuthserverError(Code.KIND_REFUSED)
