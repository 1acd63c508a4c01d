"""QR codes as PNG and SVG, and read again from pictures."""

import io
import re
import warnings
from typing import Any, Literal

import zxingcpp
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathImage
from qrcode.main import QRCode
from qrcode.util import QRData

from protocol.fitting import MAX_VERSION, version_of
from receipts.errors import ImageUnreadableError

# Pixels of a module in a PNG: sharp on screens and when printed small.
MODULE_PIXELS = 8
QUIET_ZONE_MODULES = 4
# Of the bar with a mark.
BAR_MODULES = 8
MAX_IMAGE_BYTES = 1_000_000
MAX_IMAGE_PIXELS = 40_000_000
# qrcode.util's modes, as its types want them.
_MODE_NUMERIC: Literal[1] = 1
_MODE_BYTE: Literal[4] = 4
# What Pillow raises for pictures that are none, or that would fill the memory.
_UNREADABLE = (
    *(UnidentifiedImageError, OSError, ValueError, SyntaxError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)
_QR_ONLY = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


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


def read_codes(picture: bytes) -> list[str]:
    """Return the texts of all QR codes in a picture.

    Raises:
        ImageUnreadableError: it is no picture, too large, or holds no code.
    """
    if len(picture) > MAX_IMAGE_BYTES:
        raise ImageUnreadableError(f"A picture may have {MAX_IMAGE_BYTES} bytes.")
    try:
        with warnings.catch_warnings():
            # Pillow only warns of a picture that would fill the memory.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(picture), formats=("PNG", "JPEG", "WEBP", "GIF")) as image:
                if image.width * image.height > MAX_IMAGE_PIXELS:
                    raise ImageUnreadableError("The picture has too many pixels.")
                grey = image.convert("L")
    except _UNREADABLE as error:
        raise ImageUnreadableError("This is not a picture in a known format.") from error
    found = zxingcpp.read_barcodes(grey, formats=_QR_ONLY)
    if not found:
        raise ImageUnreadableError
    return [code.text for code in found]


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
