"""Get the text of a code: as given, from a text file, or from a picture of its QR code."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from tokens.errors import RefusedError

if TYPE_CHECKING:
    from PIL.Image import Image

# A photograph from a phone fits; what is larger is refused unread.
MAX_FILE_BYTES = 8 * 2**20
MAX_PIXELS = 20_000_000
PICTURE_FORMATS = ("PNG", "JPEG", "WEBP")


def read_code(given: str) -> str:
    """Return the text of a code.

    Args:
        given: The text itself (a URL), or the path of a file with the text or with a picture of
            the QR code in PNG, JPEG or WebP.

    Raises:
        RefusedError: ``file_unreadable``, ``too_large``, ``not_an_image``, ``qr_code_missing`` or
            ``qr_code_ambiguous``.
    """
    if given.lstrip().lower().startswith(("http:", "https:")):
        return given
    data = _read_file(given)
    if data.lstrip()[:4].lower() == b"http":
        # What is not ASCII is no code of ours, which the reader of the text finds out.
        return data.decode("ascii", errors="replace")
    return read_picture(data)


def read_picture(data: bytes) -> str:
    """Return the text of the one QR code in a picture.

    Raises:
        RefusedError: ``too_large``, ``not_an_image``, ``qr_code_missing`` or
            ``qr_code_ambiguous``.
    """
    return _scan(_open_picture(data))


def _read_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise RefusedError(
            "file_unreadable", f"neither a code nor a file that can be read: {error.strerror}"
        ) from error
    except ValueError as error:
        raise RefusedError("file_unreadable", "neither a code nor the name of a file") from error
    if len(data) > MAX_FILE_BYTES:
        raise RefusedError("too_large", f"the file is larger than {MAX_FILE_BYTES} bytes")
    return data


def _open_picture(data: bytes) -> "Image":
    # Only here: most codes come as text, and the command should start quickly.
    from PIL import Image

    with _damage_refused(), warnings.catch_warnings():
        # Pillow warns of sizes that are refused in a moment.
        warnings.simplefilter("ignore")
        picture = Image.open(BytesIO(data), formats=PICTURE_FORMATS)
    if picture.width * picture.height > MAX_PIXELS:
        raise RefusedError("too_large", f"the picture has more than {MAX_PIXELS} pixels")
    with _damage_refused():
        colours = picture.convert("RGBA")
    paper = Image.new("RGBA", colours.size, "white")
    return Image.alpha_composite(paper, colours).convert("L")


@contextmanager
def _damage_refused() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a damaged picture makes Pillow raise whatever it likes
        raise RefusedError(
            "not_an_image", "the file is damaged, or not a picture in PNG, JPEG or WebP"
        ) from error


def _scan(picture: "Image") -> str:
    import zxingcpp

    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    found = zxingcpp.read_barcodes(picture, formats=formats)
    texts = {code.text for code in found}
    if not texts:
        raise RefusedError("qr_code_missing", "no QR code was found in the picture")
    if len(texts) > 1:
        raise RefusedError("qr_code_ambiguous", "there are several QR codes in the picture")
    return texts.pop()
