"""Rules that every page of the table keeps."""

from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as BrowserPage

from tests.browser.browser import Visitor, Window
from tests.browser.checks import AXE, assert_accessible, assert_fits
from tests.browser.conftest import VISITORS
from tests.browser.host_pages import HOST_PAGES, TOKEN_PAGES, TOKEN_WALKS, Walk
from tests.browser.pages import PAGES, Page
from tests.browser.scene import Scene
from tests.e2e.live import Live

DESK, CHINESE_PHONE = Window(), Window(width=360, height=740, language="zh-CN")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


class Passer:
    """Somebody who goes through all pages by one window: to open one takes longer than a page."""

    def __init__(self, browser: Browser, site: Live, scene: Scene, window: Window) -> None:
        self._scene = scene
        self._visitor = visitor = Visitor(browser, site.origin, window)
        # Faster than :func:`assert_accessible` brings it into each page.
        visitor.context.add_init_script(path=AXE)
        self._debugger = visitor.context.new_cdp_session(visitor.page)

    def open(self, request: pytest.FixtureRequest, page: Page) -> Visitor:
        """Return the window with this page in it, and nothing left of the pages before."""
        visitor = self._visitor
        if page.act:
            self._forget()
        visitor.context.clear_cookies()
        visitor.forget_troubles()
        request.node.stash[VISITORS] = [visitor]
        self._scene.enter(visitor, page.who)
        page.open(visitor, self._scene)
        return visitor

    def close(self) -> None:
        self._visitor.close()

    def _forget(self) -> None:
        """Clear what a page kept in the browser, which is not for the next one."""
        # First leave it, or it writes once more.
        self._visitor.page.goto("about:blank")
        self._debugger.send(
            "Storage.clearDataForOrigin",
            {"origin": self._visitor.origin, "storageTypes": "indexeddb,local_storage"},
        )


@pytest.fixture(scope="module")
def desk(browser: Browser, site: Live, scene: Scene) -> Iterator[Passer]:
    passer = Passer(browser, site, scene, DESK)
    yield passer
    passer.close()


@pytest.fixture(scope="module")
def chinese_phone(browser: Browser, site: Live, scene: Scene) -> Iterator[Passer]:
    passer = Passer(browser, site, scene, CHINESE_PHONE)
    yield passer
    passer.close()


def assert_good(page: BrowserPage, window: Window) -> None:
    """Fail unless what is shown is accessible, in light and in dark, and fits a small phone."""
    assert_accessible(page)
    page.emulate_media(color_scheme="dark")
    assert_accessible(page, rules=["color-contrast"])
    page.emulate_media(color_scheme="light")
    is_small = window.width == CHINESE_PHONE.width
    if not is_small:
        page.set_viewport_size({"width": CHINESE_PHONE.width, "height": CHINESE_PHONE.height})
    assert_fits(page)
    if not is_small:
        page.set_viewport_size({"width": window.width, "height": window.height})


# One visit for several rules: most of the time goes into opening pages.
@every_page
def test_a_page_is_accessible_in_light_and_in_dark_and_fits_a_small_phone(
    desk: Passer, request: pytest.FixtureRequest, page: Page
) -> None:
    visitor = desk.open(request, page)
    assert_good(visitor.page, DESK)
    visitor.check()


@every_page
def test_a_page_fits_a_small_phone_in_chinese(
    chinese_phone: Passer, request: pytest.FixtureRequest, page: Page
) -> None:
    visitor = chinese_phone.open(request, page)
    assert_fits(visitor.page)
    visitor.check()


# tests.browser.test_operator_pages has more of them, in English.
def test_the_pages_of_the_host_fit_a_small_phone_in_chinese(
    chinese_phone: Passer, request: pytest.FixtureRequest, scene: Scene
) -> None:
    visitor = chinese_phone.open(request, HOST_PAGES[0])
    for page in HOST_PAGES[1:]:
        page.open(visitor, scene)
        expect(visitor.page.locator("html")).to_have_attribute("lang", "zh-hans")
        assert_fits(visitor.page)
        visitor.check()


@pytest.mark.parametrize(
    ("window", "language"), [(DESK, "en"), (CHINESE_PHONE, "zh-hans")], ids=["en", "zh-hans"]
)
@pytest.mark.parametrize("walk", TOKEN_WALKS, ids=["enrolled", "used"])
def test_the_screens_of_the_token_app_are_accessible_and_fit_a_small_phone(
    new_visitor: Callable[..., Visitor], scene: Scene, walk: Walk, window: Window, language: str
) -> None:
    visitor = new_visitor(**asdict(window))
    visitor.context.add_init_script(path=AXE)
    page, seen = visitor.page, []
    visitor.go(f"{scene.places['host']}/token/")
    expect(page.locator("html")).to_have_attribute("lang", language)
    for name in walk(page, scene):
        seen.append(name)
        assert_good(page, window)
    assert tuple(seen) == TOKEN_WALKS[walk]


def test_no_two_pages_have_one_name() -> None:
    every = (*PAGES, *HOST_PAGES, *TOKEN_PAGES)
    assert len({page.name for page in every}) == len(every)
