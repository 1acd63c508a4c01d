"""The one way an app refuses a request."""

from collections.abc import Mapping
from typing import Any, ClassVar

from protocol.errors import ProtocolError


class DomainError(Exception):
    """A request is refused.  Subclasses fix ``code``, ``status`` and ``title``.

    Args:
        detail: One sentence for people; the class's title when empty.
        extra: Further members of the problem document, never secret.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The request is refused."
    # What the audit alone says, in place of the code and of the path that was called.
    audit_code: str = ""
    audit_subject: str = ""

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extra = extra

    @property
    def headers(self) -> Mapping[str, str]:
        """Further headers of the answer."""
        return {}


class CommandRefusedError(DomainError):
    """A command of an operator's is refused; no request is ever answered by one of these."""


class NotFoundError(DomainError):
    """There is no such thing, or it is not for the caller to see."""

    code = "not_found"
    status = 404
    title = "There is no such thing here."


class FileUnavailableError(DomainError):
    """The store has lost a file, or cannot be reached."""

    code = "file_unavailable"
    status = 503
    title = "The file cannot be read just now. Try again later."


class FontsMissingError(DomainError):
    """This machine has no font for a page of paper in the reader's language."""

    code = "fonts_missing"
    status = 503
    title = (
        "No PDF can be drawn here: the server lacks a font. Take the picture. An operator "
        "installs fonts-dejavu-core and fonts-wqy-microhei, or names others in PDF_FONTS."
    )


class RateLimitedError(DomainError):
    """Too much was asked for in a short while; ``seconds`` says when to come again."""

    code = "rate_limited"
    status = 429
    title = "Too many requests. Wait a while."

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds

    @property
    def headers(self) -> Mapping[str, str]:
        """Say when to come again (RFC 9110 section 10.2.3)."""
        return {"Retry-After": str(self.seconds)}


class NumberInvalidError(DomainError):
    """A phone number is none."""

    code = "number_invalid"
    status = 422
    title = "This is no phone number. Write it with its country, such as +44 7700 900123."


class InputInvalidError(DomainError):
    """A field breaks a rule; its code is the protocol's."""

    status = 422
    title = "The input is not valid."

    def __init__(self, error: ProtocolError) -> None:
        counted = {"excess": error.excess} if error.excess else {}
        detail = f"{error.detail[:1].upper()}{error.detail[1:]}."
        super().__init__(detail, field=error.field, **counted)
        self.code = error.code  # type: ignore[misc]  # the one error whose code varies
