"""The operators' pages by keyboard alone; what all pages must stand is in test_pages.py."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.browser import Visitor
from tests.browser.scene import Scene
from tests.e2e.live import Live
from tests.e2e.wire import Fault

MOST_TABS = 60


def tab_to(page: Page, wanted: Locator) -> None:
    """Press the tabulator until something has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError("the keyboard does not get there")


def test_an_operator_finds_a_stuck_step_and_settles_it(
    visitor: Visitor, site: Live, scene: Scene
) -> None:
    anna = site.party("Anna Meier")
    step = anna.open()
    with site.back.spoiled(Fault(answer=b"")):
        anna.call("POST", f"/steps/{step['id']}/cancel")
    scene.enter(visitor, "operator")
    page = visitor.page

    visitor.go("/console/")
    tab_to(page, page.get_by_label("Search", exact=True))
    page.keyboard.type(step["id"][:12])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/console/transactions/{step['transaction']}*")
    tab_to(page, page.get_by_role("button", name="Settle step 1 now"))
    page.keyboard.press("Enter")

    expect(page.get_by_text("The step is settled.")).to_be_visible()
    expect(page.get_by_role("button", name="Settle step 1 now")).to_have_count(0)


def test_a_wide_table_scrolls_by_keyboard_within_its_frame(
    new_visitor: Callable[..., Visitor], scene: Scene
) -> None:
    visitor = new_visitor(width=360)
    scene.enter(visitor, "operator")
    visitor.go("/console/audit")
    frame = visitor.page.get_by_role("region", name="Audit")

    tab_to(visitor.page, frame)
    visitor.page.keyboard.press("End")
    for _ in range(10):
        visitor.page.keyboard.press("ArrowRight")

    cell = frame.get_by_role("columnheader", name="When")
    expect(cell).not_to_be_in_viewport(ratio=1)
