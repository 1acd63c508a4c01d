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


class AuthserverRefusedError(DomainError):
    """The authentication server refused, with a code of its own that is passed on."""

    def __init__(self, *, code: str, status: int, detail: str, **extra: object) -> None:
        super().__init__(detail, **extra)
        self.code = code  # type: ignore[misc]  # passed on, so it varies
        self.status = status  # type: ignore[misc]
