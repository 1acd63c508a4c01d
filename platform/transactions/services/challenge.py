"""Make a step: freeze what is asked, sign the statement, and put the challenge."""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from accounts.selectors import holder_by_account
from binding.services import permit_if_policy_asks
from common.errors import InputInvalidError, NotFoundError
from enrolment.errors import TokenNotActiveError, TokenSignsInOnlyError
from enrolment.selectors import policy, token_of
from protocol import cose
from protocol.binding import Purpose
from protocol.cose import Typ
from protocol.errors import ProtocolError
from protocol.fields import NONCE_BYTES
from protocol.fitting import require_room
from protocol.keys import Purpose as KeyPurpose
from protocol.statement import (
    CLOCK_LEEWAY_SECONDS,
    Demand,
    Kind,
    Party,
    Sight,
    Statement,
)
from protocol.text import normalise
from signing.services import platform_information, signing_key
from transactions.errors import (
    ChainBrokenError,
    ChainHeadMovedError,
    HolderUnknownError,
    TokenNotPairedError,
    TooManyChallengesError,
    TransactionClosedError,
)
from transactions.limits import require_allowed
from transactions.models import Step, Transaction, new_tx
from transactions.selectors import recent_steps, step_by_digest, stored_receipt_step
from transactions.services.head import clear_way, head_of, require_turn
from transactions.services.withdraw import expire_step

if TYPE_CHECKING:
    from accounts.models import Holder
    from enrolment.models import Token

MAX_CHALLENGES_PER_HOUR = 10
# What a card may be asked that shows one code after the other and takes no question.
_WITHOUT_QUESTION = ("activation", "login")
# Three slots may each be lost to somebody else; the next look finds none free, and says so.
_TRIES = Step.MAX_OPEN_PER_TOKEN + 1


@dataclass(frozen=True, slots=True)
class Invited:
    """Who comes next: a holder by account, an e-mail address, or nobody named."""

    account: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one party puts into its step, as it came in.

    Attributes:
        demand: Fields of :class:`protocol.statement.Demand`; ``kind`` by name.
        remark: The holder's word on the demand.
        serial: Which of the holder's tokens answers.
        next: Who is invited to continue.
        ttl: Life of the challenge in seconds; ``None`` for what the policy says.
    """

    demand: dict[str, Any]
    remark: str
    serial: str
    next: Invited = Invited()
    ttl: int | None = None


def open_transaction(
    *,
    holder: "Holder",
    asked: Asked,
    now: datetime,
    is_open_to_anyone: bool = True,
    may_repeat_holder: bool = False,
    last_signer_may_close: bool = False,
    tx: bytes | None = None,
    permit: str | None = None,
) -> Step:
    """Begin a transaction with its first step.

    Args:
        holder: Who begins it.
        asked: The holder's part.
        now: Timezone-aware.
        is_open_to_anyone: Whether whoever holds the receipt may continue.
        may_repeat_holder: Whether one holder may sign two steps in a row.
        last_signer_may_close: Whether the last signer may, beside the owner.
        tx: Its id, 8 random bytes, where the caller has noted it before; one is drawn otherwise.
        permit: Of a bound phone, where the policy wants one; ``None`` for any fresh one.

    Returns:
        The step, challenged.

    Raises:
        InputInvalidError: a field breaks a rule, or the whole does not fit.
        TokenNotPairedError, TokenNotActiveError, TooManyChallengesError: the token cannot answer.
        KindNotAllowedError, AmountAboveLimitError, LifetimeAboveLimitError: the policy forbids it.
        PermitRequiredError: the policy wants a permit, and there is none.
    """
    chain = Transaction(
        owner=holder,
        is_open_to_anyone=is_open_to_anyone,
        may_repeat_holder=may_repeat_holder,
        last_signer_may_close=last_signer_may_close,
        created_at=now,
        tx=tx or new_tx(),
    )
    use_permit = partial(
        permit_if_policy_asks, holder=holder, purpose=Purpose.STEP, permit=permit, now=now
    )
    return put_challenge(
        chain=chain, head=None, holder=holder, asked=asked, now=now, use_permit=use_permit
    )


def continue_transaction(
    *,
    holder: "Holder",
    tx: bytes,
    receipt: bytes,
    asked: Asked,
    now: datetime,
    permit: str | None = None,
) -> Step:
    """Add the next step behind the one whose receipt the holder scanned.

    Args:
        holder: Who continues.
        tx: The transaction the holder believes it continues.
        receipt: The scanned COSE bytes; nothing a page parsed of them is trusted.
        asked: The holder's part.
        now: Timezone-aware.
        permit: As :func:`open_transaction` has it.

    Raises:
        ReceiptNotOursError, ReceiptSignatureInvalidError, PreviousStepUnsignedError,
        PreviousContentChangedError, ChainBrokenError: the receipt is no base for a step.
        ChainHeadMovedError: somebody else continued first.
        NotYourTurnError, TransactionClosedError: the holder may not continue, or nobody may.
        And as :func:`open_transaction`.
    """
    head = head_of(receipt)
    if bytes(head.transaction.tx) != tx:
        raise ChainBrokenError("The receipt belongs to another transaction.")
    require_turn(head, holder)
    return put_challenge(
        chain=head.transaction,
        head=head,
        holder=holder,
        asked=asked,
        now=now,
        clear=lambda: clear_way(head, holder, now),
        use_permit=partial(
            permit_if_policy_asks, holder=holder, purpose=Purpose.STEP, permit=permit, now=now
        ),
    )


def check_part(*, holder: "Holder", asked: Asked, now: datetime, head: Step | None = None) -> None:
    """Refuse what a party has written so far, as making the step would, but make nothing.

    Args:
        holder: Who writes.
        asked: The part.
        now: Timezone-aware.
        head: The step to continue from; ``None`` for the first of a transaction.

    Raises:
        As :func:`open_transaction`, except for what depends on other steps.
    """
    chain = head.transaction if head else Transaction(owner=holder, created_at=now)
    token = _usable_token(holder, asked)
    _invited(asked.next)
    _statement(chain, head, holder, token, asked, now)


def ask_alone(
    *,
    holder: "Holder",
    asked: Asked,
    now: datetime,
    states: Collection[str] = ("active",),
    most_open: int | None = None,
) -> Step:
    """Ask a token what concerns it alone: the transaction has this one step, and no next.

    Args:
        holder: Who is asked.
        asked: What; not of a kind that a chain has.
        now: Timezone-aware.
        states: In which the token may be.
        most_open: As :func:`put_challenge` has it.

    Raises:
        As :func:`open_transaction`.
    """
    chain = Transaction(owner=holder, is_open_to_anyone=False, created_at=now)
    return put_challenge(
        chain=chain,
        head=None,
        holder=holder,
        asked=asked,
        now=now,
        states=states,
        most_open=most_open,
    )


def put_challenge(
    *,
    chain: Transaction,
    head: Step | None,
    holder: "Holder",
    asked: Asked,
    now: datetime,
    clear: Callable[[], None] = lambda: None,
    states: Collection[str] = ("active",),
    most_open: int | None = None,
    use_permit: Callable[[], object] = lambda: None,
) -> Step:
    """Freeze and sign what is asked, and store it as an open step.

    Args:
        chain: The transaction; stored with the step if it is new.
        head: The signed step before; ``None`` for the first.
        holder: Who is asked.
        asked: What.
        now: Timezone-aware.
        clear: Makes sure that nobody holds the place, and refuses otherwise.
        states: In which the token may be.
        most_open: How many challenges the token may have open; what the policy says when none.
        use_permit: Uses up a permit with the step, or refuses.

    Raises:
        As :func:`open_transaction` and :func:`continue_transaction`.
    """
    token = _usable_token(holder, asked, states)
    invited = _invited(asked.next)
    statement = _statement(chain, head, holder, token, asked, now)
    key = signing_key(KeyPurpose.STATEMENT, now=now).key
    step = Step(
        transaction=chain,
        position=statement.pos,
        previous=head,
        holder=holder,
        token=token,
        kind=statement.demand.kind,
        s=statement.digest,
        statement=cose.sign(key, Typ.STATEMENT, statement.payload()),
        issued_at=datetime.fromtimestamp(statement.issued, UTC),
        expires_at=datetime.fromtimestamp(statement.expires, UTC),
        next_holder=invited,
        next_email=asked.next.email,
    )
    step.content = statement
    # A slot or the head may be taken between looking and writing: the constraints decide, and
    # looking again says who was first.
    for _ in range(_TRIES):
        clear()
        step.slot = _free_slot(token, now, most_open or policy().open_challenges)
        if _insert(step, use_permit):
            return step
    raise ChainHeadMovedError


def _insert(step: Step, use_permit: Callable[[], object]) -> bool:
    """Write a step, and its transaction if that is new; ``False`` when its place was taken."""
    chain = step.transaction
    is_new = chain.pk is None
    try:
        with transaction.atomic():
            if is_new:
                chain.save()
                step.transaction = chain
            else:
                _hold_open(chain)
            use_permit()
            step.save()
    except IntegrityError:
        step.pk = None
        if is_new:
            chain.pk = None
        return False
    return True


def _hold_open(chain: Transaction) -> None:
    """Keep a transaction from being closed or cancelled until the step is written.

    SQLite knows no row locks: there BEGIN IMMEDIATE has made every other writer wait already.

    Raises:
        TransactionClosedError: it was closed meanwhile.
    """
    row = Transaction.objects.select_for_update().filter(pk=chain.pk)
    if row.values_list("state", flat=True).first() != Transaction.State.OPEN:
        raise TransactionClosedError


def _usable_token(
    holder: "Holder", asked: Asked, states: Collection[str] = ("active",)
) -> "Token":
    try:
        token = token_of(holder=holder, serial=asked.serial)
    except NotFoundError as error:
        raise TokenNotPairedError from error
    if token.state not in states:
        raise TokenNotActiveError(f"This token is {token.state}, not {' or '.join(states)}.")
    if not token.can_sign and asked.demand.get("kind") not in _WITHOUT_QUESTION:
        raise TokenSignsInOnlyError
    return token


def _statement(
    chain: Transaction,
    head: Step | None,
    holder: "Holder",
    token: "Token",
    asked: Asked,
    now: datetime,
) -> Statement:
    """Return the statement; its nonce is drawn last, when nothing can change any more."""
    try:
        statement = Statement(
            platform=platform_information(),
            tx=bytes(chain.tx),
            pos=head.position + 1 if head else 0,
            prev=bytes(head.link or b"") if head else None,
            party=Party(holder.account, normalise(asked.remark), holder.name or None),
            demand=_demand(asked.demand),
            serial=token.serial,
            vk=bytes(token.vk),
            sight=Sight(token.sight),
            nonce=secrets.token_bytes(NONCE_BYTES),
            issued=int(now.timestamp()),
            ttl=policy().ttl_seconds if asked.ttl is None else asked.ttl,
        )
        before = stored_receipt_step(head) if head else None
        require_room(statement=statement, before=before.content if before else None)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    require_allowed(token, statement.demand, statement.ttl)
    if before and statement.issued < before.content.decided - CLOCK_LEEWAY_SECONDS:
        raise ChainBrokenError("The step before is dated in the future.")
    return statement


def _demand(fields: dict[str, Any]) -> Demand:
    named: dict[str, Any] = {
        name: normalise(value) if isinstance(value, str) else value
        for name, value in fields.items()
        if value not in (None, "")
    }
    kind = str(named.pop("kind", "")).upper()
    if kind not in Kind.__members__:
        raise ProtocolError("value_out_of_range", "kind is unknown", "kind")
    return Demand(Kind[kind], **named)


def _invited(invited: Invited) -> "Holder | None":
    if not invited.account:
        return None
    holder = holder_by_account(invited.account)
    if holder is None or holder.leaving_at is not None:
        raise HolderUnknownError
    return holder


def _free_slot(token: "Token", now: datetime, most_open: int) -> int:
    """Return a free slot of the token; challenges past their time make room.

    Raises:
        TooManyChallengesError: as many are open as may be, or ten were made within the hour.
    """
    hour_ago = now - timedelta(hours=1)
    recent = recent_steps(token_id=token.pk, since=hour_ago)
    if sum(step.issued_at > hour_ago for step in recent) >= MAX_CHALLENGES_PER_HOUR:
        raise TooManyChallengesError
    taken = set()
    for step in recent:
        if step.is_overdue(now):
            expire_step(step_by_digest(bytes(step.s)), now=now)
        elif step.is_open:
            taken.add(step.slot)
    free = [slot for slot in range(most_open) if slot not in taken]
    if not free:
        raise TooManyChallengesError
    return free[0]
