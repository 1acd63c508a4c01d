"""Which text may be signed, and how long it may be."""

import sys
import unicodedata

import pytest

from protocol.errors import ProtocolError
from protocol.text import check_ascii, check_text, normalise

JOINERS = "\u200c\u200d"


def is_refused(character: str) -> bool:
    """The rule itself, by this Python's own table."""
    category = unicodedata.category(character)
    return (
        category in ("Cc", "Cs", "Co", "Cn")
        or character in "\u2028\u2029"
        or (category == "Cf" and character not in JOINERS)
    )


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="needs Python 3.11's table")
def test_the_table_is_the_rule_for_every_code_point() -> None:
    for code_point in range(sys.maxunicode + 1):
        character = chr(code_point)
        if unicodedata.normalize("NFC", character) != character:
            continue
        try:
            check_text("text", character, 4)
        except ProtocolError:
            assert is_refused(character), hex(code_point)
        else:
            assert not is_refused(character), hex(code_point)


@pytest.mark.parametrize(
    "text", ["é", "付款 2026", "שלום", "مرحبا", "👩‍🌾👍🏽", "می‌خواهم", "Ω", " spaced ", "نَصّ"]
)
def test_people_may_write_as_they_write(text: str) -> None:
    check_text("text", unicodedata.normalize("NFC", text), 120)


def test_a_cap_counts_bytes_and_the_refusal_says_how_many_there_are() -> None:
    check_text("remark", "付" * 40, 120)
    with pytest.raises(ProtocolError) as refusal:
        check_text("remark", "付" * 40 + "a", 120)
    assert refusal.value.code == "text_too_long"
    assert refusal.value.detail == "remark is 121 bytes long; 120 are allowed"
    assert refusal.value.field == "remark"


@pytest.mark.parametrize("text", [None, 5, b"bytes", ["a"]])
def test_only_text_is_text(text: object) -> None:
    with pytest.raises(ProtocolError) as refusal:
        check_text("remark", text, 120)
    assert refusal.value.code == "type_wrong"


def test_what_a_form_gives_is_put_in_order_first() -> None:
    text = normalise("  cafe\u0301 ")
    assert text == "caf\u00e9"
    check_text("text", text, 120)


def test_ascii_is_printable_ascii() -> None:
    check_ascii("account", "DE89 3704-0044/05", 34)
    for text in ("\uff18\uff18", "a\tb", "ä"):
        with pytest.raises(ProtocolError):
            check_ascii("account", text, 34)
