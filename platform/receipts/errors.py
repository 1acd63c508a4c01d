"""Errors of drawing and reading receipts."""

from common.errors import DomainError


class ImageUnreadableError(DomainError):
    """The upload is no picture, too large, or holds no QR code."""

    code = "image_unreadable"
    status = 422
    title = "There is no QR code to be read in this picture. Take it closer and straight on."


class ReceiptInvalidError(DomainError):
    """What is stored does not verify, so it is not drawn."""

    code = "receipt_invalid"
    status = 409
    title = "This receipt does not verify any more and is not shown. An operator was told."


class NotLoggedError(DomainError):
    """No receipt with this id is in the log, or it waits for it."""

    code = "receipt_not_logged"
    status = 404
    title = "This receipt is not in the log. A new one enters it within a minute."


class LogEmptyError(DomainError):
    """Nothing was logged yet."""

    code = "log_empty"
    status = 404
    title = "The log is empty: nothing was signed yet."


class LogSizeUnknownError(DomainError):
    """The log never had that size, or has not got it yet."""

    code = "log_size_unknown"
    status = 404
    title = "Two sizes that the log had are due, the smaller one first."


class LogBrokenError(DomainError):
    """What is stored of the log is not what was signed of it."""

    code = "log_broken"
    status = 503
    title = "The receipt log was changed. Run verify_log, which names the place."
