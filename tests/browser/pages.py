"""Every page there is, for screenshots and for the rules that all pages keep.

Whoever adds a page adds a row. Names in braces are :attr:`Scene.places`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page as BrowserPage

from tests.browser.browser import Visitor
from tests.browser.scene import Scene

Act = Callable[[BrowserPage, Scene], None]


@dataclass(frozen=True, slots=True)
class Page:
    """One page, or one state of it.

    Attributes:
        name: For its pictures.
        path: Where it is.
        who: Which of the scene's people looks at it; nobody signed in when empty.
        status: What the site answers.
        act: What to do before it shows what it is to show, such as pasting a receipt.
    """

    name: str
    path: str
    who: str = ""
    status: int = 200
    act: Act | None = None

    def open(self, visitor: Visitor, scene: Scene) -> None:
        """Bring a visitor to it who is signed in as the one who is to look at it."""
        if self.status >= 400:
            # The browser says so by itself.
            visitor.tolerate(f"the server responded with a status of {self.status}")
        answer = visitor.go(self.path.format_map(scene.places))
        assert answer.status == self.status, f"{self.name} answers {answer.status}"
        # Seen only once scripts and pictures are there.
        visitor.page.wait_for_load_state()
        if self.act:
            self.act(visitor.page, scene)


PAGES = (
    Page("landing", "/"),
    Page("sign-up", "/accounts/signup/"),
    Page("sign-in", "/accounts/login/"),
    Page("reset-password", "/accounts/password/reset/"),
    Page("home", "/", who="anna"),
    Page("home-empty", "/", who="nora"),
    Page("sign-out", "/accounts/logout/", who="anna"),
    Page("console", "/console/", who="operator"),
    Page("console-found", "/console/?q=e", who="operator"),
    Page("console-holders", "/console/holders", who="operator"),
    Page("console-holder", "/console/holders/{account}", who="operator"),
    Page("console-tokens", "/console/tokens", who="operator"),
    Page("console-token", "/console/tokens/{token}", who="operator"),
    Page("console-hosts", "/console/hosts", who="operator"),
    Page("console-host", "/console/hosts/1", who="operator"),
    Page("console-transactions", "/console/transactions", who="operator"),
    Page("console-transaction", "/console/transactions/{transaction}", who="operator"),
    Page("console-stuck", "/console/transactions/{stuck}", who="operator"),
    Page("console-audit", "/console/audit", who="operator"),
    Page("console-forbidden", "/console/", who="anna", status=403),
    Page("styleguide", "/styleguide", who="operator"),
    Page("not-found", "/no/such/page", status=404),
)
