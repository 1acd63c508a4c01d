"""Every page there is, for screenshots and for the rules that all pages keep.

Whoever adds a page adds a row. Names in braces are :attr:`Scene.places`.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page as BrowserPage

from protocol import qrtext
from protocol.qrtext import Link
from tests.browser.browser import Visitor
from tests.browser.scene import Scene

Act = Callable[[BrowserPage, Scene], object]


@dataclass(frozen=True, slots=True)
class Page:
    """One page, or one state of it.

    Attributes:
        name: For its pictures.
        path: Where it is; a whole address when it is not of this site.
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


def _unfold(page: BrowserPage, scene: Scene) -> None:
    """Open what is folded."""
    for summary in page.locator("main summary").all():
        summary.click()


def _scan(page: BrowserPage, text: str) -> None:
    """Verify a text, and unfold all that is said of it."""
    page.fill("#text", text)
    page.locator("#by-text button").click()
    page.locator(".verdict, #said .command").wait_for()
    for summary in page.locator("main summary").all():
        summary.click()


def _keep(page: BrowserPage, scene: Scene) -> None:
    """Keep some receipts in the browser."""
    page.locator("#history-on").check()
    for text in (scene.receipt, scene.refusal, _changed(scene.receipt)):
        _scan(page, text)
        page.locator("[data-again]").click()
    page.locator("#history-list > li").nth(2).wait_for()


def _changed(receipt: str) -> str:
    """Change a word in a receipt."""
    origin, message = qrtext.decode(receipt, Link.RECEIPT)
    return qrtext.encode(origin, Link.RECEIPT, message.replace(b"noon", b"dusk"))


def _wait_for(selector: str) -> Act:
    """Return what waits for a script to show something."""
    return lambda page, _: page.locator(selector).wait_for()


def _begin_enrolment(page: BrowserPage, scene: Scene) -> None:
    """Have a server paired with a new token, and unfold its link."""
    page.fill("[name=name]", "Tablet")
    page.locator("main form button").click()
    page.wait_for_url("**/activate")
    _unfold(page, scene)


def _add_webhook(page: BrowserPage, scene: Scene) -> None:
    """Have a program told."""
    page.fill("[name=url]", f"https://shop.example/{secrets.token_hex(4)}")
    page.locator("main form button").last.click()
    page.wait_for_url("**/webhooks/*")


def _sign_in(page: BrowserPage, scene: Scene) -> None:
    """Type the right password of somebody who is asked for a token, too."""
    sina = scene.people["sina"]
    page.fill("[name=login]", sina.email)
    page.fill("[name=password]", sina.password)
    page.press("[name=password]", "Enter")
    page.locator(".qr img").first.wait_for()


def _open_menu(page: BrowserPage, scene: Scene) -> None:
    """Show all places there are."""
    page.click("[popovertarget=menu]")
    page.locator("#menu").wait_for()


def _invite_device(page: BrowserPage, scene: Scene) -> None:
    """Have a code shown by which a device is added."""
    page.click("button[value=invite]")
    page.locator("#device-command").wait_for()


def _await_kiosk(page: BrowserPage, scene: Scene) -> None:
    """Wait until the browser has seen whether it can be one."""
    page.locator("#setup").wait_for()


PAGES = (
    Page("landing", "/"),
    Page("sign-up", "/accounts/signup/"),
    Page("sign-in", "/accounts/login/"),
    Page("sign-in-token", "/accounts/login/", act=_sign_in),
    Page("reset-password", "/accounts/password/reset/"),
    Page("home", "/", who="anna"),
    Page("home-empty", "/", who="nora"),
    Page("transactions", "/transactions", who="anna"),
    Page("transactions-empty", "/transactions", who="nora"),
    Page("transaction", "/transactions/{transaction}", who="anna"),
    Page("transaction-stuck", "/transactions/{stuck}", who="anna"),
    Page("step-challenged", "/steps/{challenged}", who="anna", act=_unfold),
    Page("step-included", "/steps/{waiting}", who="chen"),
    Page("step-waiting", "/steps/{waiting}", who="anna"),
    Page("step-signed", "/steps/{signed}", who="anna"),
    Page("step-declined", "/steps/{declined}", who="anna"),
    Page("step-locked", "/steps/{locked}", who="anna"),
    Page("step-cancelled", "/steps/{cancelled}", who="anna"),
    Page("step-expired", "/steps/{expired}", who="anna"),
    Page("step-closing", "/steps/{closing}", who="anna"),
    Page("sign-out", "/accounts/logout/", who="anna"),
    Page("tokens", "/tokens", who="anna"),
    Page("tokens-empty", "/tokens", who="nora"),
    Page("token", "/tokens/{token}", who="anna", act=_unfold),
    Page("token-suspended", "/tokens/{suspended}", who="anna"),
    Page("token-new", "/tokens/new", who="anna"),
    Page("token-enrol", "/tokens/new", who="anna", act=_begin_enrolment),
    Page("tokens-many", "/tokens", who="tina"),
    Page("token-replaced", "/tokens/{replaced}", who="tina"),
    Page("token-replacing", "/tokens/{replacing}", who="tina"),
    Page("token-locked", "/tokens/{locked_token}", who="tina"),
    Page("token-replace", "/tokens/{replacing}/replace", who="tina"),
    Page("token-try", "/tokens/{replacing}/try", who="tina"),
    Page("token-unlock", "/tokens/{locked_token}/unlock", who="tina"),
    Page("token-resynchronise", "/tokens/{keypad}/resynchronise", who="tina"),
    Page(
        "token-resynchronise-answers",
        "/tokens/{keypad}/resynchronise/{first}/{second}",
        who="tina",
    ),
    Page("token-assign", "/tokens/assign?replaces={keypad}", who="tina"),
    Page("token-activate-card", "/tokens/{card}/activate", who="tina"),
    Page("step-card", "/steps/{card_step}", who="tina"),
    Page("step-typed", "/steps/{typed_step}", who="tina", act=_unfold),
    Page("step-tested", "/steps/{tried}", who="tina"),
    Page("step-unlocking", "/steps/{unlocking}", who="tina"),
    Page("inbox", "/inbox", who="anna"),
    Page("inbox-empty", "/inbox", who="nora"),
    Page("account", "/account", who="anna"),
    Page("webhooks", "/webhooks", who="anna"),
    Page("webhook", "/webhooks", who="nora", act=_add_webhook),
    Page("account-address", "/accounts/email/", who="anna"),
    Page("account-password", "/accounts/password/change/", who="anna"),
    Page("account-passkeys", "/accounts/2fa/", who="anna"),
    Page("account-token", "/account/token", who="anna"),
    Page("account-sessions", "/accounts/sessions/", who="anna"),
    Page("account-delete", "/account/delete", who="anna"),
    Page("account-delete-free", "/account/delete", who="nora"),
    Page("organisations", "/organisations", who="sina"),
    Page("organisation", "/organisations/{organisation}", who="orla", act=_unfold),
    Page("organisation-member", "/organisations/{organisation}/members/{member}", who="orla"),
    Page("account-again", "/accounts/reauthenticate/", who="anna"),
    Page("key", "/k"),
    Page("scan", "/scan", act=lambda page, _: page.locator("#ways").wait_for()),
    Page("scan-other", "/scan", act=lambda page, _: _scan(page, "https://example.org/")),
    Page("scan-receipt", "/scan", act=lambda page, scene: _scan(page, scene.receipt)),
    Page("scan-refusal", "/scan", act=lambda page, scene: _scan(page, scene.refusal)),
    Page("scan-test", "/scan", act=lambda page, scene: _scan(page, scene.test)),
    Page(
        "scan-charge", "/scan", act=lambda page, scene: _scan(page, scene.places["charge_receipt"])
    ),
    Page(
        "scan-right", "/scan", act=lambda page, scene: _scan(page, scene.places["right_receipt"])
    ),
    Page("scan-changed", "/scan", act=lambda page, scene: _scan(page, _changed(scene.receipt))),
    Page("scan-kept", "/scan", act=_keep),
    Page("new-transaction", "/transactions/new", who="anna"),
    Page("new-transaction-without-token", "/transactions/new", who="nora"),
    Page("continue", "/continue"),
    Page("continue-transaction", "/continue/{continuable}", who="ben"),
    Page("continue-not-possible", "/continue/{receipt}", who="nora", status=409),
    Page("menu", "/", who="operator", act=_open_menu),
    Page("shop", "/shop"),
    Page("shop-bought", "/shop", who="bea"),
    Page("shop-none", "/shop?kind=music&q=owls", who="nora"),
    Page("resource", "/shop/{video}", who="bea"),
    Page("resource-unlocked", "/shop/{music}", who="bea"),
    Page("resource-own", "/shop/{app}", who="dana"),
    Page("buy", "/shop/{video}/buy/{price}", who="bea"),
    Page("buy-too-much", "/shop/{video}/buy/{price}", who="nora"),
    Page("library", "/library", who="bea"),
    Page("library-empty", "/library", who="nora"),
    Page("purchase", "/library/{unlocked}", who="bea", act=_unfold),
    Page("purchase-pending", "/library/{pending}", who="bea"),
    Page("purchase-asked-back", "/library/{asked_back}", who="bea"),
    Page("purchase-given-back", "/library/{given_back}", who="bea"),
    Page("develop", "/develop", who="dana", act=_unfold),
    Page("develop-empty", "/develop", who="nora"),
    Page("develop-new", "/develop/new", who="dana"),
    Page("developed", "/develop/{music}", who="dana", act=_unfold),
    Page("developed-draft", "/develop/{draft}", who="dana"),
    Page("upload", "/develop/{draft}/upload", who="dana"),
    Page("wallet", "/wallet", who="bea", act=_unfold),
    Page("wallet-empty", "/wallet", who="nora"),
    Page("wallet-top-up", "/wallet/top-up", who="bea"),
    Page("wallet-payout", "/wallet/payout", who="dana"),
    Page("wallet-password", "/wallet/payment-password", who="bea"),
    Page("charges", "/charges", who="rosa", act=_unfold),
    Page("charges-empty", "/charges", who="nora"),
    Page("charge", "/charges/{charge}", who="rosa", act=_unfold),
    Page("charge-waiting", "/charges/{charge_waiting}", who="rosa"),
    Page("charge-confirm", "/charges/{charge_waiting}/confirm", who="rosa"),
    Page("charge-confirmed", "/charges/{charge}/confirm", who="rosa"),
    Page("charge-disputed", "/charges/{charge_disputed}", who="rosa"),
    Page("charge-answered", "/charges/{charge_answered}", who="rosa"),
    Page("develop-charges", "/develop/charges", who="gina", act=_unfold),
    Page("develop-charges-empty", "/develop/charges", who="nora"),
    Page("apps", "/apps"),
    Page("app", "/apps/{application}"),
    Page("app-of-holder", "/apps/{application}", who="rosa"),
    Page("devices", "/devices", who="bea"),
    Page("device-new", "/devices", who="nora", act=_invite_device),
    Page("phones", "/phones", who="paula"),
    Page("phones-none", "/phones", who="nora"),
    Page("phone", "/phones/{bound_phone}", who="paula", act=_unfold),
    Page("phone-stopped", "/phones/{stolen_phone}", who="paula"),
    Page("phone-new", "/phones/{new_phone}", who="paula"),
    Page("offline", "/offline", act=_wait_for("#new")),
    Page("offline-set-up", "/offline/set-up", who="lena", act=_wait_for("#set-up")),
    Page("offline-set-up-no-password", "/offline/set-up", who="nora"),
    Page("offline-settings", "/offline/settings", who="lena"),
    Page("offline-settings-empty", "/offline/settings", who="nora"),
    Page("offline-settings-phone", "/offline/settings/{offline_phone}", who="lena", act=_unfold),
    Page("offline-settings-cloned", "/offline/settings/{cloned_phone}", who="lena"),
    Page("offline-history", "/offline/history", who="lena", act=_unfold),
    Page("offline-history-empty", "/offline/history", who="nora"),
    Page("offline-history-paid", "/offline/history/{offline_paid}", who="lena", act=_unfold),
    Page("offline-history-opened", "/offline/history/{offline_opened}", who="lena"),
    Page("offline-history-refused", "/offline/history/{offline_refused}", who="lena"),
    Page("offline-services", "/offline/services", who="gerda"),
    Page("offline-services-empty", "/offline/services", who="nora"),
    Page("offline-services-till", "/offline/services/{till}", who="gerda", act=_unfold),
    Page("offline-services-door", "/offline/services/{staff_door}", who="gerda"),
    Page("kiosk", "/kiosk", act=_await_kiosk),
    Page("kiosk-empty", "/kiosk", who="nora", act=_await_kiosk),
    Page("kiosk-new", "/kiosk?service={till}", who="gerda", act=_await_kiosk),
    Page("console-offline", "/console/offline", who="operator", act=_unfold),
    Page("console-offline-phone", "/console/offline/phones/{cloned_phone}", who="operator"),
    Page("console-offline-service", "/console/offline/services/{till}", who="operator"),
    Page("console-phones", "/console/phones", who="operator"),
    Page("console-phone", "/console/phones/{bound_phone}", who="operator"),
    Page("console-sales", "/console/sales", who="operator", act=_unfold),
    Page("console-sale", "/console/sales/{asked_back}", who="operator"),
    Page("console-ledger", "/console/ledger", who="operator"),
    Page("console-wallet", "/console/ledger/{account}", who="operator"),
    Page("console-packages", "/console/packages", who="operator"),
    Page("console-package", "/console/packages/{application}", who="operator"),
    Page("console-rules", "/console/rules", who="operator"),
    Page(
        "console-rules-case",
        "/console/rules?terminal={terminal}&package={application}&item=5&channel=network",
        who="operator",
    ),
    Page("console-fraud", "/console/fraud", who="operator", act=_unfold),
    Page("console-fraud-terminal", "/console/fraud?terminal={terminal}", who="operator"),
    Page("console-disputes", "/console/disputes", who="operator"),
    Page("console", "/console/", who="operator"),
    Page("console-found", "/console/?q=e", who="operator"),
    Page("console-holders", "/console/holders", who="operator"),
    Page("console-holder", "/console/holders/{account}", who="operator"),
    Page("console-tokens", "/console/tokens", who="operator"),
    Page("console-token", "/console/tokens/{token}", who="operator"),
    Page("console-tokens-none", "/console/tokens?standing=replaced", who="operator"),
    Page("console-stock", "/console/stock", who="operator"),
    Page("console-assign", "/console/stock/HW0001", who="operator"),
    Page("console-policy", "/console/policy", who="operator"),
    Page("console-approvals", "/console/approvals", who="operator"),
    Page("console-hosts", "/console/hosts", who="operator"),
    Page("console-host", "/console/hosts/1", who="operator"),
    Page("console-transactions", "/console/transactions", who="operator"),
    Page("console-transaction", "/console/transactions/{transaction}", who="operator"),
    Page("console-stuck", "/console/transactions/{stuck}", who="operator"),
    Page("console-webhooks", "/console/webhooks", who="operator"),
    Page("console-audit", "/console/audit", who="operator"),
    Page("console-log", "/console/log", who="operator"),
    Page("log", "/log?receipt={receipt}"),
    Page("console-forbidden", "/console/", who="anna", status=403),
    Page("styleguide", "/styleguide", who="operator"),
    Page("not-found", "/no/such/page", status=404),
)
