"""Errors of the platform's own keys."""

from common.errors import DomainError


class RootKeyInvalidError(DomainError):
    """The file of the root key does not hold one."""

    code = "root_key_invalid"
    status = 503
    title = "The file of the platform's root key does not hold a key of 32 bytes."


class KeysMissingError(DomainError):
    """The platform has no valid key for a purpose."""

    code = "keys_missing"
    status = 503
    title = "The platform has no valid signing keys; an operator must run create_keys."
