"""The one error of this service, and every code it can carry."""

from enum import Enum
from http import HTTPStatus


class Code(Enum):
    """Codes on the wire, in lower case, each with its HTTP status and its usual sentence."""

    # Requests that cannot be read.
    JSON_INVALID = 400, "The body is not a JSON object in UTF-8."
    REQUEST_MALFORMED = 400, "The request cannot be read."
    NOT_FOUND = 404, "There is nothing at this address."
    METHOD_NOT_ALLOWED = 405, "This address does not take that method."
    TOO_LARGE = 413, "A request may hold 64 KiB."
    INPUT_INVALID = 422, "A field breaks its rule."
    # Who asks, and for what.
    NOT_AUTHENTICATED = 401, "The key is missing or not known here."
    SERVER_UNKNOWN = 404, "The caller has no such server."
    SERIAL_UNKNOWN = 404, "There is no such token in the caller's stock."
    VERDICT_UNKNOWN = 404, "No verdict is stored for this statement."
    # Pairing and enrolment.
    SUITE_INVALID = 422, "This is not a suite."
    SUITE_REFUSED = 422, "A token with this suite may not be enrolled."
    CERTIFICATE_INVALID = 422, "The certificate of the statement key is not valid."
    SHARE_INVALID = 422, "The token's share is not a usable key."
    TICKET_UNKNOWN = 404, "This enrolment is not open: it was finished, has expired, or never was."
    TICKET_USED = 409, "The enrolment is void: another device used it, or the digits differed."
    DIGITS_WRONG = 422, "The eight digits are not those of the token."
    ENROLMENT_VOID = 409, "The digits were wrong three times. The enrolment is void; begin again."
    STATE_CONFLICT = 409, "The server's state does not allow this."
    # Moves between hosts.
    SERVER_MOVED = 409, "The server has moved to another host."
    HOST_UNTRUSTED = 409, "The two hosts do not trust each other: trust_host, at both."
    OFFER_INVALID = 422, "The offer is not a trusted host's for this server, or is too old."
    PACKAGE_INVALID = 422, "The package does not hold a server for this host."
    # Verdicts.
    STATEMENT_INVALID = 422, "The statement is not valid."
    KIND_REFUSED = 422, "Statements of this kind are not answered here."
    WRONG_AUTHSERVER = 409, "The statement is addressed to another server."
    TOKEN_NOT_PAIRED = 409, "The statement is addressed to a token that is not paired with this."
    TAG_WRONG = 403, "The tag is not the token's."
    TOKEN_NOT_ACTIVE = 409, "The token is not active."
    TOKEN_LOCKED = 423, "The token is locked."
    CHALLENGE_EXPIRED = 410, "The challenge has expired."
    CHALLENGE_OPEN = 409, "The challenge has not expired yet."
    RESPONSE_MALFORMED = 422, "A response has exactly the token's number of digits, 0 to 9."
    RESPONSE_REPLAYED = 409, "The statement was accepted with another response."
    PROOF_GIVEN = 409, "Another challenge was answered for this statement."
    QUESTION_REUSED = 409, "The token answered the same question before. Make a new challenge."
    # Our own trouble: safe to repeat.
    INTERNAL_ERROR = 500, "Something went wrong here. It is safe to repeat the request."
    HOST_ROLLED_BACK = 503, "This host has lost verdicts that the caller has seen."
    UNAVAILABLE = 503, "The database does not answer. It is safe to repeat the request."
    NOT_READY = 503, "This host is not ready."

    def __init__(self, status: int, sentence: str) -> None:
        self.status = HTTPStatus(status)
        self.sentence = sentence


class AuthserverError(Exception):
    """A request is refused, or cannot be served.

    Args:
        code: Why.
        detail: One sentence for people, free of secrets; the code's own when empty.
        extra: Further members of the problem document, never secret.
    """

    def __init__(self, code: Code, detail: str = "", **extra: object) -> None:
        super().__init__(code.name.lower())
        self.code = code
        self.detail = detail or code.sentence
        self.extra = extra


class KeyProviderError(Exception):
    """A key-encryption key cannot be had; the one argument says why, free of secrets."""
