"""Errors of the platform's own keys."""

from common.errors import CommandRefusedError, DomainError


class RootKeyInvalidError(CommandRefusedError):
    """The file of the root key does not hold one, or another one than our keys have."""

    code = "root_key_invalid"
    status = 503
    title = "The file of the platform's root key does not hold a key of 32 bytes."


class KeysFullError(CommandRefusedError):
    """A directory with one more certificate could not be read."""

    code = "keys_full"
    status = 409
    title = "The directory has no room for more keys; make only those that are needed (--only)."


class KeyUnknownError(CommandRefusedError):
    """The platform has no key of that id."""

    code = "key_unknown"
    status = 404
    title = "The platform has no such key; platform_keys lists them."


class KeyInUseError(CommandRefusedError):
    """Without that key the platform could not sign for a purpose."""

    code = "key_in_use"
    status = 409
    title = "No other key could sign for this purpose; make one first (create_keys --only)."


class EndRefusedError(CommandRefusedError):
    """A key cannot end at that time."""

    code = "end_refused"
    status = 422
    title = "A key ends now or before, and never later than was said already."


class KeysMissingError(DomainError):
    """The platform has no valid key for a purpose."""

    code = "keys_missing"
    status = 503
    title = "The platform has no valid signing keys; an operator must run create_keys."
