"""Rules that every page of the table keeps."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize

from tests.browser.browser import Visitor, Window
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.conftest import VISITORS
from tests.browser.pages import PAGES, Page
from tests.browser.scene import Scene
from tests.e2e.live import Live

SMALL: ViewportSize = {"width": 360, "height": 740}
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


class Passer:
    """Somebody who goes through all pages by one window: to open one takes longer than a page."""

    def __init__(self, browser: Browser, site: Live, scene: Scene, window: Window) -> None:
        self._browser, self._site, self._scene, self._window = browser, site, scene, window
        self._visitor = self._new()

    def open(self, request: pytest.FixtureRequest, page: Page) -> Visitor:
        """Return the window with this page in it, and nothing left of the pages before."""
        visitor = self._visitor
        if page.act:
            # What a page keeps in the browser is not for the next one.
            visitor.close()
            visitor = self._visitor = self._new()
        visitor.context.clear_cookies()
        visitor.forget_troubles()
        visitor.page.emulate_media(color_scheme="light")
        visitor.page.set_viewport_size(
            {"width": self._window.width, "height": self._window.height}
        )
        request.node.stash[VISITORS] = [visitor]
        self._scene.enter(visitor, page.who)
        page.open(visitor, self._scene)
        return visitor

    def close(self) -> None:
        self._visitor.close()

    def _new(self) -> Visitor:
        return Visitor(self._browser, self._site.origin, self._window)


@pytest.fixture(scope="module")
def desk(browser: Browser, site: Live, scene: Scene) -> Iterator[Passer]:
    passer = Passer(browser, site, scene, Window())
    yield passer
    passer.close()


@pytest.fixture(scope="module")
def chinese_phone(browser: Browser, site: Live, scene: Scene) -> Iterator[Passer]:
    passer = Passer(
        browser,
        site,
        scene,
        Window(width=SMALL["width"], height=SMALL["height"], language="zh-CN"),
    )
    yield passer
    passer.close()


# One visit for several rules: most of the time goes into opening pages.
@every_page
def test_a_page_is_accessible_in_light_and_in_dark_and_fits_a_small_phone(
    desk: Passer, request: pytest.FixtureRequest, page: Page
) -> None:
    visitor = desk.open(request, page)
    assert_accessible(visitor.page)
    visitor.page.emulate_media(color_scheme="dark")
    assert_accessible(visitor.page, rules=["color-contrast"])
    visitor.page.set_viewport_size(SMALL)
    assert_fits(visitor.page)
    visitor.check()


@every_page
def test_a_page_fits_a_small_phone_in_chinese(
    chinese_phone: Passer, request: pytest.FixtureRequest, page: Page
) -> None:
    visitor = chinese_phone.open(request, page)
    assert_fits(visitor.page)
    visitor.check()


def test_no_two_pages_have_one_name() -> None:
    assert len({page.name for page in PAGES}) == len(PAGES)
