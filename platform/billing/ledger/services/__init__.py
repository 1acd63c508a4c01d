"""Write operations on money: one function per use case."""

from billing.ledger.services.movements import finish_movements, pay_out, top_up
from billing.ledger.services.payments import capture, hold, pay, refund, release
from billing.ledger.services.verify import verify_ledger
from billing.ledger.services.wallets import (
    change_payment_password,
    check_payment_password,
    forget_payment_password,
    freeze,
    is_simple_password,
    require_not_frozen,
    set_payment_password,
    thaw,
)

__all__ = [
    "capture",
    "change_payment_password",
    "check_payment_password",
    "finish_movements",
    "forget_payment_password",
    "freeze",
    "hold",
    "is_simple_password",
    "pay",
    "pay_out",
    "refund",
    "release",
    "require_not_frozen",
    "set_payment_password",
    "thaw",
    "top_up",
    "verify_ledger",
]
