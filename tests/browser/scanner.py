"""The scan page as its visitors use it, with keys that this test made up or the site's own."""

import re
from collections.abc import Iterable
from typing import Any, Literal

from playwright.sync_api import Locator, Page, Route, expect

from protocol import cbor, cose, qrtext
from protocol.keys import Directory, ServerCertificate
from protocol.qrtext import Link
from tests.browser.browser import Visitor
from tests.protocol import world

COMPLETE = "Signed. All checks passed."
INCOMPLETE = "Signed. Some lines could not be checked."
REFUSED = "Refused. Nothing was signed."
CHARGED = "Charged. The platform signed this."
AUTHORIZED = "Authorized. The platform signed this."
TEST = "TEST. Nothing was approved."
CHANGED = "Do not trust this: something is changed."
FOREIGN = "Not checked: it is of another platform."

_HAND_OVER = """([kind, bytes]) => {
  const files = new DataTransfer()
  files.items.add(new File([new Uint8Array(bytes)], 'code.png', {type: 'image/png'}))
  const options = {bubbles: true, cancelable: true}
  document.body.dispatchEvent(
    kind === 'paste'
      ? new ClipboardEvent('paste', {...options, clipboardData: files})
      : new DragEvent('drop', {...options, dataTransfer: files}),
  )
}"""

_KEEPS_NO_PAGE = "Object.defineProperty(Navigator.prototype, 'serviceWorker', {value: undefined})"


def text_of(message: bytes, origin: str = world.PLATFORM.origin) -> str:
    """The text of the QR code of a receipt."""
    return qrtext.encode(origin, Link.RECEIPT, message)


def keys(directory: Directory = world.DIRECTORY) -> bytes:
    """A directory as its platform publishes it."""
    return directory.sign(world.DIRECTORY_KEY)


class Scanner:
    """One visitor of the scan page."""

    def __init__(self, visitor: Visitor, *, is_kept: bool = False) -> None:
        """Take a visitor.

        Args:
            visitor: Whose window it is.
            is_kept: Whether the browser keeps the page, which takes it a while.
        """
        self.visitor = visitor
        if not is_kept:
            visitor.context.add_init_script(_KEEPS_NO_PAGE)
        self.page: Page = visitor.page

    def serve(self, path: str, body: bytes | None) -> None:
        """Have the site answer so below ``/.well-known/countersign/``; ``None`` is no answer."""

        def answer(route: Route) -> None:
            if body is None:
                route.abort()
            else:
                route.fulfill(body=body, content_type="application/cbor")

        pattern = re.compile(rf"/\.well-known/countersign/{path}")
        self.visitor.context.route(pattern, answer)
        if body is None:
            self.visitor.tolerate("well-known/countersign")
        if path == "keys":
            self.serve_log()

    def serve_log(self, proof: bytes | None = None) -> None:
        """Have the log of a made-up platform give this proof; without one everything waits."""

        def answer(route: Route) -> None:
            if proof is None:
                route.fulfill(status=202)
            else:
                route.fulfill(body=proof, content_type="application/cbor")

        self.visitor.context.route(re.compile("/api/v1/log/receipts/"), answer)

    def serve_certificates(self, certificates: Iterable[bytes]) -> None:
        """Publish server certificates, each in its own file."""
        files: dict[str, list[Any]] = {}
        for message in certificates:
            vk = ServerCertificate.from_payload(cose.parse(message).payload).vk
            files.setdefault(vk.hex()[:3], []).append([message, None])
        for prefix, entries in files.items():
            self.serve(rf"servers/{prefix}\.cbor", cbor.encode([1, entries]))

    def open(self, path: str = "/scan") -> "Scanner":
        """Open the page, and wait until it is ready."""
        self.visitor.go(path)
        expect(self.page.get_by_role("button", name="Start the camera")).to_be_visible()
        return self

    def begin_anew(self) -> "Scanner":
        """Leave what was verified; open the page only if there is nothing of that kind."""
        another = self.page.get_by_role("button", name="Verify another")
        if not another.is_visible():
            return self.open()
        another.click()
        expect(self.page.get_by_role("button", name="Start the camera")).to_be_visible()
        return self

    def paste(self, text: str) -> None:
        """Type the text of a code, and verify it."""
        self.page.get_by_label("The text of the code").fill(text)
        self.page.get_by_role("button", name="Verify", exact=True).click()

    def choose(self, picture: bytes, name: str = "code.png", kind: str = "image/png") -> None:
        """Choose a picture's file."""
        self.page.get_by_label("A photo or file").set_input_files(
            {"name": name, "mimeType": kind, "buffer": picture}
        )

    def hand_over(self, how: Literal["paste", "drop"], picture: bytes) -> None:
        """Paste a picture, or drop it somewhere on the page."""
        self.page.evaluate(_HAND_OVER, [how, list(picture)])

    @property
    def outcome(self) -> Locator:
        """The verdict, in one sentence."""
        return self.page.get_by_role("heading", level=2).first

    @property
    def said(self) -> Locator:
        """What is said of something that is no receipt."""
        return self.page.get_by_role("status")

    @property
    def lines(self) -> dict[str, list[str]]:
        """The lines of the report by how they ended: number and sentence."""
        found: dict[str, list[str]] = {}
        for line in self.page.locator(".checks > li").all_inner_texts():
            number, outcome, text = line.split("\n", 2)
            found.setdefault(outcome, []).append(f"{number} {text}")
        return found

    def facts(self, step: str) -> dict[str, str]:
        """What one step says, by its labels."""
        rows = self.page.locator("li", has=self.page.get_by_role("heading", name=step))
        return dict(row.split("\n", 1) for row in rows.locator(".facts > div").all_inner_texts())
