"""QR codes as PNG and SVG, and read again from pictures."""

import io
import re
import warnings
from typing import Any, Literal

import zxingcpp
from PIL import Image, UnidentifiedImageError
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathImage
from qrcode.main import QRCode
from qrcode.util import QRData

from protocol.fitting import MAX_VERSION, version_of
from receipts.errors import ImageUnreadableError

# Pixels of a module in a PNG: sharp on screens and when printed small.
MODULE_PIXELS = 8
QUIET_ZONE_MODULES = 4
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


def draw_png(text: str) -> bytes:
    """Draw one of our links as a PNG: error level M, no logo, at most version 25."""
    out = io.BytesIO()
    _code(text).make_image().save(out, "PNG")
    return out.getvalue()


def draw_svg(text: str) -> bytes:
    """Draw one of our links as an SVG, dark on white also where pages are dark."""
    out = io.BytesIO()
    _code(text).make_image(image_factory=SvgPathImage).save(out)
    size = (_code_modules(text) + 2 * QUIET_ZONE_MODULES) * MODULE_PIXELS / 10
    background = f'<rect width="{size:g}mm" height="{size:g}mm" fill="#fff"/>'
    return re.sub(rb"(<svg[^>]*>)", rb"\1" + background.encode(), out.getvalue(), count=1)


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
