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
