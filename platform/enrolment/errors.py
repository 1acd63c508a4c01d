"""Errors of enrolment, and of talking to an authentication server."""

from common.errors import DomainError


class AuthserverUnavailableError(DomainError):
    """No usable answer came; nothing is known, and trying again is safe."""

    code = "authserver_unavailable"
    status = 503
    title = "The authentication server cannot be reached just now. Nothing was lost: try again."


class HostRolledBackError(AuthserverUnavailableError):
    """The host knows less than it did before: an older database was restored there."""

    code = "host_rolled_back"
    title = "The authentication server was restored from a backup and is not ready. Try later."


class ServerMovedError(DomainError):
    """The paired server has left the host that was asked.

    Attributes:
        origin: Of the host where it went.
    """

    code = "server_moved"
    title = "The token's server has moved to another host."

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.origin = origin


class HostInUseError(DomainError):
    """The host's state does not allow this, or tokens still live there."""

    code = "host_in_use"
    title = "Tokens still live at this host: drain it first."


class NoHostError(DomainError):
    """No authentication server takes new tokens."""

    code = "no_host"
    status = 503
    title = "No authentication server takes new tokens just now."


class HostInvalidError(DomainError):
    """A host's keys are not what was pinned."""

    code = "host_invalid"
    status = 422
    title = "The host's keys do not fit the root that was pinned."


class TokenNotActiveError(DomainError):
    """The token cannot answer in its state."""

    code = "token_not_active"
    title = "This token is not active."


class TokenSignsInOnlyError(DomainError):
    """The token takes no question, so nothing can be bound to its code."""

    code = "token_signs_in_only"
    title = "This token can only sign its holder in."


class OnlyHostUnlocksError(DomainError):
    """The platform has lifted a block of this token within 30 days already."""

    code = "only_host_unlocks"
    title = "This token was unblocked within 30 days: only the host's own operator can unlock it."


class SerialUnknownError(DomainError):
    """No host has a token of this serial in stock, or it is another holder's: nobody is told."""

    code = "serial_unknown"
    status = 404
    title = "There is no token of this serial to be had."

    def __init__(self) -> None:
        super().__init__(field="serial")


class TooManySerialsError(DomainError):
    """The holder tried too many serials, or has too many tokens that wait."""

    code = "too_many_serials"
    status = 429
    title = "Activate the tokens you have taken first; after ten unknown serials, wait an hour."


class SuiteNotAllowedError(DomainError):
    """The policy does not allow tokens of this suite."""

    code = "suite_not_allowed"
    status = 422
    title = "Tokens with this suite are not used here."


class SelfAssignmentError(DomainError):
    """The policy has operators alone give tokens from stock to holders."""

    code = "self_assignment_off"
    status = 403
    title = "Tokens from stock are given out by an operator here."


class PolicyChangedError(DomainError):
    """Somebody else changed the policy first."""

    code = "policy_changed"
    title = "The policy was changed meanwhile. Look at it again, then change it."


class ApprovalWaitsError(DomainError):
    """The same was asked for before, and nobody has decided yet."""

    code = "approval_waits"
    title = "This waits for a second operator already."


class ApprovalClosedError(DomainError):
    """It was decided, withdrawn, or out of time; or whoever asked is no operator any more."""

    code = "approval_closed"
    title = "This does not wait for a decision any more."


class OwnApprovalError(DomainError):
    """Nobody decides on what the same person asked for."""

    code = "own_approval"
    status = 403
    title = "A second operator has to decide: you asked for this yourself."


class SecondOperatorMissingError(DomainError):
    """With one operator alone, nothing would ever be approved."""

    code = "second_operator_missing"
    title = "There is no second operator, so nothing could ever be approved."


class AuthserverRefusedError(DomainError):
    """The authentication server refused, with a code of its own that is passed on."""

    def __init__(self, *, code: str, status: int, detail: str, **extra: object) -> None:
        super().__init__(detail, **extra)
        self.code = code  # type: ignore[misc]  # passed on, so it varies
        self.status = status  # type: ignore[misc]


class TwoPersonsNeededError(DomainError):
    """The policy wants two operators of the platform for this."""

    code = "two_persons_needed"
    status = 403
    title = "Here two operators of the platform have to agree to this: ask them."
