"""Errors of the platform's own keys."""

from common.errors import DomainError


class KeysMissingError(DomainError):
    """The platform has no valid key for a purpose."""

    code = "keys_missing"
    status = 503
    title = "The platform has no valid signing keys; an operator must run create_keys."
