"""The operators' pages in a browser: for every reader, on a narrow phone, by keyboard alone."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.browser import Visitor
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.pages import PAGES, Page
from tests.browser.scene import Scene

OPERATORS_PAGES = [page for page in PAGES if page.who == "operator"]
