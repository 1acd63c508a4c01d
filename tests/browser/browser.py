"""A browser whose pages are watched: whatever goes wrong on one of them is noted as trouble."""

import re
import shutil
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    Response,
    WebError,
)

from countersign.person import Person

# The first has no windows to draw, and takes two thirds of the processor time of the others.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# A browser's own calls home would be traffic that no page asked for.
FLAGS = ("--disable-background-networking", "--disable-component-update")
# Pages live for a second here: to optimise their scripts takes longer than to run them.
FAST_START = ("--js-flags=--no-opt --single-threaded",)
CAMERA_FLAGS = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
# A busy machine is slow; what is there is not waited for.
PATIENCE_MS = 30_000


class BrowserMissingError(Exception):
    """There is no Chromium on this machine."""


def launch(playwright: Playwright, camera: Path | None = None) -> Browser:
    """Start Chromium.

    Args:
        playwright: The running driver.
        camera: What its camera sees, as :func:`tests.browser.camera.film` makes it.

    Raises:
        BrowserMissingError: it is not installed.
    """
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        raise BrowserMissingError("Chromium is missing (apt install chromium-headless-shell)")
    flags = [*FLAGS]
    if camera is None:
        flags += FAST_START
    else:
        # A file that is missing would show as a camera that is missing.
        seen = camera.resolve(strict=True)
        flags += [*CAMERA_FLAGS, f"--use-file-for-fake-video-capture={seen}"]
    return playwright.chromium.launch(executable_path=executable, args=flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What kind of window somebody looks through.

    Attributes:
        width: In CSS pixels; 360 is a small phone.
        height: In CSS pixels.
        language: What the browser asks for, such as ``zh-CN``.
        scheme: The colours that the reader's system prefers.
        javascript: Whether scripts run.
        other_origins: Whom pages may call beside the site, such as the authserver.
    """

    width: int = 1280
    height: int = 800
    language: str = "en"
    scheme: Literal["light", "dark"] = "light"
    javascript: bool = True
    other_origins: tuple[str, ...] = ()


class Visitor:
    """Somebody with a window and cookies of their own.

    Attributes:
        context: Holds the cookies; opens further pages.
        page: The first page.
        runs_scripts: Whether scripts run in it.
        troubles: What went wrong, as sentences: console errors and warnings, exceptions of
            scripts, requests that failed or went elsewhere, answers of 500 and above.
    """

    def __init__(self, browser: Browser, origin: str, window: Window) -> None:
        """Open a window on the site at ``origin``."""
        self.origin = origin
        self.runs_scripts = window.javascript
        self.troubles: list[str] = []
        self._tolerated: list[str] = []
        self._origins, self._here = {origin, *window.other_origins}, origin
        self.context = browser.new_context(
            base_url=origin,
            viewport={"width": window.width, "height": window.height},
            locale=window.language,
            color_scheme=window.scheme,
            java_script_enabled=window.javascript,
            reduced_motion="reduce",
            accept_downloads=True,
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("console", self._on_console)
        self.context.on("weberror", self._on_exception)
        self.context.on("request", self._on_request)
        self.context.on("response", self._on_response)
        self.context.on("requestfailed", self._on_failure)
        self.page: Page = self.context.new_page()

    def go(self, path: str) -> Response:
        """Open a path of the site, or a whole address, on the first page; return the answer."""
        url = urlsplit(path)
        self._here = f"{url.scheme}://{url.netloc}" if url.netloc else self.origin
        response = self.page.goto(path)
        assert response is not None, f"{path} is the page that is open already"
        return response

    def sign_in_as(self, person: Person) -> None:
        """Take over the session in which somebody signed up, at no cost of time."""
        session = person.cookies["sessionid"]
        self.context.add_cookies([{"name": "sessionid", "value": session, "url": self.origin}])

    def sign_in(self, email: str, password: str) -> None:
        """Sign in by the form."""
        self.go("/accounts/login/")
        self.page.fill("input[name=login]", email)
        self.page.fill("input[name=password]", password)
        with self.page.expect_navigation():
            self.page.press("input[name=password]", "Enter")

    def tolerate(self, pattern: str) -> None:
        """Forget troubles, those to come included, in which a regular expression is found."""
        self._tolerated.append(pattern)

    def forget_troubles(self) -> None:
        """Begin anew, with nothing that went wrong and nothing tolerated."""
        self.troubles.clear()
        self._tolerated.clear()

    def check(self) -> None:
        """Fail if there was any trouble that is not tolerated."""
        remaining = [
            trouble
            for trouble in self.troubles
            if not any(re.search(pattern, trouble) for pattern in self._tolerated)
        ]
        assert not remaining, "In the browser:\n  " + "\n  ".join(remaining)

    def close(self) -> None:
        """Close the window."""
        self.context.close()

    def _note(self, trouble: str) -> None:
        self.troubles.append(trouble)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._note(f"console {message.type}: {message.text} ({message.location['url']})")

    def _on_exception(self, exception: WebError) -> None:
        self._note(f"exception: {exception.error.stack or exception.error}")

    def _on_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("data", "blob"):
            return
        if f"{url.scheme}://{url.netloc}" not in {self._here, *self._origins}:
            self._note(f"request to another origin: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._note(f"answer {response.status}: {response.url}")

    def _on_failure(self, request: Request) -> None:
        # Aborted is what a page had under way when it was left, and what became a download.
        if request.failure != "net::ERR_ABORTED":
            self._note(f"failed request: {request.url} ({request.failure})")
