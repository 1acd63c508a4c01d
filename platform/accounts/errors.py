"""Errors of accounts."""

from common.errors import DomainError


class NotAuthenticatedError(DomainError):
    """No valid session or API key came with the request."""

    code = "not_authenticated"
    status = 401
    title = "Sign in, or send a valid API key."


class OwnSignInError(DomainError):
    """Operators may not shut themselves out."""

    code = "own_sign_in"
    title = "You cannot suspend your own sign-in. Another operator can."
