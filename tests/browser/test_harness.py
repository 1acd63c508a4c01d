"""The harness itself: nothing that goes wrong in the browser stays unseen."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from common.qrcodes import draw_png
from tests.browser.browser import PATIENCE_MS, Visitor
from tests.browser.camera import CAMERA_MS, film
from tests.browser.checks import assert_accessible, assert_fits
from tests.e2e.live import Live
from tests.e2e.wire import Fault


def await_trouble(visitor: Visitor, trouble: str) -> None:
    """Wait until the browser has told of it, and find it among the troubles."""
    for _ in range(PATIENCE_MS // 50):
        if any(trouble in told for told in visitor.troubles):
            break
        visitor.page.wait_for_timeout(50)
    with pytest.raises(AssertionError, match=trouble):
        visitor.check()


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("console.error('broken')", "console error: broken"),
        ("console.warn('odd')", "console warning: odd"),
        ("setTimeout(() => { throw new Error('oh') })", "exception: Error: oh"),
        ("Promise.reject(new Error('oh'))", "exception: Error: oh"),
        ("fetch('/no/such/page')", "status of 404"),
        ("new Image().src = 'https://example.com/x.png'", "Content Security Policy"),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
    ],
)
def test_what_goes_wrong_on_a_page_is_trouble(visitor: Visitor, script: str, trouble: str) -> None:
    visitor.go("/")
    visitor.page.evaluate(f"() => {{ {script} }}")
    await_trouble(visitor, trouble)
    visitor.tolerate("")


def test_a_request_to_another_origin_is_trouble(visitor: Visitor, site: Live) -> None:
    visitor.page.goto(site.origin.replace("localhost", "127.0.0.1"))
    await_trouble(visitor, "request to another origin")
    visitor.tolerate("127.0.0.1")


def test_an_answer_of_500_is_trouble(visitor: Visitor, site: Live) -> None:
    visitor.go("/")
    with site.front.spoiled(Fault(answer=b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\noh")):
        visitor.go("/healthz")
    await_trouble(visitor, "answer 500")
    visitor.tolerate("500")


def test_a_lost_connection_is_trouble(visitor: Visitor, site: Live) -> None:
    visitor.go("/")
    with site.front.spoiled(Fault(answer=b"")):
        visitor.page.evaluate("() => fetch('/healthz').catch(() => {})")
    await_trouble(visitor, "failed request")
    visitor.tolerate("healthz|EMPTY_RESPONSE")


def test_what_is_tolerated_fails_nothing_and_the_rest_does(visitor: Visitor) -> None:
    visitor.go("/")
    visitor.tolerate("first")
    visitor.page.evaluate("() => { console.error('first'); console.error('second') }")
    await_trouble(visitor, "second")
    with pytest.raises(AssertionError, match=r"^In the browser:\n.*second[^\n]*$"):
        visitor.check()
    visitor.tolerate("second")


def test_a_grave_fault_of_accessibility_is_found(visitor: Visitor) -> None:
    visitor.go("/")
    visitor.page.evaluate("() => document.querySelector('main').prepend(new Image())")
    with pytest.raises(AssertionError, match="critical image-alt"):
        assert_accessible(visitor.page)


def test_what_is_too_wide_is_found(new_visitor: Callable[..., Visitor]) -> None:
    page = new_visitor(width=360).page
    page.goto("/")
    assert_fits(page)
    page.evaluate("() => { document.querySelector('h1').style.width = '400px' }")
    with pytest.raises(AssertionError, match="at 360"):
        assert_fits(page)


def test_a_visitor_may_do_without_scripts(new_visitor: Callable[..., Visitor]) -> None:
    page = new_visitor(javascript=False).page
    page.set_content("<p>none</p><script>document.querySelector('p').textContent = 'run'</script>")
    expect(page.get_by_text("none")).to_be_visible()


def test_a_visitor_signs_in_by_session_and_by_form(
    new_visitor: Callable[..., Visitor], site: Live
) -> None:
    anna = site.party("Anna Meier")
    by_session, by_form = new_visitor(), new_visitor()
    by_session.sign_in_as(anna.person)
    by_form.sign_in(anna.person.email, anna.person.password)
    for visitor in (by_session, by_form):
        visitor.go("/")
        expect(visitor.page.get_by_role("link", name="Account", exact=True)).to_be_visible()


READ_CAMERA = """async (patience) => {
  const folder = '/static/vendor/zxing-wasm/reader/'
  const {prepareZXingModule, readBarcodes} = await import(folder + 'index.js')
  prepareZXingModule({overrides: {locateFile: (name) => folder + name}})
  const video = document.querySelector('video')
  video.srcObject = await navigator.mediaDevices.getUserMedia({video: true})
  await video.play()
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight)
  const context = canvas.getContext('2d', {willReadFrequently: true})
  const end = performance.now() + patience
  while (performance.now() < end) {
    context.drawImage(video, 0, 0)
    const seen = context.getImageData(0, 0, canvas.width, canvas.height)
    const [code] = await readBarcodes(seen, {formats: ['QRCode']})
    if (code) return code.text
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return 'nothing'
}"""


def test_the_camera_sees_a_film_and_zxing_reads_a_dense_code_in_it(
    new_visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    text = "http://localhost/r#" + "1234567890" * 170
    visitor = new_visitor(camera=film(draw_png(text), tmp_path / "code.mjpeg"))
    # A page of the site's origin without its policy.
    visitor.page.route(
        "/film", lambda route: route.fulfill(body="<video></video>", content_type="text/html")
    )
    visitor.go("/film")
    assert visitor.page.evaluate(READ_CAMERA, CAMERA_MS) == text
    visitor.tolerate("favicon")
