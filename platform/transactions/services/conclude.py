"""Take a terminal verdict in: check it, make the receipt, and end the step."""

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts.selectors import holder_by_email, holders_by_id
from accounts.services import tell_holder
from audit.services import record
from enrolment.errors import AuthserverUnavailableError
from enrolment.live import ServerState
from enrolment.selectors import certified_server
from enrolment.services import (
    lock_of,
    mark_active,
    note_lock,
    note_right,
    owe_unlock,
    settle_owed,
)
from notices.services import notify, publish
from protocol import cose
from protocol.chain import clock_faults
from protocol.cose import Typ
from protocol.digests import link_digest, verdict_digest
from protocol.errors import ProtocolError
from protocol.fitting import fit_receipt
from protocol.keys import Purpose
from protocol.rebuild import rebuild
from protocol.receipt import Receipt, identity
from protocol.statement import Kind
from protocol.verdict import Reason, Verdict
from signing.receipts import note_receipt
from signing.services import platform_information, signing_key
from transactions.errors import ChainBrokenError
from transactions.models import Step, Transaction
from transactions.selectors_messages import as_receipt_step, earlier_steps, stored_receipt_step
from transactions.signals import step_ended

if TYPE_CHECKING:
    pass

logger = logging.getLogger(__name__)

_STATES = {
    Reason.ACCEPTED: Step.State.SIGNED,
    Reason.ATTEMPTS_EXHAUSTED: Step.State.REFUSED,
    Reason.DECLINED: Step.State.REFUSED,
    Reason.CANCELLED: Step.State.CANCELLED,
    Reason.EXPIRED: Step.State.EXPIRED,
}
# What the owner of a transaction is told of the step of another; and the holder, of the own step.
_NEWS = {
    Reason.ACCEPTED: "continued",
    Reason.ATTEMPTS_EXHAUSTED: "refused",
    Reason.DECLINED: "declined",
    Reason.CANCELLED: "cancelled",
    Reason.EXPIRED: "expired",
}
_OWN_NEWS = {
    Reason.CANCELLED: "cancelled",
    Reason.EXPIRED: "expired",
}
# What concerns a token alone is over when it is signed; by a sign-in somebody has yet to come in.
_OVER = (Kind.ACTIVATION, Kind.TEST, Kind.UNLOCK)


def conclude(step: Step, message: bytes, *, actor: str, now: datetime, note: str = "") -> None:
    """Store a terminal verdict and end the step by it; ``step`` is brought up to date.

    Doing it again with the same verdict changes nothing.

    Args:
        step: As a selector gave it, with token and host.
        message: The verdict as COSE_Sign1, not yet checked.
        actor: Who brought it about, for the audit row.
        now: Timezone-aware.
        note: The holder's words, kept when the verdict says declined.

    Raises:
        AuthserverUnavailableError: the verdict is not one of this step's server on this step.
        ChainBrokenError: its time contradicts the statement's, or the step before.
    """
    verdict = _checked(step, message, now)
    changes = _ending(step, message, verdict, now)
    changes["note"] = note if verdict.reason is Reason.DECLINED else ""
    # Asked here, since no transaction may be open.
    lock = lock_of(step.token) if verdict.reason is Reason.ATTEMPTS_EXHAUSTED else None
    with transaction.atomic():
        # Compare and set: of several that bring the same verdict, one ends the step.
        ended = Step.objects.filter(pk=step.pk, state__in=Step.OPEN).update(**changes)
        if ended:
            for field, value in changes.items():
                setattr(step, field, value)
            note_receipt(bytes(changes["receipt"]), now=now)
            _tell(step, verdict, actor, now)
            _follow(step, verdict, lock, now)
            step_ended.send(Step, step=step, now=now)
    if not ended:
        step.refresh_from_db(fields=[*changes])
    elif verdict.accepted and step.kind in (Kind.ACTIVATION, Kind.UNLOCK):
        # What follows from it at a host; should that be away, it is told later.
        settle_owed(now=now, holder=step.holder)


def take_in(step: Step, message: bytes, *, now: datetime, receipt: bytes = b"") -> None:
    """Store a step that was signed before, and that this database has forgotten.

    Nobody is told anything: they were, then.

    Args:
        step: With token and host, and a transaction that may be new; not stored.
        message: Its verdict as COSE_Sign1, not yet checked.
        now: Timezone-aware.
        receipt: The one it had, where that is at hand.

    Raises:
        IntegrityError: its place is taken.
        And as :func:`conclude`.
    """
    for field, value in _ending(step, message, _checked(step, message, now), now).items():
        setattr(step, field, value)
    if receipt:
        step.receipt, step.receipt_id = receipt, identity(receipt)
    with transaction.atomic():
        if step.transaction._state.adding:
            step.transaction.save()
            # The step takes its key.
            step.transaction = step.transaction
        step.save(force_insert=True)
        note_receipt(bytes(step.receipt or b""), now=now)
        record(action="step.imported", actor="system", subject=bytes(step.s).hex(), now=now)


def _ending(step: Step, message: bytes, verdict: Verdict, now: datetime) -> dict[str, Any]:
    """Return what a verdict writes into a step, its receipt included."""
    earlier = earlier_steps(step) if step.position and verdict.accepted else []
    receipt = _receipt(step, earlier, message, verdict, now)
    return {
        "state": _STATES[verdict.reason],
        "reason": verdict.reason,
        "verdict": message,
        "decided_at": datetime.fromtimestamp(verdict.decided, UTC),
        "seq": verdict.seq,
        "link": link_digest(bytes(step.s), verdict_digest(message)) if verdict.accepted else None,
        "receipt": receipt,
        "receipt_id": identity(receipt),
    }


def _checked(step: Step, message: bytes, now: datetime) -> Verdict:
    """Return the verdict if the step's own server signed it over this very statement."""
    server = certified_server(step.token, vk=step.content.vk)
    try:
        verdict = Verdict.from_payload(cose.open_signed(message, typ=Typ.VERDICT, key=server.key))
    except ProtocolError as error:
        _alarm(step, now)
        raise AuthserverUnavailableError from error
    if verdict.s != bytes(step.s) or verdict.vk != step.content.vk:
        _alarm(step, now)
        raise AuthserverUnavailableError
    return verdict


def _alarm(step: Step, now: datetime) -> None:
    logger.error("verdict.invalid", extra={"serial": step.token.serial})
    record(
        action="verdict.refused",
        actor="system",
        subject=bytes(step.s).hex(),
        now=now,
        code="verdict_invalid",
    )


def _receipt(
    step: Step, earlier: list[Step], message: bytes, verdict: Verdict, now: datetime
) -> bytes:
    """Return the signed receipt, having asserted that it rebuilds to what is stored."""
    key = signing_key(Purpose.RECEIPT, now=now).key
    newest = as_receipt_step(step, verdict=message, decided=verdict.decided, seq=verdict.seq)
    recent = [*(stored_receipt_step(row) for row in earlier), newest]
    if verdict.accepted and clock_faults(linked.content for linked in recent):
        raise ChainBrokenError("The clocks of the two services disagree by more than a minute.")
    signed = fit_receipt(
        platform=platform_information(),
        tx=bytes(step.transaction.tx),
        length=step.position + 1,
        recent=recent,
        key=key,
        reason=verdict.reason,
    )
    stored = [*((row, bytes(row.verdict or b"")) for row in earlier), (step, message)]
    _assert_rebuilds(Receipt.from_signed(cose.parse(signed)), stored)
    return signed


def _assert_rebuilds(receipt: Receipt, stored: list[tuple[Step, bytes]]) -> None:
    rebuilt = rebuild(receipt)
    for (row, verdict), again in zip(stored[-len(rebuilt) :], rebuilt, strict=True):
        if again.verdict != verdict or again.payload != cose.parse(bytes(row.statement)).payload:
            raise ChainBrokenError("What is stored of an earlier step was changed.")


def _tell(step: Step, verdict: Verdict, actor: str, now: datetime) -> None:
    """Tell of the end of a step: audit row, webhooks, notices."""
    code = "" if verdict.accepted else verdict.reason.name.lower()
    subject = bytes(step.s).hex()
    record(action=f"step.{step.state}", actor=actor, subject=subject, now=now, code=code)
    publish(
        f"step.{step.state}",
        {
            "step": subject,
            "transaction": str(step.transaction),
            "position": step.position,
            "kind": Kind(step.kind).name.lower(),
            "receipt": step.public_receipt_id,
            "reason": verdict.reason.name.lower(),
        },
        holders={step.holder_id, step.transaction.owner_id},
        now=now,
    )
    if Kind(step.kind).is_business:
        _tell_people(step, verdict, actor, now)


def _follow(step: Step, verdict: Verdict, lock: ServerState | None, now: datetime) -> None:
    """Write what follows for tokens from the end of a step."""
    if lock is not None:
        note_lock(step.token, lock, now=now)
    if not verdict.accepted:
        return
    note_right(step.token)
    if step.kind == Kind.ACTIVATION:
        mark_active(step.token, holder=step.holder, now=now)
    elif step.kind == Kind.UNLOCK:
        owe_unlock(holder=step.holder, serial=step.content.demand.reference or "")
    if step.kind in _OVER:
        Transaction.objects.filter(pk=step.transaction_id).update(state=Transaction.State.CLOSED)


def _tell_people(step: Step, verdict: Verdict, actor: str, now: datetime) -> None:
    """Write the notices to all who do not know yet how the step ended, one to each."""
    chain = str(step.transaction)
    was_cancelled_by_holder = verdict.reason is Reason.CANCELLED and actor == step.holder.actor
    if verdict.reason in _OWN_NEWS and not was_cancelled_by_holder:
        tell_holder(step.holder, kind=_OWN_NEWS[verdict.reason], transaction=chain, now=now)
    told = {step.holder_id}
    if verdict.accepted and (step.next_holder_id or step.next_email):
        told |= _invite(step, now)
    concerned = {step.transaction.owner_id}
    if step.previous_id is not None:
        before = Step.objects.filter(pk=step.previous_id)
        concerned |= set(before.values_list("holder_id", flat=True))
    for holder in holders_by_id(concerned - told):
        if actor != holder.actor:
            tell_holder(holder, kind=_NEWS[verdict.reason], transaction=chain, now=now)


def _invite(step: Step, now: datetime) -> set[int]:
    """Tell whoever comes next; return its holder, if there is one."""
    chain = str(step.transaction)
    invited = step.next_holder or holder_by_email(step.next_email)
    if invited is not None:
        tell_holder(invited, kind="step_waits", transaction=chain, now=now)
        return {invited.pk}
    notify(kind="step_waits", email=step.next_email, transaction=chain, now=now)
    return set()
