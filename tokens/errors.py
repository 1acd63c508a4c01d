"""Errors that callers of this package are expected to handle."""


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
