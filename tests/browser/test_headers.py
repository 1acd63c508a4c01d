"""What the browser is told, and how much it has to load."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Request

from tests.browser.browser import Visitor
from tests.browser.pages import PAGES, Page
from tests.browser.scene import Scene
from tests.e2e.live import Live

FIRST_PAGE_MS = 300
FIRST_PAGE_BYTES = 150_000
ROUNDS = 5

LOAD_MS = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_policy_of_a_page_lets_no_inline_code_run(
    visitor: Visitor, scene: Scene, page: Page
) -> None:
    scene.enter(visitor, page.who)
    page.open(visitor, scene)
    answer = visitor.page.request.get(page.path.format_map(scene.places))
    policy = answer.headers["content-security-policy"]
    assert re.search(r"default-src 'self'(;|$)", policy)
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
    # Nor does the page hold any, which browsers would only grumble about.
    assert visitor.page.locator("[style], script:not([src])").count() == 0


def test_cookies_stay_within_the_site(visitor: Visitor, site: Live) -> None:
    anna = site.party("Anna Meier").person
    visitor.sign_in(anna.email, anna.password)
    visitor.go("/accounts/password/reset/")
    cookies = {cookie["name"]: cookie for cookie in visitor.context.cookies()}
    assert {"sessionid", "csrftoken"} <= cookies.keys()
    assert {cookie["sameSite"] for cookie in cookies.values()} == {"Lax"}
    assert cookies["sessionid"]["httpOnly"]


def test_the_first_page_is_small(visitor: Visitor) -> None:
    loaded: list[Request] = []
    visitor.page.on("requestfinished", loaded.append)
    visitor.go("/")
    visitor.page.wait_for_load_state("networkidle")
    sizes = [request.sizes() for request in loaded]
    assert len(sizes) > 1
    total = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
    assert total < FIRST_PAGE_BYTES


def test_the_first_page_is_fast_once_the_server_is_warm(
    new_visitor: Callable[..., Visitor],
) -> None:
    times = []
    for _ in range(ROUNDS):
        # A window of its own has nothing in its cache.
        visitor = new_visitor()
        visitor.go("/")
        times.append(visitor.page.evaluate(LOAD_MS))
    assert min(times) < FIRST_PAGE_MS
