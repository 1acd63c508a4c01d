"""One page of paper as a PDF.

Words give way, never the code: they get smaller, then the oldest part becomes one line.
"""

import io
from typing import cast

from django.utils.translation import get_language
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos

from common.errors import FontsMissingError
from common.fonts import Fonts, installed_fonts
from common.paper import Paper, Part, Sheet

MARGIN = 15.0
# A module of the largest code is then 0.77 mm, four and a half pixels of a scan at 150 dpi.
CODE_MM = 96.0
_GAP = 6.0
# Sizes of the words in points, tried in this order.
_SIZES = (9.0, 8.0, 7.0, 6.0)
_LINE = 1.45
_POINT_MM = 25.4 / 72
_TITLE = 16.0
_GREY = 90
_WHITE = 255
_LABEL_SHARE = 0.3


def draw_sheet(sheet: Sheet, picture: bytes, paper: Paper = "a4") -> bytes:
    """Draw a sheet as a PDF of one page.

    Args:
        sheet: What it says.
        picture: Its QR code, a PNG.
        paper: Its size.

    Raises:
        FontsMissingError: no font of this machine has the words of the reader's language.
    """
    fonts = installed_fonts()
    if not fonts.has("".join(sheet.words())):
        raise FontsMissingError
    page = _Page(sheet, fonts, paper)
    for tried in sheet.smaller():
        for size in _SIZES:
            if page.draw(tried, size):
                return page.finish(tried, size, picture)
    raise AssertionError("the last of these is one line for each of at most four steps")


class _Page:
    """A page, and where the next words go on it."""

    def __init__(self, sheet: Sheet, fonts: Fonts, paper: Paper) -> None:
        self.fonts = fonts
        self.is_real = False
        self.pdf = pdf = FPDF(format=paper)
        needed = fonts.needed_for("".join((*sheet.words(), *sheet.values())))
        for place, font in enumerate(needed):
            pdf.add_font(f"font{place}", "", font.path)
        pdf.add_font("font0", "B", fonts.bold)
        pdf.set_fallback_fonts([f"font{n}" for n in range(1, len(needed))], exact_match=False)
        pdf.set_text_shaping(use_shaping_engine=True)
        pdf.set_margins(MARGIN, MARGIN)
        pdf.c_margin = 0
        pdf.set_auto_page_break(auto=False)
        pdf.set_title(sheet.title)
        pdf.set_lang(get_language() or "en")
        pdf.set_creation_date(sheet.made)
        pdf.add_page()

    def finish(self, sheet: Sheet, size: float, picture: bytes) -> bytes:
        """Write what :meth:`draw` only measured; return the file."""
        self.is_real = True
        self.draw(sheet, size, picture)
        return bytes(self.pdf.output())

    def draw(self, sheet: Sheet, size: float, picture: bytes = b"") -> bool:
        """Go through the sheet in words of a size; tell whether it ends on the page."""
        pdf = self.pdf
        left, width = pdf.l_margin, pdf.epw
        pdf.set_y(MARGIN)
        self._title(sheet)
        top = pdf.get_y()
        if self.is_real:
            pdf.image(io.BytesIO(picture), left, top, CODE_MM, alt_text=sheet.title)
        beside = width - CODE_MM - _GAP
        self._part(sheet.facts, left + CODE_MM + _GAP, beside, _SIZES[0])
        for note in sheet.notes:
            pdf.set_y(pdf.get_y() + _GAP / 2)
            self._say(note, left + CODE_MM + _GAP, beside, _SIZES[0], grey=_GREY)
        pdf.set_y(max(pdf.get_y(), top + CODE_MM) + _GAP / 2)
        self._earlier(sheet, size)
        self._parts(sheet, size)
        return bool(pdf.get_y() <= pdf.h - MARGIN)

    def _title(self, sheet: Sheet) -> None:
        pdf = self.pdf
        if sheet.mark:
            self._say(sheet.mark, pdf.l_margin, pdf.epw, _TITLE, bold=True, grey=_WHITE)
            pdf.set_y(pdf.get_y() + 2)
        self._say(sheet.title, pdf.l_margin, pdf.epw, _TITLE, bold=True)
        pdf.set_y(pdf.get_y() + 3)

    def _earlier(self, sheet: Sheet, size: float) -> None:
        if not sheet.earlier_title:
            return
        pdf = self.pdf
        self._say(sheet.earlier_title, pdf.l_margin, pdf.epw, size, bold=True)
        for line in sheet.earlier:
            self._say(line, pdf.l_margin, pdf.epw, size)
        pdf.set_y(pdf.get_y() + _GAP / 2)

    def _parts(self, sheet: Sheet, size: float) -> None:
        """Draw the parts, two beside each other."""
        pdf = self.pdf
        width = (pdf.epw - _GAP) / 2
        for place in range(0, len(sheet.parts), 2):
            top, ends = pdf.get_y(), []
            for column, part in enumerate(sheet.parts[place : place + 2]):
                pdf.set_y(top)
                left = pdf.l_margin + column * (width + _GAP)
                ends.append(self._part(part, left, width, size))
            pdf.set_y(max(ends) + _GAP / 2)

    def _part(self, part: Part, left: float, width: float, size: float) -> float:
        """Draw one part below where we are; return where it ends."""
        pdf = self.pdf
        if self.is_real:
            pdf.set_draw_color(_GREY)
            pdf.line(left, pdf.get_y(), left + width, pdf.get_y())
        pdf.set_y(pdf.get_y() + 1)
        self._say(part.title, left, width, size + 1, bold=True)
        label_width = width * _LABEL_SHARE
        for label, value in part.lines:
            top = pdf.get_y()
            self._say(label, left, label_width, size, grey=_GREY)
            below = pdf.get_y()
            pdf.set_y(top)
            self._say(value, left + label_width, width - label_width, size)
            pdf.set_y(max(pdf.get_y(), below))
        if not part.lines:
            self._say(part.brief, left, width, size)
        return float(pdf.get_y())

    def _say(
        self,
        text: str,
        left: float,
        width: float,
        size: float,
        *,
        bold: bool = False,
        grey: int = 0,
    ) -> None:
        """Write a text below where we are, in as many lines as it takes; white in a black bar."""
        pdf = self.pdf
        top = pdf.get_y()
        is_bar = grey == _WHITE
        pdf.set_font("font0", "B" if bold else "", size)
        pdf.set_text_color(grey)
        # Where the two differ, fpdf2 writes each line in a graphics state of its own, and then
        # loses the font behind a character of a fallback font; hence also the line below it.
        pdf.set_fill_color(0 if is_bar else grey)
        pdf.current_font_is_set_on_page = False
        pdf.set_x(left)
        height = pdf.multi_cell(
            width,
            size * _POINT_MM * _LINE,
            self.fonts.drawable(text),
            align="C" if is_bar else "L",
            fill=is_bar,
            dry_run=not self.is_real,
            output=MethodReturnValue.HEIGHT,
            new_x=XPos.LMARGIN,
            new_y=YPos.TOP,
        )
        pdf.set_y(top + cast("float", height))
