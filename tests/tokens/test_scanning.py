"""Codes as text, as text files and as pictures; whatever else there may be is refused."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tests.tokens.world import picture
from tokens import scanning
from tokens.errors import RefusedError
from tokens.scanning import read_code

LINK = "https://platform.example/t#" + "0123456789" * 40
PNG = picture(LINK)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "code"


def refusal(given: Path | str) -> str:
    with pytest.raises(RefusedError) as refused:
        read_code(str(given))
    return refused.value.code


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("text", [LINK, f" {LINK}\n", "HTTPS://PLATFORM.EXAMPLE/T#1", "http:"])
def test_a_url_is_taken_as_it_is(text: str) -> None:
    assert read_code(text) == text


def test_a_file_may_hold_the_text(file: Path) -> None:
    file.write_text(f"\n{LINK}\n")
    assert read_code(str(file)).strip() == LINK


def test_text_that_is_not_ascii_is_handed_on_for_the_reader_to_refuse(file: Path) -> None:
    file.write_bytes(b"https://\xff")
    assert read_code(str(file)) == "https://\ufffd"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_of_the_code_is_read(file: Path, kind: str) -> None:
    file.write_bytes(encode(Image.open(io.BytesIO(PNG)).convert("RGB"), kind))
    assert read_code(str(file)) == LINK


def test_a_picture_on_a_transparent_ground_is_read(file: Path) -> None:
    black = Image.open(io.BytesIO(PNG)).convert("L")
    picture = Image.new("RGBA", black.size, (0, 0, 0, 0))
    picture.putalpha(black.point(lambda value: 255 - value))
    file.write_bytes(encode(picture))
    assert read_code(str(file)) == LINK


def test_a_turned_photograph_is_read(file: Path) -> None:
    turned = Image.open(io.BytesIO(PNG)).convert("L").rotate(17, expand=True, fillcolor=255)
    file.write_bytes(encode(turned, "JPEG"))
    assert read_code(str(file)) == LINK


def test_a_picture_without_a_code_is_refused(file: Path) -> None:
    file.write_bytes(encode(Image.new("RGB", (300, 300), "white")))
    assert refusal(file) == "qr_code_missing"


def test_a_picture_of_two_codes_is_refused(file: Path) -> None:
    one, two = (Image.open(io.BytesIO(picture(LINK + end))).convert("L") for end in "12")
    both = Image.new("L", (one.width + two.width, one.height), 255)
    both.paste(one, (0, 0))
    both.paste(two, (one.width, 0))
    file.write_bytes(encode(both))
    assert refusal(file) == "qr_code_ambiguous"


def test_a_file_that_does_not_exist_is_refused(file: Path) -> None:
    assert refusal(file) == "file_unreadable"


@pytest.mark.parametrize("name", ["", ".", "x" * 5000, "a\0b", "ttps://cut.example/t#1"])
def test_what_is_neither_code_nor_file_is_refused(name: str) -> None:
    assert refusal(name) == "file_unreadable"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff" * 1_000_000, id="a megabyte of nothing"),
        pytest.param(PNG[: len(PNG) // 2], id="cut picture"),
        pytest.param(PNG[:40] + b"\0" + PNG[41:], id="damaged picture"),
        pytest.param(b"GIF89a" + bytes(100), id="another kind of picture"),
        pytest.param(b"%PDF-1.7", id="no picture"),
    ],
)
def test_what_is_no_picture_is_refused(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    assert refusal(file) == "not_an_image"


def test_a_file_larger_than_any_photograph_is_refused_unread(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MAX_FILE_BYTES", 100)
    file.write_bytes(PNG)
    assert refusal(file) == "too_large"


@pytest.mark.parametrize(
    ("side", "code"), [(5_000, "too_large"), (10_000, "too_large"), (60_000, "not_an_image")]
)
def test_a_small_file_that_would_unpack_to_a_huge_picture_is_refused(
    file: Path, side: int, code: str
) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    assert refusal(file) == code


@given(place=st.integers(0, len(PNG) - 1), change=st.binary(min_size=1, max_size=8))
def test_a_damaged_picture_gives_the_code_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(PNG[:place] + change + PNG[place + len(change) :])
    try:
        assert read_code(str(path)) == LINK
    except RefusedError:
        return


@given(data=st.binary())
def test_nothing_but_text_or_a_refusal_comes_of_any_file(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    try:
        assert read_code(str(path)).strip()[:4].lower() == "http"
    except RefusedError:
        return


def test_a_drawing_is_no_code(file: Path) -> None:
    image = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(image).rectangle((20, 20, 90, 90), fill=0)
    file.write_bytes(encode(image))
    assert refusal(file) == "qr_code_missing"
