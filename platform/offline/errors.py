"""Refusals of this app (flows.md, E)."""

from typing import Any

from common.errors import DomainError, NotFoundError


class _ReasonedError(DomainError):
    """Of several reasons; the audit alone says which."""

    def __init__(self, reason: str = "", **extra: Any) -> None:
        super().__init__(**extra)
        self.audit_code = reason


class UnknownClientError(_ReasonedError):
    """No client has this id, or not this key, or it may authorize nothing any more."""

    code = "unknown_client"
    status = 403
    title = "This phone is not registered to authorize without a network."


class SerialReusedError(DomainError):
    """The application, or the one-way code, was used before."""

    code = "serial_reused"
    title = "This application was used before."


class SerialStaleError(_ReasonedError):
    """The counter is not above the last one, or the client's clock is far off."""

    code = "serial_stale"
    title = "This application is too old, or the phone's clock is wrong."


class ServiceDeniedError(DomainError):
    """There is no such service, or not for this client, or not at this device."""

    code = "service_denied"
    status = 403
    title = "This service is not there for this phone."


class LimitExceededError(DomainError):
    """It would pass a limit of the client or of the one-way code."""

    code = "limit_exceeded"
    status = 403
    title = "This would pass the limit of this phone."


class TbsExpiredError(DomainError):
    """The time to sign is over, or it was never asked for."""

    code = "tbs_expired"
    status = 410
    title = "The time to confirm is over. Ask again."


class CountersignInvalidError(_ReasonedError):
    """Signature or offline password are wrong."""

    code = "countersign_invalid"
    status = 403
    title = "This was not confirmed by the phone and the person it belongs to."


class LevelRequiredError(DomainError):
    """The offline password is due, and was not proved."""

    code = "level_required"
    status = 403
    title = "This needs the offline password."


class OfflinePasswordLockedError(DomainError):
    """Too many wrong ones."""

    code = "offline_password_locked"
    status = 423
    title = "The offline password is locked. Unlock it on-line, in the settings."


class OfflinePasswordNotSetError(DomainError):
    """The offline password is due, and there is none."""

    code = "offline_password_not_set"
    status = 403
    title = "This needs the offline password, which is set on-line, in the settings."


class OfflinePasswordWeakError(DomainError):
    """The new offline password is too easy to guess, or is another one of the holder's."""

    code = "offline_password_weak"
    status = 422
    title = "This offline password is too easy to guess, or in use for something else."


class ClientStateError(DomainError):
    """Not as the client stands."""

    code = "client_state_wrong"
    title = "This is not possible as the phone stands."


class AuthorizationWaitsError(DomainError):
    """The token's response is with its authentication server; the same may be asked again."""

    code = "authorization_waits"
    status = 503
    title = "This is being looked at. Ask again in a moment."


class AuthorizationRefusedError(DomainError):
    """What refused a token's response; its code is that of whoever did."""

    status = 403
    title = "This was not approved."

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(**extra)
        self.code = code  # type: ignore[misc]  # that of another refusal


class DeviceNotTrustedError(DomainError):
    """The device that relays stands at no service, or no more."""

    code = "device_not_trusted"
    status = 403
    title = "This device is not set up for a service."


class ServiceUnknownError(NotFoundError):
    """The owner has no such service."""

    code = "service_unknown"
    title = "There is no such service."


class ClientUnknownError(NotFoundError):
    """The holder has no such client."""

    code = "client_unknown"
    title = "There is no such phone."


class ServiceEndedError(DomainError):
    """The service was ended by its owner, for good."""

    code = "service_ended"
    title = "This service has ended."


class RelayElsewhereError(DomainError):
    """The device stands at another service of its owner."""

    code = "relay_elsewhere"
    title = "This device stands at another service. Take it away there first."


class AccountUnknownError(DomainError):
    """Nobody has the account for which a service should be there."""

    code = "account_unknown"
    status = 422
    title = "Nobody has this account number."
