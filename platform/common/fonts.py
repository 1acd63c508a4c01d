"""Fonts for paper: found on the machine or named in PDF_FONTS; none is part of this project."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from fontTools.ttLib import TTFont, TTLibError

from common.errors import FontsMissingError

_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
# Latin, Greek, Cyrillic, Arabic and more; Chinese; signs and emoji.  The first has to be there.
_KNOWN = ("DejaVuSans.ttf", "wqy-microhei.ttc", "Symbola*.ttf")
_BOLD = "DejaVuSans-Bold.ttf"
# These have no picture of their own: they end a line, join or isolate what stands beside them.
_UNSEEN = frozenset({0x0A, 0x200C, 0x200D, 0x2068, 0x2069})


class Font(NamedTuple):
    """A font file, and the characters that it has."""

    path: Path
    characters: frozenset[int]


class Fonts(NamedTuple):
    """The fonts of a sheet: the first that has a character draws it."""

    fonts: tuple[Font, ...]
    bold: Path

    def has(self, text: str) -> bool:
        """Tell whether every character of a text can be drawn."""
        return all(self._first(ord(character)) is not None for character in text)

    def drawable(self, text: str) -> str:
        """Return a text with ``U+XXXX`` for each character that is in no font: none vanishes."""
        return "".join(
            character if self._first(ord(character)) is not None else f"U+{ord(character):04X}"
            for character in text
        )

    def needed_for(self, text: str) -> list[Font]:
        """Return the first font, and those of the others that a text needs."""
        used = {self._first(ord(character)) for character in text}
        return [font for place, font in enumerate(self.fonts) if place == 0 or font in used]

    def _first(self, character: int) -> Font | None:
        if character in _UNSEEN:
            return self.fonts[0]
        return next((font for font in self.fonts if character in font.characters), None)


def installed_fonts() -> Fonts:
    """Return the fonts that PDF_FONTS names, or else those that are found.

    Raises:
        FontsMissingError: there is none, or one that is named cannot be read.
    """
    return _read(tuple(settings.PDF_FONTS))


@lru_cache(maxsize=4)
def _read(named: tuple[str, ...]) -> Fonts:
    """Return fonts with what is in them; a failure is not kept, so that an install mends it."""
    paths = [Path(name) for name in named] or _found(_KNOWN)
    # What the bold face lacks, or where there is none, is drawn upright.
    bold = [] if named else _found((_BOLD,))
    if not paths or (not named and paths[0].name != _KNOWN[0]):
        raise FontsMissingError
    try:
        fonts = tuple(Font(path, _characters(path)) for path in paths)
    except (OSError, TTLibError) as error:
        raise FontsMissingError from error
    return Fonts(fonts, (bold or paths)[0])


def _found(names: tuple[str, ...]) -> list[Path]:
    """Return the first file of each name under the folders of fonts."""
    found = []
    for name in names:
        files = sorted(file for folder in _FOLDERS for file in folder.rglob(name))
        found += files[:1]
    return found


def _characters(path: Path) -> frozenset[int]:
    """Return the code points that a font has."""
    # Opened here, since TTFont leaves a file open that is no font.
    with path.open("rb") as file, TTFont(file, fontNumber=0, lazy=True) as font:
        return frozenset(font.getBestCmap())
