"""Why money is not moved; the codes go on the wire."""

from common.errors import DomainError


class FundsInsufficientError(DomainError):
    """There is less money than is to be moved."""

    code = "funds_insufficient"
    status = 402
    title = "There is not enough money."


class AmountInvalidError(DomainError):
    """An amount is not above zero, too large, or of an unknown currency."""

    code = "amount_invalid"
    status = 422
    title = "The amount must be above zero and in a known currency."


class OwnPayeeError(DomainError):
    """Payer and payee are one."""

    code = "own_payee"
    status = 422
    title = "Nobody pays to themselves."


class LedgerKeyReusedError(DomainError):
    """A key named another booking before."""

    code = "ledger_key_reused"
    status = 422
    title = "This key was used for another booking."


class PaymentNotHeldError(DomainError):
    """The money of a payment is not held any more: it was captured or released."""

    code = "payment_not_held"
    title = "The money of this payment is not held any more."


class PaymentNotCapturedError(DomainError):
    """There is nothing to refund: the payment was never captured."""

    code = "payment_not_captured"
    title = "Only a payment that was captured can be refunded."


class RefundExceedsError(DomainError):
    """All refunds together would pass what was captured."""

    code = "refund_exceeds"
    title = "Refunds cannot pass what was paid."


class NotThePayeeError(DomainError):
    """Only who was paid gives money back."""

    code = "not_the_payee"
    status = 403
    title = "Only who was paid can give the money back."


class AccountFrozenError(DomainError):
    """An operator froze the wallet."""

    code = "account_frozen"
    status = 403
    title = "This account is frozen."


class PaypassNotSetError(DomainError):
    """The holder has not chosen a payment password yet."""

    code = "paypass_not_set"
    title = "Set a payment password first."


class PaypassWrongError(DomainError):
    """The payment password is wrong; ``tries_left`` says how many more may be."""

    code = "paypass_wrong"
    status = 403
    title = "The payment password is wrong."


class PaypassLockedError(DomainError):
    """Too many wrong payment passwords; ``until`` says when the next may be tried."""

    code = "paypass_locked"
    status = 423
    title = "The payment password is locked, because it was wrong too often."


class PaypassWeakError(DomainError):
    """The new payment password is too easy to guess."""

    code = "paypass_weak"
    status = 422
    title = "This payment password is too easy to guess, too short or too long."


class CapExceededError(DomainError):
    """It would pass what the holder lets be spent."""

    code = "cap_exceeded"
    status = 403
    title = "This would pass the spending limit."
