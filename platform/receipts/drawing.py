"""Receipts and challenges as answers: the bytes, the text, a picture of it, or a page of paper."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.http import HttpResponse

from common.errors import NotFoundError
from common.paper import Paper
from common.qrcodes import FORMS, answer
from protocol import qrtext
from protocol.qrtext import Link
from protocol.statement import Kind, Statement
from transactions.selectors_messages import challenge_text

if TYPE_CHECKING:
    from transactions.models import Step


def drawn_challenge(step: "Step", form: str) -> HttpResponse:
    """Return an open challenge in one of ``FORMS``.

    Raises:
        NotFoundError: it is not open, or there is no such form.
    """
    if not step.is_open or form not in FORMS:
        raise NotFoundError("There is no open challenge here.")
    text = challenge_text(step)
    _, bundle = qrtext.decode(text, Link.BUNDLE)
    # No reader: none of its forms is counted.
    return drawn(step, text, bundle, form, "challenge", reader="")


def drawn(
    step: "Step",
    text: str,
    content: bytes,
    form: str,
    what: str,
    *,
    reader: str,
    paper: Paper = "a4",
    earlier: Iterable[Statement] = (),
) -> HttpResponse:
    """Return a message about a step in a form of :func:`common.qrcodes.answer`.

    A test and a refusal say so in a bar above the code, and in the name of the file.

    Args:
        step: The step.
        text: Of its QR code.
        content: Its bytes.
        form: Which.
        what: What it is, for the name of the file.
        reader: Account of who asks.
        paper: Size of a PDF.
        earlier: The steps that it folds away, for a PDF.
    """
    marks = ["TEST"] if step.kind == Kind.TEST else []
    if step.reason:
        marks.append("REFUSED")
    name = "-".join([*marks, what, str(step.position + 1), str(step.transaction)])
    return answer(
        text,
        content,
        form,
        name.lower(),
        " ".join(marks),
        reader=reader,
        paper=paper,
        earlier=earlier,
    )
