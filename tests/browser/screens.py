"""Shoot every page: small and large, light and dark, in every language.

``python -m tests.browser.screens [--only NAME…] [--folder FOLDER]``
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Error, sync_playwright

from countersign.local import ROOT
from tests.browser.browser import BrowserMissingError, Visitor, Window, launch
from tests.browser.host_pages import HOST_PAGES, TOKEN_PAGES
from tests.browser.pages import PAGES, Page
from tests.browser.scene import Scene, make_scene
from tests.browser.token_scene import fill_stock
from tests.e2e.live import Live

# By the part of the file's name.
LANGUAGES = {"en": "en", "zh-hans": "zh-CN"}
ALL = (*PAGES, *HOST_PAGES, *TOKEN_PAGES)
SIZES = {360: 740, 1280: 800}


def main() -> int:
    """Parse the command line and shoot; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screens")
    parser.add_argument("--only", nargs="+", default=[""], help="what their names begin with")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "screens")
    options = parser.parse_args()
    pages = [page for page in ALL if page.name.startswith(tuple(options.only))]
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as own, sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except BrowserMissingError as missing:
            sys.stderr.write(f"{missing}\n")
            return 1
        with Live(Path(own)).up() as site:
            fill_stock(site)
            troubles = shoot(browser, site, pages, options.folder)
        browser.close()
    sys.stderr.writelines(f"{trouble}\n" for trouble in troubles)
    sys.stdout.write(f"{len(pages)} pages in {options.folder}, {len(troubles)} in trouble\n")
    return 1 if troubles or not pages else 0


def shoot(browser: Browser, site: Live, pages: Sequence[Page], folder: Path) -> list[str]:
    """Write all pictures of pages; return what went wrong, in sentences."""
    scene = make_scene(site)
    troubles = []
    for language, locale in LANGUAGES.items():
        visitors: dict[str, Visitor] = {}
        for page in pages:
            if page.who not in visitors:
                visitors[page.who] = Visitor(browser, site.origin, Window(language=locale))
                scene.enter(visitors[page.who], page.who)
            try:
                _shoot_page(visitors[page.who], scene, page, f"{folder}/{page.name}-{language}")
            except (AssertionError, Error) as trouble:
                troubles.append(f"{page.name} ({language}): {trouble}")
            if page.act:
                # What a page keeps in the browser is not for the next one.
                visitors.pop(page.who).close()
        for visitor in visitors.values():
            visitor.close()
    return troubles


def _shoot_page(visitor: Visitor, scene: Scene, page: Page, stem: str) -> None:
    visitor.troubles.clear()
    page.open(visitor, scene)
    for width, height in SIZES.items():
        visitor.page.set_viewport_size({"width": width, "height": height})
        # As high as the page, so that what sticks to the bottom is seen there.
        whole = visitor.page.evaluate("document.documentElement.scrollHeight")
        visitor.page.set_viewport_size({"width": width, "height": whole})
        for scheme in ("light", "dark"):
            visitor.page.emulate_media(color_scheme=scheme)
            path = f"{stem}-{width}-{scheme}.png"
            visitor.page.screenshot(path=path, animations="disabled")
    visitor.check()


if __name__ == "__main__":
    sys.exit(main())
