"""What a fake camera sees: a picture that somebody holds in front of it by hand."""

import io
import math
from pathlib import Path

from PIL import Image, ImageFilter

SIZE = (1280, 720)
FRAMES = 20
TABLE_GREY = 90
# How long what is seen may take to be read: a busy machine plays, decodes and searches slowly.
CAMERA_MS = 90_000


def film(picture: Image.Image | bytes, path: Path, *, share: float = 0.9) -> Path:
    """Write a film of a picture that drifts, tilts and is out of focus now and then.

    Args:
        picture: Such as a QR code: an image, or the bytes of a PNG.
        path: To be written, as JPEGs one after the other, which Chromium plays in a loop.
        share: Which part of the picture's height it fills.

    Returns:
        ``path``, for ``new_visitor(camera=…)``.
    """
    if isinstance(picture, bytes):
        picture = Image.open(io.BytesIO(picture))
    side = round(SIZE[1] * share)
    held = picture.convert("L").resize((side, side), Image.Resampling.LANCZOS)
    path.write_bytes(b"".join(_jpeg(_frame(held, number / FRAMES)) for number in range(FRAMES)))
    return path


def _frame(held: Image.Image, when: float) -> Image.Image:
    """Return what is seen at one moment of the round, from 0 to 1."""
    sway, bob = math.sin(math.tau * when), math.cos(2 * math.tau * when)
    tilted = held.rotate(
        4 * sway, expand=True, resample=Image.Resampling.BICUBIC, fillcolor=TABLE_GREY
    )
    frame = Image.new("L", SIZE, TABLE_GREY)
    x = (SIZE[0] - tilted.width) // 2 + round(40 * sway)
    y = (SIZE[1] - tilted.height) // 2 + round(10 * bob)
    frame.paste(tilted, (x, y))
    # In focus for half of the time.
    return frame.filter(ImageFilter.GaussianBlur(max(0.0, 2.5 * bob)))


def _jpeg(frame: Image.Image) -> bytes:
    buffer = io.BytesIO()
    frame.convert("RGB").save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
