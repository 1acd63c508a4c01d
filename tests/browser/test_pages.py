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


@every_page
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_page_fits_a_small_phone(
    new_visitor: NewVisitor, scene: Scene, page: Page, language: str
) -> None:
    visitor = opened(new_visitor(width=360, language=language), page, scene)
    assert_fits(visitor.page)


@every_page
def test_a_page_is_accessible_in_light_and_in_dark(
    new_visitor: NewVisitor, scene: Scene, page: Page
) -> None:
    visitor = opened(new_visitor(), page, scene)
    assert_accessible(visitor.page)
    visitor.page.emulate_media(color_scheme="dark")
    assert_accessible(visitor.page)


def test_no_two_pages_have_one_name() -> None:
    assert len({page.name for page in PAGES}) == len(PAGES)
