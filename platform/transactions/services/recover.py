"""Take back signed steps that this database has forgotten, from a receipt that shows them.

An older copy of the database lacks what was signed since; the parties still have their receipts.
A receipt of ours is signed with our key, and shows for each step what its token's server signed:
that is all there was to know of it but who was invited to continue, and what rules the owner had
set; those come back as they are for a transaction where nobody says anything.
"""

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError

from accounts.selectors import holder_by_account
from audit.services import record
from common.errors import NotFoundError
from enrolment.errors import AuthserverUnavailableError
from enrolment.selectors import token_by_serial
from protocol import cose
from protocol.cose import Typ
from protocol.errors import ProtocolError
from protocol.keys import Purpose
from protocol.rebuild import Rebuilt, rebuild
from protocol.receipt import Receipt
from signing.services import signing_key
from transactions.errors import (
    ChainHeadMovedError,
    PreviousContentChangedError,
    PreviousStepForgottenError,
)
from transactions.models import ErasedStep, Step, Transaction
from transactions.selectors import step_by_digest
from transactions.services.conclude import conclude, take_in

if TYPE_CHECKING:
    from accounts.models import Holder
    from enrolment.models import Token

logger = logging.getLogger(__name__)


def recover_head(receipt: bytes, *, now: datetime) -> Step:
    """Return the newest step of a receipt; it, and those before it, are taken in where needed.

    Args:
        receipt: COSE bytes of a receipt of a signed step, whose signature is ours.
        now: Timezone-aware.

    Raises:
        PreviousContentChangedError: its steps are not what their tokens' servers signed, or not
            what is stored; or they were erased.
        PreviousStepForgottenError: what it builds on is not known: a holder, a token, or a step
            that it does not show.
        ChainHeadMovedError: another step has taken the place.
    """
    read = Receipt.from_signed(cose.parse(receipt))
    try:
        *earlier, newest = rebuild(read)
    except ProtocolError as error:
        raise PreviousContentChangedError from error
    before = _folded_before(read)
    for shown in earlier:
        before = _known(shown, now) or _taken_in(shown, before, now)
    return _known(newest, now) or _taken_in(newest, before, now, receipt)


def _folded_before(read: Receipt) -> Step | None:
    """Return the last step that a receipt folds away; it has to be known."""
    if read.anchor is None:
        return None
    step = Step.objects.filter(
        transaction__tx=read.tx, link=read.anchor, position=read.folded - 1
    ).first()
    if step is None:
        raise PreviousStepForgottenError
    return step_by_digest(bytes(step.s))


def _known(shown: Rebuilt, now: datetime) -> Step | None:
    """Return a step that is stored, if it ended as is shown; ``None`` when there is none."""
    if ErasedStep.objects.filter(s=shown.s).exists():
        raise PreviousContentChangedError
    try:
        step = step_by_digest(shown.s)
    except NotFoundError:
        return None
    if step.is_open:
        _conclude(step, shown, now)
    if bytes(step.verdict or b"") != shown.verdict:
        raise PreviousContentChangedError
    return step


def _conclude(step: Step, shown: Rebuilt, now: datetime) -> None:
    try:
        conclude(step, shown.verdict, actor="system", now=now)
    except AuthserverUnavailableError as error:
        # The server did not sign what the receipt says.
        raise PreviousContentChangedError from error


def _taken_in(shown: Rebuilt, before: Step | None, now: datetime, receipt: bytes = b"") -> Step:
    statement = shown.statement
    holder, token = _signer(shown)
    step = Step(
        transaction=_chain(shown, before, holder),
        position=statement.pos,
        previous=before,
        holder=holder,
        token=token,
        slot=0,
        kind=statement.demand.kind,
        s=shown.s,
        statement=cose.sign(
            signing_key(Purpose.STATEMENT, now=now).key, Typ.STATEMENT, shown.payload
        ),
        issued_at=datetime.fromtimestamp(statement.issued, UTC),
        expires_at=datetime.fromtimestamp(statement.expires, UTC),
    )
    step.content = statement
    try:
        take_in(step, shown.verdict, now=now, receipt=receipt)
    except AuthserverUnavailableError as error:
        raise PreviousContentChangedError from error
    except IntegrityError as error:
        found = _known(shown, now)
        if found is not None:
            # Somebody else showed the same receipt.
            return found
        _alarm(shown, now)
        raise ChainHeadMovedError from error
    logger.warning("step.imported", extra={"step": str(step)})
    return step_by_digest(shown.s)


def _signer(shown: Rebuilt) -> "tuple[Holder, Token]":
    statement = shown.statement
    holder = holder_by_account(statement.party.account)
    try:
        token = token_by_serial(statement.serial)
    except NotFoundError as error:
        raise PreviousStepForgottenError from error
    if holder is None or not statement.demand.kind.is_business:
        raise PreviousStepForgottenError
    return holder, token


def _chain(shown: Rebuilt, before: Step | None, holder: "Holder") -> Transaction:
    if before is not None:
        return before.transaction
    tx, begun = shown.statement.tx, datetime.fromtimestamp(shown.statement.issued, UTC)
    found = Transaction.objects.filter(tx=tx).first()
    return found or Transaction(tx=tx, owner=holder, created_at=begun)


def _alarm(shown: Rebuilt, now: datetime) -> None:
    """Two steps at one place were signed, one of them before this database was restored."""
    logger.critical("step.forked", extra={"step": shown.s.hex()})
    record(
        action="step.forked",
        actor="system",
        subject=shown.s.hex(),
        now=now,
        code=ChainHeadMovedError.code,
    )
