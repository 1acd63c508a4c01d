"""What is near a page: its camera, speaker and microphone in the hands of a test."""

import base64
import io
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from common.qrcodes import draw_png
from terminal.links.errors import TIMEOUT
from terminal.links.link import Link, LinkError
from terminal.links.qr import FRAMES_A_CODE, frames_in, text_of
from tests.browser.browser import Visitor
from tokens.scanning import read_picture

_SCRIPT = Path(__file__).with_name("near.js").read_text()
_URL = "data:image/png;base64,"


class Near:
    """A visitor whose pages have a camera, a speaker and a microphone of the test's.

    Attributes:
        on_shown: Gets each code that is drawn, as the address of a picture.
        on_said: Gets each sound that is played: samples a second, and 32-bit floats as base64.
    """

    def __init__(self, visitor: Visitor, *, in_time: bool = False, noise: float = 0.0) -> None:
        """Prepare, before a page is opened.

        Args:
            visitor: Whose page it is.
            in_time: Whether sound takes the time that it takes in the air.
            noise: What is heard with it, as a share of full scale.
        """
        self.visitor = visitor
        self.page: Page = visitor.page
        self.on_shown: Callable[[str], None] = lambda _: None
        self.on_said: Callable[[int, str], None] = lambda _rate, _samples: None
        context = visitor.context
        context.expose_binding("nearShown", lambda _, url: self.on_shown(url))
        context.expose_binding("nearSaid", lambda _, rate, samples: self.on_said(rate, samples))
        options = json.dumps({"inTime": in_time, "noise": noise})
        context.add_init_script(f"const NEAR = {options};{_SCRIPT}")

    def see(self, url: str) -> None:
        """Hold a picture before the camera."""
        self.page.evaluate("url => near.see(url)", url)

    def hear(self, rate: int, samples: str) -> None:
        """Say something beside the page."""
        self.page.evaluate("([rate, samples]) => near.hear(rate, samples)", [rate, samples])


def bring_together(one: Near, other: Near) -> None:
    """Have each of two pages see and hear what the other shows and says."""
    for this, that in ((one, other), (other, one)):
        this.on_shown, this.on_said = that.see, that.hear


class CodeLink(Link):
    """The phone's end of a link by QR codes, whose other end is a page."""

    def __init__(self, near: Near) -> None:
        super().__init__()
        self._near = near
        self._shown: deque[str] = deque()
        near.on_shown = self._shown.append

    def _send_frames(self, frames: list[bytes]) -> None:
        assert len(frames) <= FRAMES_A_CODE
        self._near.see(_URL + base64.b64encode(draw_png(text_of(frames))).decode())

    def _receive_frames(self, timeout: float) -> Iterator[bytes]:
        until = time.monotonic() + timeout
        while not self._shown and time.monotonic() < until:
            # While this waits by itself, nothing of what pages do gets here.
            self._near.page.wait_for_timeout(50)
        if self._shown:
            picture = base64.b64decode(self._shown.popleft().removeprefix(_URL))
            yield from frames_in(read_picture(_enlarged(picture)))


class SoundLink(Link):
    """The phone's end of a link by sound: a page of its own, with the site's modules, speaks."""

    def __init__(self, page: Page) -> None:
        """Take a page that hears the other end's; see :func:`bring_together`."""
        super().__init__()
        self._page = page
        page.evaluate(_OPEN)

    def send(self, message: bytes) -> None:
        self._page.evaluate("bytes => link.send(Uint8Array.from(bytes))", list(message))

    def recv(self, timeout: float = 30) -> bytes:
        heard = self._page.evaluate(_RECEIVE, 1000 * timeout)
        if heard is None:
            raise LinkError(TIMEOUT)
        return bytes(heard)

    def _send_frames(self, frames: list[bytes]) -> None:
        raise NotImplementedError

    def _receive_frames(self, timeout: float) -> Iterator[bytes]:
        raise NotImplementedError


_OPEN = """async () => {
  const { createSoundLink } = await import('/static/offline/sound.js')
  window.link = createSoundLink()
}"""
_RECEIVE = """async (ms) => {
  const message = await link.receive(AbortSignal.timeout(ms)).catch((error) => {
    if (error.name !== 'TimeoutError') throw error
  })
  return message ? [...message] : null
}"""


def _enlarged(picture: bytes) -> bytes:
    """Return a drawing that has one pixel for each module as a camera sees it."""
    with Image.open(io.BytesIO(picture)) as drawn:
        large = drawn.resize((8 * drawn.width, 8 * drawn.height), Image.Resampling.NEAREST)
    out = io.BytesIO()
    large.save(out, "PNG")
    return out.getvalue()
