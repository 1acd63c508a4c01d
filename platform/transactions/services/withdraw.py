"""End a step unanswered: cancelled, declined or expired.  Only the authserver ends a statement."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from common.errors import DomainError, InputInvalidError, NotFoundError
from enrolment.errors import AuthserverUnavailableError
from enrolment.services import client_of
from protocol.errors import ProtocolError
from protocol.text import check_text, normalise
from protocol.verdict import Reason
from signing.selectors import signer_certificate
from transactions.errors import ChallengeVoidError, StepClosingError, StepNotDueError
from transactions.models import Step
from transactions.search import due_steps
from transactions.selectors import step_by_digest
from transactions.services.conclude import conclude
from transactions.services.refusals import refusal_recorded

if TYPE_CHECKING:
    from accounts.models import Holder

logger = logging.getLogger(__name__)

_NOTE_BYTES = 120


def cancel_step(*, holder: "Holder", s: bytes, now: datetime) -> Step:
    """End a step by the will of its holder or of the transaction's owner.

    Returns:
        The step as it ended: signed, if the server had accepted a response before.

    Raises:
        NotFoundError: no such step that this holder may cancel.
        ChallengeVoidError: it ended already, and not by a signature.
        StepClosingError: the server cannot be reached; the step is settled later.
    """
    step = step_by_digest(s)
    if holder.pk not in (step.holder_id, step.transaction.owner_id):
        raise NotFoundError("There is no such step of yours.")
    _withdraw(step, Reason.CANCELLED, actor=holder.actor, now=now)
    return step


def decline_step(*, holder: "Holder", s: bytes, note: str, now: datetime) -> Step:
    """End a step because its holder says that it is wrong; errors as :func:`cancel_step`.

    Raises:
        InputInvalidError: the note may not be kept as it is.
    """
    step = step_by_digest(s)
    if holder.pk != step.holder_id:
        raise NotFoundError("There is no such step of yours.")
    note = _checked_note(note)
    _withdraw(step, Reason.DECLINED, actor=holder.actor, note=note, now=now)
    return step


def decline_as_token(*, s: bytes, note: str, tag: bytes, now: datetime) -> Step:
    """End a step that the token declined; the server checks the tag before anything ends.

    Returns:
        The step as it ended: signed, if a response was accepted before; as it was declined, if
        the token declines again because it got no answer.

    Raises:
        As :func:`decline_step`; a wrong tag is ``tag_wrong``, however the step stands.
    """
    step = step_by_digest(s)
    actor = f"token:{step.token.serial}"
    with refusal_recorded(step, now=now):
        kept = _checked_note(note)
        was_open = step.is_open
        # Without a valid tag nothing may change, so the step is not marked as closing first; nor
        # is anybody told how it ended.
        _void(step, Reason.DECLINED, actor=actor, now=now, note=kept, tagged=(note, tag))
        if not was_open and step.reason not in (Reason.ACCEPTED, Reason.DECLINED):
            raise ChallengeVoidError
    return step


def expire_step(step: Step, *, now: datetime) -> None:
    """End a step whose time is over; ``step`` is brought up to date.

    Raises:
        StepClosingError: the server cannot be reached.
    """
    _withdraw(step, Reason.EXPIRED, actor="system", now=now)


def reconcile_steps(*, now: datetime) -> tuple[int, int]:
    """Settle steps that are closing or past their time.

    Returns:
        How many were settled, and how many could not be because their host gave no answer.
    """
    settled = failed = 0
    silent: set[int] = set()
    for s, host in list(due_steps(now=now).values_list("s", "token__host")):
        # One host that is away, with however many steps, keeps no other host's waiting.
        if host in silent:
            failed += 1
            continue
        step = step_by_digest(bytes(s))
        try:
            _settle(step, actor="system", now=now)
            settled += 1
        except DomainError as error:
            logger.warning("step.unsettled", extra={"step": str(step), "code": error.code})
            failed += 1
            if isinstance(error, StepClosingError):
                silent.add(host)
    return settled, failed


def settle_step(*, s: bytes, actor: str, now: datetime) -> Step:
    """Settle one step as :func:`reconcile_steps` would, in the name of whoever asks for it.

    Raises:
        NotFoundError: there is no such step.
        StepNotDueError: it still has time, and nobody ends it.
        StepClosingError: the server cannot be reached.
    """
    step = step_by_digest(s)
    if step.is_open:
        if not step.is_due(now):
            raise StepNotDueError
        _settle(step, actor=actor, now=now)
    return step


def _settle(step: Step, *, actor: str, now: datetime) -> None:
    reason = Reason[step.ending.upper()] if step.ending else Reason.EXPIRED
    _withdraw(step, reason, actor=actor, note=step.note, now=now)


def _withdraw(step: Step, reason: Reason, *, actor: str, now: datetime, note: str = "") -> None:
    if step.state == Step.State.SIGNED:
        return
    if not step.is_open:
        raise ChallengeVoidError
    # Committed before the call: after a crash, reconciliation knows what was wanted.
    Step.objects.filter(pk=step.pk, state=Step.State.CHALLENGED).update(
        state=Step.State.CLOSING, ending=reason.name.lower(), note=note
    )
    try:
        _void(step, reason, actor=actor, now=now, note=note)
    except AuthserverUnavailableError as error:
        raise StepClosingError from error


def _void(
    step: Step,
    reason: Reason,
    *,
    actor: str,
    now: datetime,
    note: str,
    tagged: tuple[str, bytes | None] = ("", None),
) -> None:
    # The words as the token tagged them, before they were put into the form that is kept.
    words, tag = tagged
    outcome = client_of(step.token).void(
        vk=bytes(step.token.vk),
        s=bytes(step.s),
        statement=bytes(step.statement),
        certificate=signer_certificate(bytes(step.statement)),
        reason=reason.name.lower(),
        last_seq=step.last_seq or 0,  # type: ignore[attr-defined]  # annotated by the selector
        tag=tag,
        note=words,
    )
    if outcome.verdict is None:
        raise AuthserverUnavailableError
    conclude(step, outcome.verdict, actor=actor, note=note, now=now)


def _checked_note(note: str) -> str:
    try:
        note = normalise(note)
        check_text("reason", note, _NOTE_BYTES)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    return note
