"""How a transaction stands for one holder: the rules alone; whoever asks brings the rows."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from common.errors import DomainError
from protocol.statement import Kind
from transactions.errors import NotYourTurnError, TransactionClosedError
from transactions.models import Step, Transaction

if TYPE_CHECKING:
    from accounts.models import Holder

MAX_UNSUCCESSFUL_PER_HEAD = 2
DISPUTABLE = (Transaction.State.OPEN, Transaction.State.CLOSED)


def refusal_of_turn(head: Step, holder: "Holder") -> DomainError | None:
    """Say why a holder may not continue behind a signed step, as far as the step itself tells.

    Returns:
        ``TransactionClosedError`` or ``NotYourTurnError``, to be raised; ``None`` when it may.
    """
    chain = head.transaction
    if chain.state != Transaction.State.OPEN:
        return TransactionClosedError()
    is_invited = (
        head.next_holder_id == holder.pk
        if head.next_holder_id
        else bool(head.next_email) and head.next_email == holder.user.email
    )
    is_restricted = bool(head.next_holder_id or head.next_email) or not chain.is_open_to_anyone
    # The owner of a closed circle may always add a step of its own.
    if is_restricted and not is_invited and chain.owner_id != holder.pk:
        return NotYourTurnError("Somebody else was invited to continue.")
    if head.holder_id == holder.pk and not chain.may_repeat_holder:
        return NotYourTurnError("You signed the step before; the next party continues.")
    return None


def may_close(chain: Transaction, head: Step | None, holder: "Holder") -> bool:
    """Tell whether a holder may close a transaction: its owner, or the last signer if allowed."""
    is_last_signer = head is not None and head.holder_id == holder.pk
    return chain.owner_id == holder.pk or (chain.last_signer_may_close and is_last_signer)


@dataclass(frozen=True)
class Entry:
    """A step as one holder sees it at one moment.

    Attributes:
        step: With token and holder.
        state: That of the step; ``overdue`` when time is up but the step is not settled yet.
        is_own: Whether the holder is the one who signs it.
    """

    step: Step
    state: str
    is_own: bool

    @classmethod
    def of(cls, step: Step, holder: "Holder", now: datetime) -> "Entry":
        """Look at a step."""
        is_late = step.state == Step.State.CHALLENGED and step.is_overdue(now)
        return cls(step, "overdue" if is_late else step.state, step.holder_id == holder.pk)


@dataclass(frozen=True)
class Standing:
    """A transaction with all its steps, and what a holder may do with it at one moment.

    Attributes:
        chain: The transaction.
        steps: In order, those that came to nothing included.
        holder: Who looks.
        now: Timezone-aware.
    """

    chain: Transaction
    steps: list[Step]
    holder: "Holder"
    now: datetime

    @cached_property
    def entries(self) -> list[Entry]:
        """Every step as the holder sees it now."""
        return [Entry.of(step, self.holder, self.now) for step in self.steps]

    @cached_property
    def signed(self) -> list[Step]:
        """The steps that stand, in order."""
        return [step for step in self.steps if step.is_signed]

    @cached_property
    def head(self) -> Step | None:
        """The step to continue from: the last signed one."""
        return self.signed[-1] if self.signed else None

    @cached_property
    def current(self) -> Step | None:
        """The step that is under way, if one is."""
        open_steps = (step for step in self.steps if step.is_open)
        return next((step for step in open_steps if not step.is_overdue(self.now)), None)

    @property
    def is_owner(self) -> bool:
        """Whether the holder began the transaction."""
        return self.chain.owner_id == self.holder.pk

    @property
    def is_business(self) -> bool:
        """Whether it is a chain that people continue, rather than a token's activation."""
        return Kind(self.steps[0].kind).is_business

    @property
    def is_waiting_for_next(self) -> bool:
        """Whether the next party may begin."""
        is_open = self.chain.state == Transaction.State.OPEN
        return is_open and self.head is not None and self.current is None

    @property
    def can_continue(self) -> bool:
        """Whether the holder may add the next step now."""
        if self.head is None or not self.is_waiting_for_next:
            return False
        unsuccessful = [
            step
            for step in self.steps
            if step.position > self.head.position and step.holder_id == self.holder.pk
        ]
        return (
            len(unsuccessful) < MAX_UNSUCCESSFUL_PER_HEAD
            and refusal_of_turn(self.head, self.holder) is None
        )

    @property
    def can_close(self) -> bool:
        """Whether the holder may say that no step follows any more."""
        return (
            self.is_waiting_for_next
            and not any(step.is_open for step in self.steps)
            and may_close(self.chain, self.head, self.holder)
        )

    @property
    def can_cancel(self) -> bool:
        """Whether the holder may call the whole off."""
        is_open = self.chain.state == Transaction.State.OPEN
        return is_open and self.is_owner and bool(self.head or self.current)

    @property
    def can_dispute(self) -> bool:
        """Whether the holder may say that something here is wrong."""
        return self.chain.state in DISPUTABLE and self.head is not None
