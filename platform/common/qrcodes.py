"""QR codes as pictures, and as answers: the bytes, the text, or a picture of it."""

import io
import re
from collections.abc import Iterable
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from PIL import Image, ImageDraw, ImageFont
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathImage
from qrcode.main import QRCode
from qrcode.util import QRData

from common.limits import count
from common.paper import Paper
from common.sheets import sheet_of
from protocol.fitting import MAX_VERSION, version_of
from protocol.statement import Statement

FORMS = {
    "cbor": "application/cose",
    "txt": "text/plain; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
}
# Of what is kept: a challenge, open for minutes, is not for paper.
RECEIPT_FORMS = {**FORMS, "pdf": "application/pdf"}
# Pages that somebody has drawn in a minute; one takes about half a second.
PAGES = 10
# Pixels of a module in a PNG: sharp on screens and when printed small.
MODULE_PIXELS = 8
QUIET_ZONE_MODULES = 4
# Of the bar with a mark.
BAR_MODULES = 8
# qrcode.util's modes, as its types want them.
_MODE_NUMERIC: Literal[1] = 1
_MODE_BYTE: Literal[4] = 4


def answer(
    text: str,
    content: bytes,
    form: str,
    name: str,
    mark: str = "",
    *,
    reader: str,
    paper: Paper = "a4",
    earlier: Iterable[Statement] = (),
) -> HttpResponse:
    """Return a message in one of ``FORMS``, a receipt in one of ``RECEIPT_FORMS``.

    Args:
        text: Of its QR code.
        content: Its bytes.
        form: Which.
        name: Of the file, without its ending.
        mark: As in :func:`draw_png`.
        reader: Account of who asks, whose PDFs are counted.
        paper: Size of a PDF.
        earlier: As in :func:`common.sheets.sheet_of`, for a PDF.

    Raises:
        RateLimitedError: of PDFs, the reader asked for ``PAGES`` within the minute.
        FontsMissingError: a PDF is wanted, and no font has its words.
    """
    match form:
        case "pdf":
            count("pdf", reader, most=PAGES)
            # What writes PDFs takes longer to import than all else here, and few ask for one.
            from common.pdf import draw_sheet

            body = draw_sheet(sheet_of(content, earlier), draw_png(text), paper)
        case "png":
            body = draw_png(text, mark)
        case "svg":
            body = draw_svg(text, mark)
        case "txt":
            body = text.encode()
        case _:
            body = content
    response = HttpResponse(body, content_type=RECEIPT_FORMS[form])
    response["Content-Disposition"] = f'inline; filename="{name}.{form}"'
    return response


def asked_paper(request: HttpRequest) -> Paper:
    """Return what ``?paper=`` of a page says."""
    return "letter" if request.GET.get("paper") == "letter" else "a4"


def draw_png(text: str, mark: str = "") -> bytes:
    """Draw one of our links as a PNG: error level M, no logo, at most version 25.

    Args:
        text: The link.
        mark: A word in a black bar above the code, beyond its quiet zone; ASCII.
    """
    out = io.BytesIO()
    code: Image.Image = _code(text).make_image().get_image()
    (_marked(code, mark) if mark else code).save(out, "PNG")
    return out.getvalue()


def draw_svg(text: str, mark: str = "") -> bytes:
    """Draw one of our links as an SVG, dark on white also where pages are dark; else as a PNG."""
    out = io.BytesIO()
    _code(text).make_image(image_factory=SvgPathImage).save(out)
    size = (_code_modules(text) + 2 * QUIET_ZONE_MODULES) * MODULE_PIXELS / 10
    bar = BAR_MODULES * MODULE_PIXELS / 10 if mark else 0
    # Drawn above what was the picture, which stays as it is.
    head = (
        f'<svg width="{size:g}mm" height="{size + bar:g}mm" version="1.1" '
        f'viewBox="0 {-bar:g} {size:g} {size + bar:g}" xmlns="http://www.w3.org/2000/svg">'
        f'<rect width="{size:g}" height="{size:g}" fill="#fff"/>'
    )
    if mark:
        head += (
            f'<rect y="{-bar:g}" width="{size:g}" height="{bar:g}"/><text x="{size / 2:g}" '
            f'y="{-bar / 4:g}" fill="#fff" font-family="sans-serif" font-size="{bar * 0.7:g}" '
            f'font-weight="bold" text-anchor="middle">{mark}</text>'
        )
    return re.sub(rb"<svg[^>]*>", head.encode(), out.getvalue(), count=1)


def _marked(code: Image.Image, mark: str) -> Image.Image:
    """Return a code with a word in a black bar above it."""
    bar = BAR_MODULES * MODULE_PIXELS
    picture = Image.new("1", (code.width, code.height + bar))
    picture.paste(code, (0, bar))
    ImageDraw.Draw(picture).text(
        (code.width / 2, bar / 2),
        mark,
        fill=1,
        font=ImageFont.load_default(bar * 0.7),
        anchor="mm",
    )
    return picture


def _code(text: str) -> "QRCode[Any]":
    """Return the symbol: one byte segment up to ``#``, one numeric segment behind it."""
    head = text.index("#") + 1
    code = QRCode(
        version=version_of(text),
        error_correction=ERROR_CORRECT_M,
        box_size=MODULE_PIXELS,
        border=QUIET_ZONE_MODULES,
    )
    code.add_data(QRData(text[:head].encode("ascii"), mode=_MODE_BYTE), optimize=0)
    code.add_data(QRData(text[head:].encode("ascii"), mode=_MODE_NUMERIC), optimize=0)
    code.make(fit=False)
    if code.version != version_of(text) or code.version > MAX_VERSION:
        raise AssertionError("the symbol is not of the version that was computed")
    return code


def _code_modules(text: str) -> int:
    return 17 + 4 * (version_of(text) or MAX_VERSION)
