"""``python bench/scan.py``: what the reader makes of receipts on bad pictures.

Draws receipts of every version and error level, spoils each picture in one way after another, and
gives it to :func:`receipts.images.read_codes` as an upload would.  Prints a table, and ends with
status 1 if any text was read wrongly, or if a receipt as the product draws it (level M) was not
read from a plain picture 400 pixels wide.
"""

import argparse
import io
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from statistics import NormalDist

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps
from qrcode.constants import ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q
from qrcode.image.pil import PilImage
from qrcode.main import QRCode
from qrcode.util import BIT_LIMIT_TABLE, QRData

from common.qrcodes import MODULE_PIXELS, QUIET_ZONE_MODULES, draw_png
from protocol import qrtext
from protocol.qrtext import Link
from receipts.errors import ImageUnreadableError
from receipts.images import read_codes
from tests.protocol.world import PLATFORM, chain, receipt_of

LEVELS = {"L": ERROR_CORRECT_L, "M": ERROR_CORRECT_M, "Q": ERROR_CORRECT_Q}
VERSIONS = range(10, 26)
# Of the picture of the whole symbol with its quiet zone.
WIDTHS = (320, 400, 500, 600, 700)
QUICK_VERSIONS, QUICK_WIDTHS = (10, 25), (400,)
# Mode and character count of a byte segment and a numeric one, from version 10 on.
_HEADER_BITS = (4 + 16) + (4 + 12)
_DESK = 90  # the grey that a symbol lies on
_MARGIN = 0.15  # of the symbol's width, around it

Picture = Image.Image
Change = Callable[[Picture], Picture]


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="bench/scan.py", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two versions on 400 pixels")
    options = parser.parse_args()
    started = time.perf_counter()
    found = measure(QUICK_VERSIONS, QUICK_WIDTHS) if options.quick else measure()
    print(table(found))
    print(f"\n{sum(found.tried.values())} pictures in {time.perf_counter() - started:.0f} s")
    for problem in found.problems():
        print(problem, file=sys.stderr)
    sys.exit(any(found.problems()))


@dataclass(frozen=True, slots=True)
class Case:
    """One picture: which symbol, how wide, and what was done to it."""

    version: int
    level: str
    width: int
    harm: str


class Found:
    """What was read of how many pictures, and which were read wrongly."""

    def __init__(self) -> None:
        self.tried: Counter[Case] = Counter()
        self.read: Counter[Case] = Counter()
        self.wrong: list[Case] = []

    def add(self, case: Case, text: str, texts: Sequence[str]) -> None:
        """Count a picture of ``text`` in which these were read."""
        self.tried[case] += 1
        self.read[case] += text in texts
        if any(other != text for other in texts):
            self.wrong.append(case)

    def share(self, **wanted: object) -> float:
        """Return what part of the pictures with such fields was read."""
        cases = [
            case
            for case in self.tried
            if all(getattr(case, name) == value for name, value in wanted.items())
        ]
        return sum(self.read[case] for case in cases) / sum(self.tried[case] for case in cases)

    def problems(self) -> Iterator[str]:
        """Yield what must not be."""
        yield from (f"WRONG TEXT: {case}" for case in self.wrong)
        for case in self.tried:
            promised = case.level == "M" and case.width >= 400 and case.harm == "none"
            if promised and not self.read[case]:
                yield f"NOT READ: {case}"


def measure(versions: Sequence[int] = VERSIONS, widths: Sequence[int] = WIDTHS) -> Found:
    """Read every symbol on every width after every harm."""
    found = Found()
    for version in versions:
        for level in LEVELS:
            text = text_of(version, level)
            symbol = draw(text, version, level)
            for harm, (before, after) in HARMS.items():
                whole = before(symbol)
                for width in widths:
                    picture = after(_taken(whole, width / symbol.width))
                    found.add(Case(version, level, width, harm), text, _read(picture))
    return found


def table(found: Found) -> str:
    """Return what was read, for people: by harm at level M, and by level."""
    widths = sorted({case.width for case in found.tried})
    levels = list(dict.fromkeys(case.level for case in found.tried))
    lines = [
        f"| level M | {' | '.join(f'{width} px' for width in widths)} |",
        f"| --- |{' --: |' * len(widths)}",
    ]
    lines += [_row(found, widths, harm, level="M", harm=harm) for harm in HARMS]
    lines += [_row(found, widths, f"all, level {level}", level=level) for level in levels]
    return "\n".join((*lines, "", f"Wrong texts: {len(found.wrong)}"))


def _row(found: Found, widths: Sequence[int], title: str, **wanted: object) -> str:
    shares = (found.share(width=width, **wanted) for width in widths)
    return f"| {title} | {' | '.join(f'{share * 100:.0f} %' for share in shares)} |"


# Symbols


def text_of(version: int, level: str) -> str:
    """Return the longest link that this version holds, with bytes of real receipts."""
    head = qrtext.prefix(PLATFORM.origin, Link.RECEIPT)
    bits = BIT_LIMIT_TABLE[LEVELS[level]][version] - _HEADER_BITS - 8 * len(head)
    size = bits // 10 * 3 // qrtext.GROUP_DIGITS * qrtext.GROUP_BYTES
    return head + qrtext.to_digits(_receipts()[version : version + size])


@cache
def _receipts() -> bytes:
    return b"".join(receipt_of(chain(length)) for length in (1, 2, 3, 4))


def draw(text: str, version: int, level: str) -> Picture:
    """Return the symbol: as the product draws it, or the like at another level."""
    if level == "M":
        return Image.open(io.BytesIO(draw_png(text))).convert("L")
    head = text.index("#") + 1
    code = QRCode[PilImage](
        version, LEVELS[level], box_size=MODULE_PIXELS, border=QUIET_ZONE_MODULES
    )
    code.add_data(QRData(text[:head].encode(), mode=4), optimize=0)
    code.add_data(QRData(text[head:].encode(), mode=1), optimize=0)
    code.make(fit=False)
    picture: Picture = code.make_image().get_image()
    return picture.convert("L")


# Harms: what happens to the symbol before the camera, and to the picture in it


def _as_it_is(picture: Picture) -> Picture:
    return picture


def _on_desk(symbol: Picture) -> Picture:
    return ImageOps.expand(symbol, round(symbol.width * _MARGIN), _DESK)


def _turned(degrees: float, symbol: Picture) -> Picture:
    return symbol.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=_DESK)


def _leaning(share: float, symbol: Picture) -> Picture:
    """Return a symbol whose upper edge is farther away: shorter by this share."""
    picture = _on_desk(symbol)
    size, nearer = picture.width, 1 / (1 - share)
    tilt = (nearer - 1) / size
    coefficients = (
        *(nearer, tilt * size / 2, size / 2 * (1 - nearer)),
        *(0.0, nearer, 0.0),
        *(0.0, tilt),
    )
    return picture.transform(
        picture.size,
        Image.Transform.PERSPECTIVE,
        coefficients,
        Image.Resampling.BICUBIC,
        fillcolor=_DESK,
    )


def _with_logo(share: float, symbol: Picture) -> Picture:
    """Return a symbol whose middle is covered by a square, so wide."""
    picture, half = symbol.copy(), symbol.width * share / 2
    middle = symbol.width / 2
    box = (middle - half, middle - half, middle + half, middle + half)
    ImageDraw.Draw(picture).rectangle(box, fill=255, outline=0, width=MODULE_PIXELS)
    return picture


def _scratched(modules: float, symbol: Picture) -> Picture:
    """Return a symbol with a white scratch from side to side, clear of the finder patterns."""
    picture, size = symbol.copy(), symbol.width
    line = (0, size * 0.45, size, size * 0.62)
    ImageDraw.Draw(picture).line(line, fill=255, width=round(modules * MODULE_PIXELS))
    return picture


def _blurred(pixels: float, picture: Picture) -> Picture:
    return picture.filter(ImageFilter.GaussianBlur(pixels))


def _noisy(sigma: float, picture: Picture) -> Picture:
    normal = NormalDist(128, sigma)
    levels = [min(255, max(0, round(normal.inv_cdf((level + 0.5) / 256)))) for level in range(256)]
    # The same on every run: a figure that falls is a fault, not bad luck.
    grain = random.Random(picture.width).randbytes(picture.width * picture.height)  # noqa: S311
    noise = Image.frombytes("L", picture.size, grain).point(levels)
    return ImageChops.add(picture, noise, scale=1, offset=-128)


def _faded(contrast: float, picture: Picture) -> Picture:
    return picture.point([round(128 + (level - 128) * contrast) for level in range(256)])


def _shaded(share: float, picture: Picture) -> Picture:
    """Return a picture that falls into shade from the upper edge to the lower."""
    ramp = Image.linear_gradient("L").point([round(255 - share * level) for level in range(256)])
    return ImageChops.multiply(picture, ramp.resize(picture.size))


def _jpeg(quality: int, picture: Picture) -> Picture:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return Image.open(out)


def _by_hand(picture: Picture) -> Picture:
    return _jpeg(50, _noisy(10, _shaded(0.4, _blurred(0.6, picture))))


HARMS: dict[str, tuple[Change, Change]] = {
    "none": (_on_desk, _as_it_is),
    **{f"blur, sigma {s} px": (_on_desk, partial(_blurred, s)) for s in (0.5, 1.0, 1.5)},
    **{f"turned by {d}°": (partial(_turned, d), _as_it_is) for d in (3, 15, 45)},
    **{f"top {s * 100:.0f} % shorter": (partial(_leaning, s), _as_it_is) for s in (0.1, 0.2, 0.3)},
    **{f"JPEG quality {q}": (_on_desk, partial(_jpeg, q)) for q in (50, 20, 10)},
    **{f"noise, sigma {s} of 255": (_on_desk, partial(_noisy, s)) for s in (15, 30, 50)},
    **{f"contrast {c * 100:.0f} %": (_on_desk, partial(_faded, c)) for c in (0.5, 0.2, 0.05)},
    **{f"shade of {s * 100:.0f} %": (_on_desk, partial(_shaded, s)) for s in (0.4, 0.7, 0.9)},
    **{f"logo {s * 100:.0f} % wide": (partial(_with_logo, s), _as_it_is) for s in (0.2, 0.3, 0.4)},
    **{f"scratch {m} modules wide": (partial(_scratched, m), _as_it_is) for m in (1, 4, 8)},
    "by hand: turned by 8°, blur, shade, noise, JPEG": (partial(_turned, 8), _by_hand),
}


def _taken(whole: Picture, scale: float) -> Picture:
    """Return the picture as a sensor sees it: each pixel is the mean of its area."""
    size = (round(whole.width * scale), round(whole.height * scale))
    return whole.resize(size, Image.Resampling.BOX)


def _read(picture: Picture) -> list[str]:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    try:
        return read_codes(out.getvalue())
    except ImageUnreadableError:
        return []


if __name__ == "__main__":
    main()
