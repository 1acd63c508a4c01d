"""Write operations on transactions: one module per use case."""

from transactions.services.alone import start_activation, start_test, start_unlock
from transactions.services.answer import Answer, answer_as_token, answer_step
from transactions.services.asked import Asked, Invited
from transactions.services.chain import check_part, continue_transaction, open_transaction
from transactions.services.finish import (
    cancel_transaction,
    close_transaction,
    dispute_transaction,
)
from transactions.services.head import head_of, receipt_bytes, require_turn, stored_head
from transactions.services.leaving import Unsettled, finish_leaving, leave, unsettled
from transactions.services.prove import prove_host
from transactions.services.restore import Learned, learn_from_hosts
from transactions.services.resynchronise import (
    pair_of_steps,
    resynchronise,
    start_resynchronisation,
)
from transactions.services.share import draw_message, share_message, share_receipt
from transactions.services.sign_in import (
    answer_sign_in,
    choose_sign_in,
    is_token_asked,
    sign_in_step,
    start_sign_in,
    use_sign_in,
)
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
    "Learned",
    "Unsettled",
    "answer_as_token",
    "answer_sign_in",
    "answer_step",
    "cancel_step",
    "cancel_transaction",
    "check_part",
    "choose_sign_in",
    "close_transaction",
    "continue_transaction",
    "decline_as_token",
    "decline_step",
    "dispute_transaction",
    "draw_message",
    "finish_leaving",
    "head_of",
    "is_token_asked",
    "learn_from_hosts",
    "leave",
    "open_transaction",
    "pair_of_steps",
    "prove_host",
    "receipt_bytes",
    "reconcile_steps",
    "require_turn",
    "resynchronise",
    "settle_step",
    "share_message",
    "share_receipt",
    "sign_in_step",
    "start_activation",
    "start_resynchronisation",
    "start_sign_in",
    "start_test",
    "start_unlock",
    "stored_head",
    "unsettled",
    "use_sign_in",
]
