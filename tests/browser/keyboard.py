"""Somebody who uses the keyboard alone."""

from playwright.sync_api import Locator, Page, expect

# More presses of Tab than any page has controls.
MAX_TABS = 60


def press_to(page: Page, name: str, role: str = "button") -> None:
    """Walk by the keyboard to a control of this name, and press Enter."""
    target = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]  # a role
    expect(target).to_be_visible()
    walk_to(page, target, name)
    # And not whatever takes the focus at this moment.
    target.press("Enter")


def type_into(page: Page, label: str, text: str) -> None:
    """Walk by the keyboard to a field, and type."""
    walk_to(page, page.get_by_label(label), label)
    page.keyboard.type(text)


def walk_to(page: Page, target: Locator, name: str) -> None:
    """Press Tab until an element has the focus; fail if it never does."""
    for _ in range(MAX_TABS):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {name}")
