"""The host's own answer to a token, by which a holder tells the true platform (mutual OCRA).

The question of the host's answer is the token's challenge and then the statement's question; that
of the token's response to the same statement is the two the other way round.

Source:
    RFC 6287 section 7.3; docs/protocol.md section 6.
"""

import logging
from datetime import UTC, datetime

from django.db import IntegrityError, transaction

from authserver.errors import AuthserverError, Code
from authserver.models import Proof, Server
from authserver.selectors import find_verdict, locked_server
from authserver.services.admission import Asked, admit, refuse_closed, refuse_kind
from authserver.services.matching import Question, current_step, parsed_suite
from authserver.services.seals import seed_of
from tokens import responses
from tokens.question import is_question, question_for
from tokens.suite import OCRASuite

logger = logging.getLogger(__name__)


def give_proof(
    *, caller: bytes, vk: str, statement: bytes, certificate: bytes, challenge: str, now: datetime
) -> str:
    """Answer a token's challenge, once for each statement.  Safe to repeat.

    From then on the response to the statement is judged over both questions.

    Args:
        caller: Hash of the platform's bearer key.
        vk: Server id, hexadecimal.
        statement: COSE cs-statement.
        certificate: COSE cs-key of the key that signed it.
        challenge: The token's, in the form and length of its suite's questions.
        now: Current time.

    Returns:
        As many digits as a response has.

    Raises:
        AuthserverError: a mistake of the caller; ``proof_given`` when another challenge was
            answered for this statement.
    """
    asked = Asked.read(statement, certificate)
    with transaction.atomic(durable=True):
        server = locked_server(caller, vk)
        admit(asked, server, int(now.timestamp()))
        refuse_kind(asked, server)
        suite, question = _mutual(server, asked.s)
        refuse_closed(asked, server, now)
        if find_verdict(server, asked.s) is not None:
            raise AuthserverError(Code.STATE_CONFLICT, "The statement has its verdict.")
        _refuse_challenge(suite, question, challenge)
        _store(server, asked, challenge, challenge + question)
        answer = responses.compute(
            suite,
            seed_of(server),
            question=challenge + question,
            counter=server.counter,
            time_step=current_step(suite, int(now.timestamp()), server.drift),
        )
    logger.info("proof.given", extra={"vk": vk})
    return answer


def question_of(server: Server, s: bytes, now: datetime) -> Question:
    """Return the question that a response to a statement has to answer.

    Asks the database only while a statement with a proof may be open.

    Raises:
        AuthserverError: ``question_reused`` when the host itself has answered this question: its
            own answer, sent back to it, would be right.
    """
    question = question_for(parsed_suite(server.suite), s)
    if server.proofs_until is None or now > server.proofs_until:
        return question
    proof = Proof.objects.filter(server=server, s=s).first()
    if proof is None or question is None:
        return question
    question += proof.challenge
    if Proof.objects.filter(server=server, question=question).exists():
        raise AuthserverError(Code.QUESTION_REUSED)
    return question


def _mutual(server: Server, s: bytes) -> tuple[OCRASuite, str]:
    suite = parsed_suite(server.suite)
    if not isinstance(suite, OCRASuite):
        raise AuthserverError(Code.SUITE_REFUSED, "Tokens with this suite have no challenge.")
    return suite, question_for(suite, s)


def _refuse_challenge(suite: OCRASuite, question: str, challenge: str) -> None:
    # Two questions in one field must be told from one question and its padding: so no number may
    # begin with zeros, and no hexadecimal question may be all of them.
    if not is_question(suite, challenge) or not question.strip("0"):
        raise AuthserverError(Code.INPUT_INVALID, "The challenge has not the suite's form.")
    if challenge == question:
        raise AuthserverError(Code.INPUT_INVALID, "The challenge is the statement's own question.")


def _store(server: Server, asked: Asked, challenge: str, question: str) -> None:
    stored = Proof.objects.filter(server=server, s=asked.s).first()
    if stored is not None:
        if stored.challenge != challenge:
            raise AuthserverError(Code.PROOF_GIVEN)
        return
    try:
        with transaction.atomic():
            Proof.objects.create(server=server, s=asked.s, challenge=challenge, question=question)
    except IntegrityError as error:
        # UNIQUE(server, question): asked before, about a statement with the same typed question.
        raise AuthserverError(Code.PROOF_GIVEN) from error
    end = datetime.fromtimestamp(asked.statement.expires, UTC)
    server.proofs_until = max(end, server.proofs_until or end)
    server.save(update_fields=["proofs_until"])
