"""Words that others give: checked before they are kept."""

from authserver.errors import AuthserverError, Code
from protocol.errors import ProtocolError
from protocol.text import check_text


def checked(field: str, text: str, most: int) -> str:
    """Return a text of at most so many bytes, without signs that could hide others.

    Raises:
        AuthserverError: ``input_invalid``.
    """
    try:
        if text:
            check_text(field, text, most)
    except ProtocolError as error:
        raise AuthserverError(Code.INPUT_INVALID, error.detail) from error
    return text
