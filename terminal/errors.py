"""Errors that callers of this package are expected to handle."""

from collections.abc import Mapping
from typing import Any

from tokens.errors import RefusedError


class TerminalError(RefusedError):
    """Something is refused, by the platform or by this terminal; the text is one clear sentence.

    Attributes:
        code: Stable.
        members: The platform's problem document (RFC 9457); empty for a refusal of our own.
    """

    def __init__(self, code: str, sentence: str, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, sentence)
        self.members: Mapping[str, Any] = members or {}


class OperationProhibited(TerminalError):  # noqa: N818 (the flow's own word for it)
    """A resource may not be operated; nothing of it was opened."""
