"""The scan page reads pictures and what a camera sees."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
import qrcode
from PIL import Image, ImageFilter
from playwright.sync_api import Route, expect

from common.qrcodes import draw_png, draw_svg
from protocol import qrtext
from protocol.qrtext import Link
from tests.browser.browser import Visitor
from tests.browser.camera import CAMERA_MS, film
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.receipts import CHAIN
from tests.browser.scanner import COMPLETE, Scanner, keys, text_of
from tests.browser.scene import Scene
from tests.protocol import world

NewVisitor = Callable[..., Visitor]
# A full receipt of three parties fills a code of version 25.
RECEIPTS = [
    text_of(
        world.receipt_in_form(CHAIN[:parties], parties, parties - 1 or 1).sign(world.RECEIPT_KEY)
    )
    for parties in (1, 2, 3)
]
CHALLENGE = qrtext.encode("https://cs.example.com", Link.BUNDLE, b"challenge")
READER = re.compile("zxing|reader.js|camera.js")
# A camera that is there and gives no frame, of which the page may have several: in `given`.
NO_FRAMES = """() => {
  window.given = []
  navigator.mediaDevices.getUserMedia = async () => {
    given.push(new MediaStreamTrackGenerator({ kind: "video" }))
    return new MediaStream(given.slice(-1))
  }
}"""


def served(visitor: Visitor) -> Scanner:
    """The page, with the keys of a made-up platform, not yet open."""
    scanner = Scanner(visitor)
    scanner.serve("keys", keys())
    scanner.serve_certificates(signed.certificate for signed in CHAIN[:3])
    return scanner


@pytest.fixture
def new_scanner(new_visitor: NewVisitor) -> Callable[..., Scanner]:
    """Return what opens it in a window of its own."""
    return lambda **window: served(new_visitor(**window)).open()


@pytest.fixture
def scanner(lasting_visitor: Visitor) -> Iterator[Scanner]:
    """The page, at a desk without a camera."""
    yield served(lasting_visitor).begin_anew()
    lasting_visitor.context.unroute_all()


def drawn(text: str) -> bytes:
    """Any text as a QR code."""
    out = io.BytesIO()
    qrcode.make(text).save(out)
    return out.getvalue()


def photo(code: bytes, *, angle: float = 8, blur: float = 1.2) -> bytes:
    """A code as a phone photographs it: askew, unsharp, on a table, as a JPEG."""
    with Image.open(io.BytesIO(code)) as drawn:
        held = drawn.convert("RGBA").rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    table = Image.new("RGB", (held.width + 600, held.height + 900), (96, 84, 72))
    table.paste(held, (250, 500), held)
    out = io.BytesIO()
    table.filter(ImageFilter.GaussianBlur(blur)).save(out, "JPEG", quality=70)
    return out.getvalue()


def side_by_side(*codes: bytes) -> bytes:
    """Several codes in one picture."""
    images = [Image.open(io.BytesIO(code)).convert("L") for code in codes]
    size = (sum(image.width for image in images), max(image.height for image in images))
    sheet, left = Image.new("L", size, 255), 0
    for image in images:
        sheet.paste(image, (left, 0))
        left += image.width
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


# --- Files


@pytest.mark.parametrize("text", RECEIPTS, ids=["1 party", "2 parties", "3 parties"])
def test_a_chosen_picture_is_read(scanner: Scanner, text: str) -> None:
    scanner.choose(draw_png(text))

    expect(scanner.outcome).to_have_text(COMPLETE)


def test_the_pictures_that_the_site_draws_are_read(visitor: Visitor, scene: Scene) -> None:
    visitor.sign_in_as(scene.people["anna"])
    path = f"{visitor.origin}/api/v1/receipts/{scene.places['receipt']}"
    scanner = Scanner(visitor).open()
    for form, kind in (("png", "image/png"), ("svg", "image/svg+xml")):
        picture = visitor.context.request.get(f"{path}.{form}")
        assert picture.ok
        scanner.choose(picture.body(), f"receipt.{form}", kind)
        expect(scanner.outcome).to_have_text(COMPLETE)
        scanner.page.get_by_role("button", name="Verify another").click()


def test_a_photo_is_read(scanner: Scanner) -> None:
    scanner.choose(photo(draw_png(RECEIPTS[2])), "photo.jpg", "image/jpeg")

    expect(scanner.outcome).to_have_text(COMPLETE)


def test_a_drawing_without_a_size_in_pixels_is_read(scanner: Scanner) -> None:
    scanner.choose(draw_svg(RECEIPTS[2]), "receipt.svg", "image/svg+xml")

    expect(scanner.outcome).to_have_text(COMPLETE)


@pytest.mark.parametrize("how", ["paste", "drop"])
def test_a_picture_may_be_pasted_and_dropped(
    scanner: Scanner, how: Literal["paste", "drop"]
) -> None:
    scanner.hand_over(how, draw_png(RECEIPTS[0]))

    expect(scanner.outcome).to_have_text(COMPLETE)
    assert scanner.page.url.endswith("/scan")


def test_one_receipt_among_other_codes_is_found(scanner: Scanner) -> None:
    scanner.choose(side_by_side(drawn("https://example.org"), draw_png(RECEIPTS[0])))

    expect(scanner.outcome).to_have_text(COMPLETE)


def test_two_receipts_at_once_are_too_many(scanner: Scanner) -> None:
    scanner.choose(side_by_side(*map(draw_png, RECEIPTS[:2])))

    expect(scanner.said).to_contain_text("There is more than one receipt in this picture.")


def test_a_picture_of_something_else_says_what_it_is(scanner: Scanner) -> None:
    scanner.choose(side_by_side(drawn("WIFI:S:guest"), draw_png(CHALLENGE)))

    expect(scanner.said).to_contain_text("WIFI:S:guest")
    expect(scanner.said).to_contain_text("This is a challenge: scan it with your token.")


def test_a_picture_without_a_code_says_how_to_take_a_better_one(scanner: Scanner) -> None:
    scanner.choose(photo(draw_png(RECEIPTS[2]), blur=9), "photo.jpg", "image/jpeg")

    expect(scanner.said).to_contain_text("There is no QR code to be read in this picture.")


@pytest.mark.parametrize("content", [b"", b"not a picture", draw_png(RECEIPTS[0])[:300]])
def test_a_file_that_is_no_picture_says_so(scanner: Scanner, content: bytes) -> None:
    scanner.choose(content)

    expect(scanner.said).to_contain_text(re.compile("not a picture that your browser|no QR code"))


def test_what_reads_pictures_is_loaded_only_for_a_picture(scanner: Scanner) -> None:
    asked: list[str] = []
    scanner.page.on("request", lambda request: asked.append(request.url))
    scanner.page.reload()
    scanner.open()
    scanner.paste(RECEIPTS[0])
    expect(scanner.outcome).to_have_text(COMPLETE)
    assert not [url for url in asked if READER.search(url)]

    scanner.page.get_by_role("button", name="Verify another").click()
    scanner.choose(draw_png(RECEIPTS[0]))
    expect(scanner.outcome).to_have_text(COMPLETE)
    assert any(url.endswith(".wasm") for url in asked)


def test_without_webassembly_the_text_is_still_read(new_visitor: NewVisitor) -> None:
    scanner = Scanner(new_visitor())
    scanner.visitor.context.add_init_script("delete globalThis.WebAssembly")
    scanner.serve("keys", keys())
    scanner.open().choose(draw_png(RECEIPTS[0]))
    expect(scanner.said).to_contain_text("or paste the text")

    scanner.paste(RECEIPTS[0])
    expect(scanner.outcome).to_have_text(COMPLETE)


# --- The camera


def test_the_camera_reads_the_largest_code_that_moves_in_somebodys_hand(
    new_scanner: Callable[..., Scanner], tmp_path: Path
) -> None:
    scanner = new_scanner(camera=film(draw_png(RECEIPTS[2]), tmp_path / "film.mjpeg"))
    scanner.page.get_by_role("button", name="Start the camera").click()

    expect(scanner.outcome).to_have_text(COMPLETE, timeout=CAMERA_MS)
    assert scanner.page.evaluate("document.querySelector('video').srcObject === null")


def test_the_camera_goes_on_after_a_code_that_is_no_receipt(
    new_scanner: Callable[..., Scanner], tmp_path: Path
) -> None:
    seen = film(drawn("https://example.org/menu"), tmp_path / "film.mjpeg")
    scanner = new_scanner(camera=seen, width=360)
    scanner.page.get_by_role("button", name="Start the camera").click()
    expect(scanner.said).to_contain_text("https://example.org/menu", timeout=CAMERA_MS)

    stop = scanner.page.get_by_role("button", name="Stop the camera")
    expect(stop).to_be_visible()
    assert_accessible(scanner.page)
    assert_fits(scanner.page)
    stop.click()
    expect(scanner.page.get_by_role("button", name="Start the camera")).to_be_focused()
    assert scanner.page.evaluate("document.querySelector('video').srcObject === null")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("NotAllowedError", "The camera was not allowed."),
        ("NotFoundError", "There is no camera here."),
        ("NotReadableError", "The camera is in use by another program."),
        ("TypeError", "The camera could not be started."),
    ],
)
def test_a_camera_that_cannot_be_used_says_why_and_what_to_do(
    scanner: Scanner, name: str, sentence: str
) -> None:
    refuse = "async () => { throw new DOMException('', name) }"
    scanner.page.evaluate(f"(name) => {{ navigator.mediaDevices.getUserMedia = {refuse} }}", name)
    scanner.page.get_by_role("button", name="Start the camera").click()

    expect(scanner.said).to_contain_text(sentence)
    expect(scanner.said).to_contain_text("use a picture or the text instead", ignore_case=True)
    expect(scanner.page.get_by_role("button", name="Start the camera")).to_be_focused()


@pytest.mark.parametrize(
    ("secure", "sentence"), [(True, "lets no page use"), (False, "over https")]
)
def test_without_a_way_to_the_camera_the_page_says_so(
    scanner: Scanner, *, secure: bool, sentence: str
) -> None:
    scanner.page.evaluate(
        """(secure) => {
          Object.defineProperty(navigator, 'mediaDevices', {value: undefined})
          Object.defineProperty(window, 'isSecureContext', {value: secure})
        }""",
        secure,
    )
    scanner.page.get_by_role("button", name="Start the camera").click()

    expect(scanner.said).to_contain_text(sentence)


def test_a_camera_that_is_pulled_out_is_missed(
    new_scanner: Callable[..., Scanner], tmp_path: Path
) -> None:
    scanner = new_scanner(camera=film(drawn("nothing"), tmp_path / "film.mjpeg"))
    scanner.page.get_by_role("button", name="Start the camera").click()
    expect(scanner.said).to_contain_text("nothing", timeout=CAMERA_MS)
    scanner.page.evaluate(
        """() => {
          const [track] = document.querySelector('video').srcObject.getTracks()
          track.stop()
          track.dispatchEvent(new Event('ended'))
        }"""
    )

    expect(scanner.said).to_contain_text("The camera went away.")


def test_a_camera_that_shows_nothing_is_given_back_and_starts_anew(scanner: Scanner) -> None:
    page = scanner.page
    page.evaluate(NO_FRAMES)
    start = page.get_by_role("button", name="Start the camera")
    start.click()
    page.wait_for_function("() => document.querySelector('video').srcObject !== null")
    page.get_by_role("button", name="Stop the camera").click()
    expect(start).to_be_focused()
    page.wait_for_function("() => given[0].readyState === 'ended'")

    start.click()
    page.wait_for_function("() => given[1]?.readyState === 'live'")
    page.evaluate(
        """() => {
          Object.defineProperty(document, 'hidden', { value: true })
          document.dispatchEvent(new Event('visibilitychange'))
        }"""
    )
    page.wait_for_function("() => given[1].readyState === 'ended'")
    expect(start).to_be_visible()


def test_a_camera_that_is_allowed_too_late_is_given_back_at_once(scanner: Scanner) -> None:
    page = scanner.page
    page.evaluate(NO_FRAMES)
    page.evaluate(
        """() => {
          const give = navigator.mediaDevices.getUserMedia
          const asked = navigator.mediaDevices.getUserMedia = async () => {
            navigator.mediaDevices.getUserMedia = give
            await new Promise((resolve) => { window.allow = resolve })
            return give()
          }
        }"""
    )
    start = page.get_by_role("button", name="Start the camera")
    start.click()
    page.wait_for_function("() => window.allow")
    page.get_by_role("button", name="Stop the camera").click()
    start.click()
    page.wait_for_function("() => document.querySelector('video').srcObject !== null")
    page.evaluate("allow()")
    page.wait_for_function("() => given[1]?.readyState === 'ended'")
    assert page.evaluate("given[0].readyState") == "live"
    assert page.evaluate("document.querySelector('video').srcObject !== null")
    expect(page.get_by_role("button", name="Stop the camera")).to_be_visible()


def test_a_picture_that_is_read_too_late_takes_nothing_away(
    new_scanner: Callable[..., Scanner],
) -> None:
    scanner = new_scanner()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    scanner.page.route(re.compile("reader"), hold)
    with scanner.page.expect_request(re.compile("reader")):
        scanner.choose(drawn("hello"))
    scanner.paste(RECEIPTS[2])
    expect(scanner.outcome).to_have_text(COMPLETE)
    for route in held:
        route.continue_()
    scanner.page.unroute_all()
    scanner.page.wait_for_load_state("networkidle")
    scanner.page.wait_for_timeout(500)
    expect(scanner.outcome).to_have_text(COMPLETE)
    expect(scanner.said).to_be_empty()
