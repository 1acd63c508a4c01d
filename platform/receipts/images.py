"""QR codes read from pictures."""

import io
import warnings

import zxingcpp
from PIL import Image, UnidentifiedImageError

from receipts.errors import ImageUnreadableError

MAX_IMAGE_BYTES = 1_000_000
MAX_IMAGE_PIXELS = 40_000_000
# No photograph or screen is as long; of more than 65,535 the reader of codes would fail.
MAX_IMAGE_SIDE = 30_000
# What Pillow raises for pictures that are none, or that would fill the memory.
_UNREADABLE = (
    *(UnidentifiedImageError, OSError, ValueError, SyntaxError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)


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
                width, height = image.size
                if width * height > MAX_IMAGE_PIXELS or max(width, height) > MAX_IMAGE_SIDE:
                    raise ImageUnreadableError("The picture has too many pixels.")
                grey = image.convert("L")
    except _UNREADABLE as error:
        raise ImageUnreadableError("This is not a picture in a known format.") from error
    # Made for each call: one that lives as long as the module is complained of when Python ends.
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    found = zxingcpp.read_barcodes(grey, formats=formats)
    if not found:
        raise ImageUnreadableError
    return [code.text for code in found]
