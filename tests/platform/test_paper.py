"""A receipt on paper: one page, in words, with a code that still reads when it was printed."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pypdfium2
import pytest
import zxingcpp
from django.conf import settings
from django.utils.translation import override
from PIL import Image

from common import fonts
from common.errors import FontsMissingError, RateLimitedError
from common.paper import Paper
from common.pdf import draw_sheet
from common.qrcodes import PAGES, answer, draw_png
from common.sheets import sheet_of
from protocol import qrtext
from protocol.qrtext import Link
from protocol.receipt import Receipt
from protocol.statement import Demand, Kind, Party, Statement
from protocol.verdict import Reason
from tests.platform.world import QR_ONLY
from tests.protocol import world

SCAN_DPI = 150
POINTS = 72
SIZES: dict[Paper, tuple[int, int]] = {"a4": (595, 842), "letter": (612, 792)}
CHAIN = world.chain(50)
# What words at their caps cannot pass: fonts go in as far as they are needed.
MAX_BYTES = 200_000


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def text_of(message: bytes) -> str:
    return qrtext.encode(settings.COUNTERSIGN_ORIGIN, Link.RECEIPT, message)


def drawn(message: bytes, paper: Paper = "a4", earlier: tuple[Statement, ...] = ()) -> bytes:
    reader = secrets.token_hex(6)
    response = answer(
        *(text_of(message), message, "pdf", "receipt"),
        reader=reader,
        paper=paper,
        earlier=earlier,
    )
    assert response["Content-Type"] == "application/pdf"
    return response.content


def page(content: bytes) -> pypdfium2.PdfPage:
    """The one page of a PDF."""
    document = pypdfium2.PdfDocument(content)
    assert len(document) == 1
    return document[0]


def words(content: bytes) -> str:
    """What stands on the page, each run of blanks as one."""
    return " ".join(page(content).get_textpage().get_text_range().split())


def scanned(content: bytes) -> list[str]:
    """The codes of the page as an office scanner sees it."""
    picture: Image.Image = page(content).render(scale=SCAN_DPI / POINTS).to_pil()
    if folder := os.environ.get("PAPER_FOLDER"):
        picture.save(Path(folder) / f"{os.environ['PYTEST_CURRENT_TEST'].split('::')[1][:80]}.png")
    found = zxingcpp.read_barcodes(picture, formats=QR_ONLY)
    return [code.text for code in found]


def with_words(party: Party, demand: Demand) -> bytes:
    """The receipt of one step with these words."""
    return world.receipt_of(world.chain(1, content=lambda _: (party, demand)))


@pytest.mark.parametrize(
    ("length", "paper", "language"),
    [
        (1, "a4", "en"),
        (2, "letter", "zh-hans"),
        (3, "a4", "zh-hans"),
        (4, "letter", "en"),
        (50, "a4", "en"),
        (50, "letter", "zh-hans"),
    ],
)
def test_a_scan_of_the_page_reads_the_receipt(length: int, paper: Paper, language: str) -> None:
    message = world.receipt_of(CHAIN[:length])
    earlier = tuple(signed.statement for signed in CHAIN[: max(0, length - 3)])

    with override(language):
        content = drawn(message, paper, earlier)

    assert scanned(content) == [text_of(message)]
    assert tuple(round(side) for side in page(content).get_size()) == SIZES[paper]


@pytest.mark.parametrize("paper", SIZES)
def test_words_at_their_caps_and_the_largest_code_are_still_one_page(paper: Paper) -> None:
    full = world.chain(4, content=world.full)
    message = world.receipt_of(full)

    content = drawn(message, paper, tuple(signed.statement for signed in full[:3]))

    assert scanned(content) == [text_of(message)]
    assert len(content) < MAX_BYTES
    assert full[3].statement.party.remark[:20] in words(content)


@pytest.mark.parametrize("paper", SIZES)
def test_steps_that_are_too_long_become_a_line_each_the_oldest_first(paper: Paper) -> None:
    wide = world.chain(4, content=_wide)
    message = world.receipt_in_form(wide, 4, 0).sign(world.RECEIPT_KEY)

    # Too large for one code, which such a page can therefore not have.
    said = words(draw_sheet(sheet_of(message), _any_code(), paper))

    assert wide[-1].statement.party.remark in said.replace(" ", "")
    assert wide[0].statement.party.remark not in said.replace(" ", "")
    assert "Step 1 \u20681\u2069 · \u2068W" in said or "Step 1 1 · W" in said


def _wide(position: int) -> tuple[Party, Demand]:
    """A step that takes as many lines as one can."""
    random = Random(position)  # noqa: S311  # no secret
    ideographs = "".join(chr(random.randrange(0x4E00, 0x9FA0)) for _ in range(40))
    party = Party(account="W" * 34, remark=ideographs, name="W" * 40)
    demand = Demand(Kind.PAYMENT, 125_000, "EUR", "W" * 34, "W" * 70, "W" * 120, "W" * 35, 30)
    return party, demand


def _any_code() -> bytes:
    message = world.receipt_of(CHAIN[:1])
    return draw_png(text_of(message))


def test_the_page_says_in_words_what_each_step_says() -> None:
    said = words(drawn(world.receipt_of(CHAIN[:3])))

    for signed in CHAIN[:3]:
        party, demand = signed.statement.party, signed.statement.demand
        for word in (party.name, party.account, party.remark, demand.payee_account):
            assert word is not None
            assert word in said
    assert "1,250.00 EUR" in said
    assert "only the code proves them" in said


def test_chinese_labels_and_names_are_drawn_and_not_lost() -> None:
    with override("zh-hans"):
        said = words(drawn(world.receipt_of(CHAIN[:3])))

    for word in ("金额", "付款", "王秀英", "周五前交付", "1,250.00"):
        assert word in said


def test_steps_that_are_folded_away_have_a_line_each_and_are_counted() -> None:
    earlier = tuple(signed.statement for signed in CHAIN[:47])

    said = words(drawn(world.receipt_of(CHAIN), earlier=earlier))

    assert "47 earlier steps are bound to the code, but not in it: the newest of them" in said
    assert "47 · " in said
    assert "35 · " not in said


def test_words_from_right_to_left_leave_the_rest_of_a_line_in_its_order() -> None:
    party = Party(account="1234567890", remark="ok", name="\u0645\u0646\u0649")

    (part,) = sheet_of(with_words(party, Demand(Kind.ORDER, 125_000, "EUR"))).parts

    assert part.brief == (
        "\u20681\u2069 · \u2068\u0645\u0646\u0649\u2069 · \u2068Order\u2069"
        " · \u20681,250.00\u00a0EUR\u2069"
    )


def test_a_character_that_is_in_no_font_is_named() -> None:
    party = Party(
        account="1234567890", remark="Old Persian \U000103a0 here", name="\u0645\u0646\u0649"
    )

    with pytest.MonkeyPatch.context() as patch:
        only_latin = fonts.installed_fonts()
        patch.setattr(
            "common.pdf.installed_fonts", lambda: only_latin._replace(fonts=only_latin.fonts[:1])
        )
        said = words(drawn(with_words(party, Demand(Kind.ORDER, text="\u738b"))))

    assert "Old Persian U+103A0 here" in said
    assert "U+738B" in said


def test_without_a_font_for_the_readers_language_nothing_is_drawn() -> None:
    latin = str(fonts.installed_fonts().fonts[0].path)

    with override("zh-hans"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "PDF_FONTS", [latin])
        with pytest.raises(FontsMissingError, match="fonts-wqy-microhei"):
            drawn(world.receipt_of(CHAIN[:1]))


@pytest.mark.parametrize("named", [["/nowhere/font.ttf"], [__file__]])
def test_a_font_that_is_none_is_said_to_be_missing(named: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "PDF_FONTS", named)
        with pytest.raises(FontsMissingError, match="PDF_FONTS"):
            drawn(world.receipt_of(CHAIN[:1]))


def test_a_machine_without_fonts_says_which_to_install(tmp_path: Path) -> None:
    fonts._read.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fonts, "_FOLDERS", (tmp_path,))
        with pytest.raises(FontsMissingError, match="fonts-dejavu-core"):
            drawn(world.receipt_of(CHAIN[:1]))


def test_a_test_is_marked_on_paper() -> None:
    party, _ = world.usual(0)

    content = drawn(with_words(party, Demand(Kind.TEST)))

    assert words(content).startswith("TEST, nothing is approved Receipt of a signed step")


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason])
def test_the_record_of_a_refusal_is_marked_on_paper(reason: Reason) -> None:
    refusal: Receipt = world.refusal(reason=reason)
    message = refusal.sign(world.RECEIPT_KEY)

    content = drawn(message)

    assert words(content).startswith("Nothing was signed. Record of a step that was not signed")
    assert scanned(content) == [text_of(message)]


@pytest.mark.parametrize(
    ("charge", "said"), [(world.CHARGE, "Receipt of a charge"), (world.RIGHT, "Nothing was paid")]
)
def test_the_receipt_of_a_charge_or_of_a_right_is_a_page_too(charge: object, said: str) -> None:
    message = charge.sign(world.RECEIPT_KEY)  # type: ignore[attr-defined]  # of this world

    content = drawn(message)

    assert said in words(content)
    assert scanned(content) == [text_of(message)]


def test_a_page_names_its_title_and_no_more_than_stands_on_it() -> None:
    document = pypdfium2.PdfDocument(drawn(world.receipt_of(CHAIN[:1])))

    told = {name: value for name, value in document.get_metadata_dict().items() if value}

    assert told.pop("Title") == "Receipt of a signed step"
    assert set(told) <= {"Producer", "CreationDate"}


def test_pages_are_counted_for_each_reader_and_pictures_are_not() -> None:
    message = world.receipt_of(CHAIN[:1])
    first, second = secrets.token_hex(6), secrets.token_hex(6)

    def asked(form: str, reader: str) -> int:
        return answer(text_of(message), message, form, "receipt", reader=reader).status_code

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("common.pdf.draw_sheet", lambda *_: b"%PDF")
        for _ in range(PAGES):
            asked("pdf", first)
        with pytest.raises(RateLimitedError) as caught:
            asked("pdf", first)
        assert asked("pdf", second) == 200

    assert caught.value.headers["Retry-After"] == "60"
    assert asked("png", first) == 200
