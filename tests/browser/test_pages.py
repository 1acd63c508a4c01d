"""Rules that every page of the table keeps."""

from collections.abc import Callable

import pytest

from tests.browser.browser import Visitor
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.pages import PAGES, Page
from tests.browser.scene import Scene

NewVisitor = Callable[..., Visitor]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def opened(visitor: Visitor, page: Page, scene: Scene) -> Visitor:
    scene.enter(visitor, page.who)
    page.open(visitor, scene)
    return visitor


# One visit for several rules: most of the time goes into opening pages.
@every_page
def test_a_page_is_accessible_in_light_and_in_dark_and_fits_a_small_phone(
    new_visitor: NewVisitor, scene: Scene, page: Page
) -> None:
    shown = opened(new_visitor(), page, scene).page
    assert_accessible(shown)
    shown.emulate_media(color_scheme="dark")
    assert_accessible(shown, rules=["color-contrast"])
    shown.set_viewport_size({"width": 360, "height": 740})
    assert_fits(shown)


@every_page
def test_a_page_fits_a_small_phone_in_chinese(
    new_visitor: NewVisitor, scene: Scene, page: Page
) -> None:
    assert_fits(opened(new_visitor(width=360, language="zh-CN"), page, scene).page)


def test_no_two_pages_have_one_name() -> None:
    assert len({page.name for page in PAGES}) == len(PAGES)
