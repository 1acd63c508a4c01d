"""Write operations on transactions: one module per use case."""

from transactions.services.answer import Answer, answer_as_token, answer_step
from transactions.services.challenge import (
    Asked,
    Invited,
    check_part,
    continue_transaction,
    open_transaction,
    start_activation,
)
from transactions.services.finish import (
    cancel_transaction,
    close_transaction,
    dispute_transaction,
)
from transactions.services.head import head_of, receipt_bytes, require_turn, stored_head
from transactions.services.withdraw import (
    cancel_step,
    decline_as_token,
    decline_step,
    reconcile_steps,
    settle_step,
)

__all__ = [
    "Answer",
    "Asked",
    "Invited",
    "answer_as_token",
    "answer_step",
    "cancel_step",
    "cancel_transaction",
    "check_part",
    "close_transaction",
    "continue_transaction",
    "decline_as_token",
    "decline_step",
    "dispute_transaction",
    "head_of",
    "open_transaction",
    "receipt_bytes",
    "reconcile_steps",
    "require_turn",
    "settle_step",
    "start_activation",
    "stored_head",
]
