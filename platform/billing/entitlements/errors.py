"""Refusals of this app."""

from collections.abc import Mapping

from common.errors import DomainError, NotFoundError


class OfferEndedError(DomainError):
    """The offer was ended, or its resource is not sold any more."""

    code = "offer_ended"
    status = 410
    title = "This offer has ended."


class AlreadyOwnedError(DomainError):
    """The buyer has what the offer gives, or is about to."""

    code = "already_owned"
    title = "You have this already."


class OwnResourceError(DomainError):
    """A developer's own resource needs no purchase."""

    code = "own_resource"
    title = "This is your own resource."


class PurchaseKeyReusedError(DomainError):
    """The key named another purchase before."""

    code = "purchase_key_reused"
    status = 422
    title = "This key was used for another purchase."


class PurchaseNotPendingError(DomainError):
    """The purchase waits for nothing any more."""

    code = "purchase_not_pending"
    title = "This purchase is paid or has ended already."


class PurchaseNotPaidError(DomainError):
    """Only what is paid can be given back."""

    code = "purchase_not_paid"
    title = "This purchase is not paid, so there is nothing to give back."


class RefundTooLateError(DomainError):
    """The time for asking is over."""

    code = "refund_too_late"
    title = "The time to ask for the money back is over."


class RefundNotAskedError(DomainError):
    """Nobody asked for this refund."""

    code = "refund_not_asked"
    title = "Nobody asks for the money of this purchase."


class RefundRefusedError(DomainError):
    """The developer said no before."""

    code = "refund_refused"
    title = "The developer has refused to give the money back."


class ResourceWithdrawnError(DomainError):
    """The resource was taken out of the shop for good."""

    code = "resource_withdrawn"
    status = 410
    title = "This resource was withdrawn."


class ResourceIncompleteError(DomainError):
    """A resource without a file or without a price cannot be sold."""

    code = "resource_incomplete"
    title = "A resource needs a file and a price before it is sold."


class EntitlementStateError(DomainError):
    """The entitlement is not in a state in which this can be done."""

    code = "entitlement_state_wrong"
    title = "This cannot be done in the state in which the entitlement is."


class UploadTooLargeError(DomainError):
    """A file is larger than the setting allows."""

    code = "upload_too_large"
    status = 413
    title = "This file is too large."


class UploadEmptyError(DomainError):
    """There is nothing in the file."""

    code = "upload_empty"
    status = 422
    title = "Send a file that is not empty."


class VersionMovedError(DomainError):
    """Two files were sent at once."""

    code = "version_moved"
    title = "Another version was added at the same moment. Send the file again."


class NotPaidError(DomainError):
    """The holder has not paid for the resource; the answer says what it costs and where."""

    code = "not_paid"
    status = 402
    title = "This has to be paid for first."


class EntitlementExpiredError(DomainError):
    """The time, or the number of uses, that was paid for is over."""

    code = "entitlement_expired"
    status = 402
    title = "What was paid for is used up."


class EntitlementRefundedError(DomainError):
    """The holder has had the money back."""

    code = "entitlement_refunded"
    status = 402
    title = "The money for this was given back, so it has to be paid for again."


class EntitlementClosedError(DomainError):
    """An operator suspended what was bought, or took it away."""

    code = "entitlement_closed"
    status = 403
    title = "This was closed by an operator."


class UnknownResourceError(NotFoundError):
    """There is no such build of a resource."""

    code = "unknown_resource"
    title = "There is no such resource, or this is no copy of it as it was published."


class IdentityIncompleteError(DomainError):
    """The request does not say rightly whose device it comes from."""

    code = "identity_incomplete"
    status = 422
    title = "The request must name the account to which this device belongs."


class DeviceLimitError(DomainError):
    """The resource is in use on as many of the holder's devices as were paid for."""

    code = "device_limit"
    status = 403
    title = "This is in use on as many devices as it may be. Remove one of them first."


class RnonceUsedError(DomainError):
    """A copy asked twice with what it has to draw anew each time."""

    code = "rnonce_used"
    title = "This rnonce was used before. Draw a new one."


class StatusCodeInvalidError(DomainError):
    """Unknown; of another resource, user, device, request or key; or revoked: one answer."""

    code = "status_code_invalid"
    status = 403
    title = "This status code is not valid here."


class StatusCodeExpiredError(DomainError):
    """The code was not used within its minute."""

    code = "status_code_expired"
    status = 403
    title = "This status code has expired."


class StatusCodeUsedError(DomainError):
    """The code was used."""

    code = "status_code_used"
    title = "This status code was used before."


class RangeUnsatisfiableError(DomainError):
    """The file has no such bytes."""

    code = "range_unsatisfiable"
    status = 416
    title = "The file ends before the part that was asked for."

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    @property
    def headers(self) -> Mapping[str, str]:
        """Say how long the file is (RFC 9110 section 14.4)."""
        return {"Content-Range": f"bytes */{self.size}"}
