"""Refusals of this app."""

from collections.abc import Mapping

from common.errors import DomainError, NotFoundError


class DeviceProofInvalidError(DomainError):
    """No valid proof of possession came with the request; one answer, whatever is wrong."""

    code = "device_proof_invalid"
    status = 401
    title = "Send a fresh proof by the key of a device that is known here."

    @property
    def headers(self) -> Mapping[str, str]:
        """Say which proofs are taken (RFC 9449 section 7.1)."""
        return {"WWW-Authenticate": 'DPoP algs="EdDSA"'}


class DeviceCodeInvalidError(DomainError):
    """The code adds no device: unknown, used or expired."""

    code = "device_code_invalid"
    status = 403
    title = "This code adds no device. Ask for a new one; it lives ten minutes."


class DeviceKnownError(DomainError):
    """The key belongs to a device that is, or was, registered."""

    code = "device_known"
    title = "This key is registered already. A device that was removed makes new keys."


class TooManyDevicesError(DomainError):
    """A holder has as many devices as anybody may."""

    code = "too_many_devices"
    title = "There are twenty devices already: remove one first."


class NotBoundError(DomainError):
    """The device has no chip, SIM and number bound to it."""

    code = "not_bound"
    status = 403
    title = "This phone is not bound. Register it first."


class BindingRefusedError(DomainError):
    """Chip, SIM and number are not those that are bound; which of them is not said."""

    code = "binding_refused"
    status = 403
    title = "This is not the phone, SIM and number that are bound."


class BindingSuspendedError(DomainError):
    """The binding is suspended."""

    code = "binding_suspended"
    status = 423
    title = "This phone is suspended."


class AlreadyBoundError(DomainError):
    """Chip, SIM, number or device is bound, and not for the caller to bind anew."""

    code = "already_bound"
    title = "This chip, SIM, number or device is bound already."


class RegistrationNumberMismatchError(DomainError):
    """The number that was typed is not the one of the SIM."""

    code = "reg_number_mismatch"
    status = 422
    title = "The registration number is not the number of the SIM in this phone."


class NoSimError(DomainError):
    """There is no SIM in the phone."""

    code = "no_sim"
    status = 422
    title = "There is no SIM in this phone."


class ChipProofInvalidError(DomainError):
    """What the chip should have signed is not there, or the chip is unknown: one answer."""

    code = "chip_proof_invalid"
    status = 403
    title = "The security chip did not prove itself."


class ChipCounterReplayError(DomainError):
    """The chip's counter did not rise: an old signature, or a copy of the chip."""

    code = "chip_counter_replay"
    status = 409
    title = "The counter of the security chip did not rise."


class SimRecentlySwappedError(DomainError):
    """The carrier gave the number to another SIM a short while ago."""

    code = "sim_recently_swapped"
    status = 403
    title = "The SIM of this number was swapped a short while ago."


class CarrierUnavailableError(DomainError):
    """The carrier does not say whether the SIM was swapped; in doubt, no."""

    code = "carrier_unavailable"
    status = 503
    title = "The carrier cannot be asked just now. Try again."


class SmsCodeWrongError(DomainError):
    """Not the code that was sent."""

    code = "sms_code_wrong"
    status = 403
    title = "This is not the code that was sent."


class SmsCodeExpiredError(DomainError):
    """The code is too old, was used, or was guessed at too often."""

    code = "sms_code_expired"
    status = 410
    title = "This code is over. Register the phone again."


class TooManyTriesError(DomainError):
    """Too much was asked for in a short while."""

    code = "rate_limited"
    status = 429
    title = "Too many tries. Wait a while."

    @property
    def headers(self) -> Mapping[str, str]:
        """Say when to try again (RFC 9110 section 10.2.3)."""
        return {"Retry-After": str(self.extra["retry_after"])}


class CoolingOffError(DomainError):
    """The phone that is bound did not agree, and the time to object is not over."""

    code = "cooling_off"
    title = "This has to wait, so that whoever has the other phone can object."


class BindingStateError(DomainError):
    """The binding is not in a state for this."""

    code = "binding_state_wrong"
    title = "This is not possible as the binding stands."


class PermitRequiredError(DomainError):
    """The policy wants a fresh permit of a bound phone."""

    code = "permit_required"
    status = 403
    title = "A fresh permit of a bound phone is needed."


class RecipientNotBoundError(NotFoundError):
    """Nobody's bound phone has the number."""

    code = "recipient_not_bound"
    title = "No bound phone has this number."


class MessageInvalidError(DomainError):
    """The sender's chip did not sign it, or it names other numbers: one answer."""

    code = "message_invalid"
    status = 422
    title = "This is no message of this phone's chip to that number."


class ChipListInvalidError(DomainError):
    """A manufacturer's list cannot be read, or contradicts what is listed."""

    code = "chip_list_invalid"
    status = 422
    title = "The list of chips cannot be read."
