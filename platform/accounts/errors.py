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


class OperatorsOnlyError(DomainError):
    """The caller may not do this, or not even see it."""

    code = "forbidden"
    status = 403
    title = "This is for operators."


class NotYoursToManageError(DomainError):
    """The caller's role in the organisation does not allow this."""

    code = "not_yours_to_manage"
    status = 403
    title = "Your role in this organisation does not allow this."


class LastOwnerError(DomainError):
    """An organisation always has an owner."""

    code = "last_owner"
    title = "An organisation keeps at least one owner: make somebody else one first."


class AlreadyInvitedError(DomainError):
    """The address is invited, or its holder is a member."""

    code = "already_invited"
    title = "This address is invited already, or belongs to a member."


class TooManyError(DomainError):
    """There are more organisations, members or invitations than there may be."""

    code = "too_many"
    title = "There are too many of these already."


class HolderLeftError(DomainError):
    """The holder's account is being deleted, or is."""

    code = "holder_left"
    title = "This account is being deleted, and nothing brings it back."


class ClientNotAllowedError(DomainError):
    """Keys of organisations are for transactions alone."""

    code = "client_not_allowed"
    status = 403
    title = "A key of an organisation cannot do this: it is for transactions and receipts."


class NotRepresentedError(DomainError):
    """The holder does not let this organisation's programs act."""

    code = "not_represented"
    status = 403
    title = "Name a member of the organisation as holder who lets its programs act."


class PasskeyWrongError(DomainError):
    """No passkey of the person signed what was asked."""

    code = "passkey_wrong"
    status = 403
    title = "None of your passkeys confirmed this."
