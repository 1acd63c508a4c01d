"""Errors that callers of this package are expected to handle."""

from enum import StrEnum


class TokenError(Exception):
    """Base of this package's errors.  ``code`` is stable and goes on the wire.

    No message ever holds a seed, a PIN or a response.
    """

    code = "token_error"


class SuiteInvalidError(TokenError):
    """The text is not a suite that RFC 6287 allows."""

    code = "suite_invalid"


class QuestionInvalidError(TokenError):
    """The question does not fit the suite, or none can be derived for it."""

    code = "question_invalid"


class DataInputError(TokenError):
    """A counter, PIN, session or time step is missing, superfluous or out of range."""

    code = "data_input_invalid"


class SeedInvalidError(TokenError):
    """The seed cannot be used."""

    code = "seed_invalid"


class VectorFileError(TokenError):
    """A file of known answers cannot be read, or is not of a kind we can check."""

    code = "vector_file_invalid"


class RefusedError(TokenError):
    """A token, or its command, refuses what it was given; the text is one clear sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class BatchProblem(StrEnum):
    """Why a file of tokens, or one token in it, is refused; the values are stable."""

    # The file as a whole.
    FORMAT_UNKNOWN = "format_unknown"
    TOO_LARGE = "too_large"
    XML_INVALID = "xml_invalid"
    XML_FORBIDDEN = "xml_forbidden"
    NOT_PSKC = "not_pskc"
    VERSION_UNKNOWN = "version_unknown"
    KEY_NEEDED = "key_needed"
    PASSWORD_NEEDED = "password_needed"  # noqa: S105 (the name of a problem)
    KEY_WRONG = "key_wrong"
    DERIVATION_INVALID = "derivation_invalid"
    # The file, or one token.
    ELEMENT_INVALID = "element_invalid"
    VALUE_INVALID = "value_invalid"
    ALGORITHM_MISSING = "algorithm_missing"
    ALGORITHM_UNKNOWN = "algorithm_unknown"
    KEY_LENGTH_WRONG = "key_length_wrong"
    # One token.
    ROW_INVALID = "row_invalid"
    SECRET_MISSING = "secret_missing"  # noqa: S105 (the name of a problem)
    SECRET_OUT_OF_REACH = "secret_out_of_reach"  # noqa: S105 (the name of a problem)
    MAC_MISSING = "mac_missing"
    MAC_METHOD_MISSING = "mac_method_missing"
    MAC_WRONG = "mac_wrong"
    SERIAL_MISSING = "serial_missing"
    SERIAL_INVALID = "serial_invalid"
    KIND_UNSUPPORTED = "kind_unsupported"
    SUITE_REFUSED = "suite_refused"
    SEED_REFUSED = "seed_refused"
    COUNTER_REFUSED = "counter_refused"
    TIME_REFUSED = "time_refused"
    POLICY_REFUSED = "policy_refused"
    EXPIRED = "expired"
    # One token, beside others.
    REPEATED = "repeated"
    STORED_BEFORE = "stored_before"


class BatchError(TokenError):
    """A file of tokens, or one token in it, is refused; the text is one clear sentence."""

    def __init__(self, code: BatchProblem, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code.value
        self.problem = code
