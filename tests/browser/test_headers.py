"""What the browser is told, and how much it has to load."""

import re
import time
from collections.abc import Callable
from urllib.parse import urljoin

import pytest
import urllib3

from tests.browser.browser import Visitor
from tests.browser.host_pages import TOKEN_PAGES
from tests.browser.pages import PAGES, Page
from tests.browser.scene import Scene
from tests.e2e.live import Live

FIRST_PAGE_MS = 300
FIRST_PAGE_BYTES = 150_000
ROUNDS = 30
WORK_SECONDS = 0.1

INLINE = re.compile(
    r"""<\w[^>]*\s(?:style|on\w+)=|<style|<script(?![^>]*\s(?:src|type="application/json"))"""
)
SIZES = """() => [
  ...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')
].map((entry) => entry.transferSize)"""
LOAD_MS = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"


@pytest.mark.parametrize("page", [*PAGES, TOKEN_PAGES[0]], ids=lambda page: page.name)
def test_a_page_holds_no_inline_code_and_its_policy_allows_none(
    site: Live, scene: Scene, page: Page
) -> None:
    person = scene.people[page.who] if page.who else None
    answer = urllib3.request(
        "GET",
        urljoin(site.origin, page.path.format_map(scene.places)),
        headers={"Cookie": f"sessionid={person.cookies['sessionid']}"} if person else {},
        redirect=False,
        timeout=60,
    )
    assert answer.status == page.status
    policy = answer.headers["Content-Security-Policy"]
    assert re.search(r"default-src '(self|none)'(;|$)", policy)
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
    assert INLINE.findall(answer.data.decode()) == []


def test_cookies_stay_within_the_site(visitor: Visitor, site: Live) -> None:
    anna = site.party("Anna Meier").person
    visitor.sign_in(anna.email, anna.password)
    visitor.go("/accounts/password/reset/")
    cookies = {cookie["name"]: cookie for cookie in visitor.context.cookies()}
    assert {"sessionid", "csrftoken"} <= cookies.keys()
    assert {cookie["sameSite"] for cookie in cookies.values()} == {"Lax"}
    assert cookies["sessionid"]["httpOnly"]


def test_the_first_page_is_small(visitor: Visitor) -> None:
    visitor.go("/")
    visitor.page.wait_for_load_state("networkidle")
    sizes = visitor.page.evaluate(SIZES)
    assert len(sizes) > 1
    assert sum(sizes) < FIRST_PAGE_BYTES


def test_the_first_page_is_fast_once_the_server_is_warm(
    new_visitor: Callable[..., Visitor],
) -> None:
    times: list[float] = []
    # A machine that does other things at the same time gets further chances.
    while (not times or min(times) >= FIRST_PAGE_MS) and len(times) < ROUNDS:
        # A window of its own has nothing in its cache.
        visitor = new_visitor()
        before = waits_for_the_processor()
        visitor.go("/")
        took = visitor.page.evaluate(LOAD_MS)
        times.append(took / max(before, waits_for_the_processor()))
    assert min(times) < FIRST_PAGE_MS


def waits_for_the_processor() -> float:
    """How many times as long as on an idle machine some work takes at this moment."""
    began, worked = time.perf_counter(), time.thread_time()
    while time.thread_time() - worked < WORK_SECONDS:
        pass
    return (time.perf_counter() - began) / WORK_SECONDS
