"""Fixtures: the services, a browser, and visitors whose every trouble fails their test."""

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Playwright, expect, sync_playwright

from countersign.local import ROOT
from tests.browser.browser import PATIENCE_MS, BrowserMissingError, Visitor, Window, launch
from tests.browser.checks import AXE
from tests.browser.readers import Reader, ReaderMissingError, in_browser, in_node
from tests.browser.scene import Scene, make_scene, renew
from tests.browser.token_scene import fill_stock
from tests.e2e.live import LOOPBACK, Live

expect.set_options(timeout=PATIENCE_MS)

PICTURES = ROOT / "var" / "browser"
VISITORS = pytest.StashKey[list[Visitor]]()
HAS_FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of this folder reach the loopback address."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test where its visitors stood, and their troubles."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[HAS_FAILED] = True
        name = re.sub(r"\W+", "_", item.name)[:80]
        visitors: list[Visitor] = item.stash.get(VISITORS, [])
        for number, visitor in enumerate(visitors):
            path = PICTURES / f"{name}-{number}.png"
            # A page that is closed, or crashed, has no picture.
            with suppress(Error):
                visitor.page.screenshot(path=path, full_page=True)
            shown = "\n".join([visitor.page.url, str(path), *visitor.troubles])
            report.sections.append((f"visitor {number}", shown))
    return report


# The fixtures of the whole package end with it: while Playwright runs, Django believes itself to
# be in an event loop, and lets no other test near its database.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium; skip where it, or what npm installs, is missing."""
    if not AXE.exists():
        pytest.skip("node_modules is missing (make setup)")
    try:
        browser = launch(playwright)
    except BrowserMissingError as missing:
        pytest.skip(str(missing))
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Both services; not those of the other tests, since browsers say much over the wire."""
    with Live(tmp_path_factory.mktemp("site")).up() as live:
        fill_stock(live)
        yield live


@pytest.fixture(scope="package")
def scene(site: Live) -> Scene:
    """What every page has to show: see :class:`Scene`; to be looked at, not to be changed."""
    return make_scene(site)


@pytest.fixture(autouse=True)
def _in_time(request: pytest.FixtureRequest) -> None:
    """Renew the scene before each test that sees it: all of them may take longer than it lasts."""
    if "scene" in request.fixturenames:
        renew(request.getfixturevalue("site"), request.getfixturevalue("scene"))


@pytest.fixture
def new_visitor(
    request: pytest.FixtureRequest, playwright: Playwright, browser: Browser, site: Live
) -> Iterator[Callable[..., Visitor]]:
    """Return what opens a window: ``new_visitor(width=360, language="zh-CN", camera=path)``.

    Its arguments are those of :class:`Window`, and ``camera``: what a camera sees, which takes
    a browser of its own.
    """
    visitors: list[Visitor] = request.node.stash.setdefault(VISITORS, [])
    own: list[Browser] = []

    def new(camera: Path | None = None, **window: object) -> Visitor:
        if camera is not None:
            own.append(launch(playwright, camera))
        chosen = browser if camera is None else own[-1]
        visitors.append(Visitor(chosen, site.origin, Window(**window)))  # type: ignore[arg-type]  # as given
        return visitors[-1]

    yield new
    for visitor in visitors:
        visitor.close()
    for browser_of_camera in own:
        browser_of_camera.close()
    if not request.node.stash.get(HAS_FAILED, False):
        for visitor in visitors:
            visitor.check()


@pytest.fixture
def visitor(new_visitor: Callable[..., Visitor]) -> Visitor:
    """Somebody at a desk, signed out, who reads English."""
    return new_visitor()


@pytest.fixture(scope="module")
def _own_visitor(browser: Browser, site: Live) -> Iterator[Visitor]:
    visitor = Visitor(browser, site.origin, Window())
    yield visitor
    visitor.close()


@pytest.fixture
def lasting_visitor(_own_visitor: Visitor, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """One for all tests of a module, in whose window is what the last one left."""
    request.node.stash.setdefault(VISITORS, []).append(_own_visitor)
    _own_visitor.forget_troubles()
    yield _own_visitor
    if not request.node.stash.get(HAS_FAILED, False):
        _own_visitor.check()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """The site's modules in Node; skip where it is not installed."""
    try:
        with in_node(tmp_path_factory.mktemp("static")) as reader:
            yield reader
    except ReaderMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module", params=["node", "chromium"])
def any_reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    """The same in Node and in Chromium, whose cryptography and inflating differ."""
    if request.param == "node":
        yield request.getfixturevalue("reader")
        return
    try:
        with in_browser(request.getfixturevalue("browser")) as reader:
            yield reader
    except ReaderMissingError as missing:
        pytest.skip(str(missing))
