"""Refusals of this app (flows.md, D); those of the payment password are the ledger's."""

from collections.abc import Mapping

from common.errors import CommandRefusedError, DomainError, NotFoundError


class PackageUnknownError(NotFoundError):
    """There is no such package, or no such build of it."""

    code = "package_unknown"
    title = "There is no such application, or no such build of it."


class FolderInvalidError(CommandRefusedError):
    """The folder of an application holds what may not be packed."""

    code = "package_folder_invalid"
    status = 422
    title = "The folder holds a link, or what is no file, or more than 4096 files."


class PriceListInvalidError(CommandRefusedError):
    """A list of prices cannot be read; each bad line is named."""

    code = "price_list_invalid"
    status = 422
    title = "The list of prices cannot be read."


class BuildsExhaustedError(CommandRefusedError):
    """The number of a build has 16 bits, and all are taken."""

    code = "builds_exhausted"
    title = "This package has as many builds as there are numbers. Make a new package."


class BuildRevokedError(DomainError):
    """The build may not bill any more."""

    code = "build_revoked"
    status = 410
    title = "This build of the application was revoked. Download the newest one."


class DecryptFailedError(DomainError):
    """The request does not open: another package's key, another channel, or damaged."""

    code = "decrypt_failed"
    status = 400
    title = "This billing request cannot be opened."


class RequestIncompleteError(DomainError):
    """A part of the request is missing, such as one of the two results."""

    code = "request_incomplete"
    status = 400
    title = "This billing request lacks a part."


class TerminalUnknownError(DomainError):
    """The terminal is not registered, or not the one that sends."""

    code = "terminal_unknown"
    status = 403
    title = "This terminal is not registered for billing."


class NonceReusedError(DomainError):
    """The request's number was used before, or never given out, or is over."""

    code = "nonce_reused"
    title = "This billing request was made before."


class IntegrityRefusedError(DomainError):
    """The comparisons do not satisfy the terminal's level, or nothing backs them.

    ``reason`` says which, for the audit alone.
    """

    code = "integrity_refused"
    status = 403
    title = "This application was changed, or cannot show that it was not."

    def __init__(self, reason: str = "") -> None:
        super().__init__()
        self.reason = reason or self.code


class ItemUnknownError(DomainError):
    """The build's billing file has no such item."""

    code = "item_unknown"
    status = 422
    title = "This build sells no such item."


class AmountMismatchError(DomainError):
    """The amount is not the price of the build's billing file."""

    code = "amount_mismatch"
    status = 422
    title = "This is not the item's price."


class ConsentMissingError(DomainError):
    """The payer was not asked, or did not agree."""

    code = "consent_missing"
    status = 403
    title = "Nothing is charged without the payer's consent."


class SenderMismatchError(DomainError):
    """The SMS does not come from the number that is bound to the terminal."""

    code = "sender_mismatch"
    status = 403
    title = "This message does not come from the terminal's own number."


class StrategyUnavailableError(DomainError):
    """This way of proving is not open to this request."""

    code = "strategy_unavailable"
    title = "This way of confirming is not possible here."


class OnlineRequiredError(DomainError):
    """The request has to be confirmed by the terminal itself, on-line."""

    code = "online_required"
    status = 403
    title = "The terminal has to come on-line to confirm this."


class RequestClosedError(DomainError):
    """The request waits for nothing any more."""

    code = "request_closed"
    title = "This billing request has ended."


class RequestExpiredError(DomainError):
    """The time to prove it is over."""

    code = "request_expired"
    status = 410
    title = "The time to confirm this is over."


class CaptchaWrongError(DomainError):
    """Not what the image shows; each image is good for one try."""

    code = "captcha_wrong"
    status = 403
    title = "This is not what the image shows."


class SmsCodeWrongError(DomainError):
    """Not the code that was sent."""

    code = "sms_code_wrong"
    status = 403
    title = "This is not the code that was sent."


class SmsCodeExpiredError(DomainError):
    """The code is over, or its tries are used up."""

    code = "sms_code_expired"
    status = 410
    title = "This code is not valid any more."


class AttestationRefusedError(DomainError):
    """The maker's service does not vouch for this terminal."""

    code = "attestation_refused"
    status = 403
    title = "The device's maker does not vouch for this application."


class RuleInvalidError(DomainError):
    """The rule says nothing, or of nothing."""

    code = "rule_invalid"
    status = 422
    title = "This cannot be a rule."


class RuleEndedError(DomainError):
    """There is no such rule in force."""

    code = "rule_ended"
    title = "There is no such rule in force."


class NotRaisedError(DomainError):
    """The terminal is not raised, or was raised anew since it was asked to be lowered."""

    code = "terminal_not_raised"
    title = "This terminal is not raised, or was raised again since."


class AttestationUnavailableError(DomainError):
    """The maker's service gives no usable answer; nothing is known, and nothing was used up."""

    code = "attestation_unavailable"
    status = 503
    title = "The device's maker cannot be asked just now. Try again in a moment."

    @property
    def headers(self) -> Mapping[str, str]:
        """Say when to come again (RFC 9110 section 10.2.3)."""
        return {"Retry-After": "5"}


class AttestationUnsupportedError(DomainError):
    """Nobody said what the application is called there, or whom to ask."""

    code = "attestation_unsupported"
    status = 422
    title = "This application is not attested by this provider."


class NotCapturedError(DomainError):
    """Nothing was charged, or the money is back already."""

    code = "charge_not_captured"
    title = "Nothing was charged, or it was paid back already."


class DisputeTooLateError(DomainError):
    """The time to dispute a charge is over."""

    code = "dispute_too_late"
    status = 410
    title = "The time to dispute this charge is over."


class DisputeKnownError(DomainError):
    """A charge is disputed once."""

    code = "dispute_known"
    title = "This charge was disputed before."


class DisputeClosedError(DomainError):
    """There is no dispute, or it was answered before."""

    code = "dispute_closed"
    title = "There is no open dispute about this charge."
