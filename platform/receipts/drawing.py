"""Receipts and challenges as answers: the bytes, the text, or a picture of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpResponse

from common.errors import NotFoundError
from protocol import qrtext
from protocol.qrtext import Link
from protocol.statement import Kind
from receipts import images
from transactions.selectors import challenge_text

if TYPE_CHECKING:
    from transactions.models import Step

FORMS = {
    "cbor": "application/cose",
    "txt": "text/plain; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
}


def drawn_challenge(step: "Step", form: str) -> HttpResponse:
    """Return an open challenge in one of ``FORMS``.

    Raises:
        NotFoundError: it is not open, or there is no such form.
    """
    if not step.is_open or form not in FORMS:
        raise NotFoundError("There is no open challenge here.")
    text = challenge_text(step)
    _, bundle = qrtext.decode(text, Link.BUNDLE)
    return drawn(step, text, bundle, form, "challenge")


def drawn(step: "Step", text: str, content: bytes, form: str, what: str) -> HttpResponse:
    """Return a message about a step in one of ``FORMS``; pictures of a test say so.

    Args:
        step: The step.
        text: Of its QR code.
        content: Its bytes.
        form: Which.
        what: What it is, for the name of the file.
    """
    mark = "TEST" if step.kind == Kind.TEST else ""
    draw: dict[str, Callable[[str], bytes]] = {
        "png": lambda text: images.draw_png(text, mark),
        "svg": lambda text: images.draw_svg(text, mark),
        "txt": str.encode,
    }
    body = draw[form](text) if form in draw else content
    marks = [mark.lower()] if mark else []
    name = "-".join([*marks, what, str(step.position + 1), str(step.transaction)])
    response = HttpResponse(body, content_type=FORMS[form])
    response["Content-Disposition"] = f'inline; filename="{name}.{form}"'
    return response
