"""Begin a transaction, or add the next step to one."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from binding.services import permit_if_policy_asks
from protocol.binding import Purpose
from transactions.errors import (
    ChainBrokenError,
)
from transactions.models import Step, Transaction, new_tx
from transactions.services.asked import Asked, invited_holder, statement_of, usable_token
from transactions.services.challenge import put_challenge
from transactions.services.head import clear_way, head_of, require_turn

if TYPE_CHECKING:
    from accounts.models import Holder


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
    token = usable_token(holder, asked)
    invited_holder(asked.next)
    statement_of(chain, head, holder, token, asked, now)
