"""Write operations on transactions: one module per use case."""

from transactions.services.answer import Answer, answer_as_token, answer_step
from transactions.services.challenge import (
    Asked,
    Invited,
    continue_transaction,
    open_transaction,
    start_activation,
)
from transactions.services.finish import (
    cancel_transaction,
    close_transaction,
    dispute_transaction,
)
from transactions.services.withdraw import (
    cancel_step,
    decline_as_token,
    decline_step,
    reconcile_steps,
)

__all__ = [
    "Answer",
    "Asked",
    "Invited",
    "answer_as_token",
    "answer_step",
    "cancel_step",
    "cancel_transaction",
    "close_transaction",
    "continue_transaction",
    "decline_as_token",
    "decline_step",
    "dispute_transaction",
    "open_transaction",
    "reconcile_steps",
    "start_activation",
]
