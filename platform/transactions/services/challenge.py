"""Put a challenge: sign the statement, and store it as an open step."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from enrolment.selectors import policy
from protocol import cose
from protocol.cose import Typ
from protocol.keys import Purpose as KeyPurpose
from signing.services import signing_key
from transactions.errors import (
    ChainHeadMovedError,
    TooManyChallengesError,
    TransactionClosedError,
)
from transactions.models import Step, Transaction
from transactions.selectors import recent_steps, step_by_digest
from transactions.services.asked import Asked, invited_holder, statement_of, usable_token
from transactions.services.withdraw import expire_step

if TYPE_CHECKING:
    from accounts.models import Holder
    from enrolment.models import Token

MAX_CHALLENGES_PER_HOUR = 10
# Three slots may each be lost to somebody else; the next look finds none free, and says so.
_TRIES = Step.MAX_OPEN_PER_TOKEN + 1


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
        As :func:`transactions.services.chain.open_transaction`.
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
        As :func:`transactions.services.chain.continue_transaction`.
    """
    token = usable_token(holder, asked, states)
    invited = invited_holder(asked.next)
    statement = statement_of(chain, head, holder, token, asked, now)
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
