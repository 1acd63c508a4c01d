"""What every page must stand: a screen reader's user, and a narrow phone."""

from collections.abc import Sequence
from functools import cache

from playwright.sync_api import Page

from countersign.local import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
# Of the largest icon of an app.
MIN_ICON_PIXELS = 192

_WIDE = """() => {
  const limit = document.documentElement.clientWidth
  const isClipped = (element) => {
    for (let e = element.parentElement; e && e !== document.body; e = e.parentElement) {
      if (getComputedStyle(e).overflowX !== 'visible') return true
    }
    return false
  }
  const wide = [...document.body.querySelectorAll('*')]
    .filter((e) => e.getBoundingClientRect().right > limit + 1 && !isClipped(e))
    .map((e) => `${e.cloneNode().outerHTML} ends at ${Math.ceil(e.getBoundingClientRect().right)}`)
  const scrolled = document.documentElement.scrollWidth
  return scrolled > limit ? [`the page is ${scrolled} wide`, ...wide] : wide
}"""


# What else it found stays in the page: to carry it over takes longer than to find it.
_RUN = """async ([options, grave]) => {
  const { violations } = await axe.run(document, options)
  return violations.filter(({ impact }) => grave.includes(impact))
}"""


@cache
def _axe() -> str:
    return AXE.read_text("utf-8")


def assert_accessible(page: Page, rules: Sequence[str] = ()) -> None:
    """Fail on what axe-core calls serious or critical, by all of its rules or by some."""
    page.wait_for_load_state()
    # A script element would be refused by the page's policy; the debugger is not.
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    # Style sheets are preloaded for experimental rules alone, which are off.
    options = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = [*rules]
    found = page.evaluate(_RUN, [options, GRAVE])
    faults = [
        f"{rule['impact']} {rule['id']}: {rule['help']}\n    {node['html']}\n    "
        + node["failureSummary"].replace("\n", "\n    ")
        for rule in found
        for node in rule["nodes"]
    ]
    assert not faults, f"axe-core on {page.url}:\n  " + "\n  ".join(faults)


def assert_installable(page: Page) -> None:
    """Fail if Chromium would not install the page as an app; a test's window it never would."""
    session = page.context.new_cdp_session(page)
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    told = session.send("Page.getAppManifest")
    session.detach()
    assert {error["errorId"] for error in errors} <= {"in-incognito"}
    # A Chromium without windows installs nothing and therefore looks for no errors.
    manifest = told["manifest"]
    assert told["errors"] == []
    assert manifest["name"]
    assert manifest["display"] == "kStandalone"
    assert manifest["startUrl"].startswith(manifest["scope"])
    assert page.url.startswith(manifest["scope"])
    sizes = [
        int(icon["sizes"].split("x")[0]) for icon in manifest["icons"] if "x" in icon["sizes"]
    ]
    assert max(sizes) >= MIN_ICON_PIXELS
    assert all(page.request.get(icon["url"]).ok for icon in manifest["icons"])


def assert_fits(page: Page) -> None:
    """Fail if the page scrolls sideways, or an element ends beyond its right edge.

    What stands in a part that scrolls by itself, such as a wide table in its frame, may be wide.
    """
    page.wait_for_load_state()
    wide = page.evaluate(_WIDE)
    viewport = page.viewport_size or {"width": 0}
    assert not wide, f"{page.url} at {viewport['width']}:\n  " + "\n  ".join(wide)
