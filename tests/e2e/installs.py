"""Applications on a phone in the test's own process: installed, changed, started, and billing."""

from pathlib import Path

from protocol.application import Channel
from terminal.application.process import Installed, Running, install, start
from terminal.application.receive import fetch_nonces
from terminal.application.send import send_by_network
from terminal.errors import TerminalError
from tests.e2e.applications import SWORD
from tests.e2e.phones import Handset


def fresh(handset: Handset, package: Path) -> Installed:
    manifest = install(handset.home, package)
    return Installed.of(handset.home, manifest.package.hex())


def started(handset: Handset, app: Installed) -> Running:
    return start(handset.home, app.package.hex())


def found(handset: Handset, app: Installed) -> tuple[bool, bool]:
    """Start an application; return key and signature comparison."""
    comparisons = started(handset, app).found
    return comparisons.key_matches, comparisons.files_match


def billed(handset: Handset, running: Running, item: int = SWORD) -> str:
    """Bill as the application does; return the state, or the code of the refusal."""
    billing = running.billing
    billing.add_nonces(*fetch_nonces(handset.phone.platform, 1))
    request = billing.bill(item, Channel.NETWORK, agreed=billing.consent(item))
    try:
        return send_by_network(handset.phone.platform, request).state
    except TerminalError as error:
        return error.code


def change(app: Installed, what: str) -> None:
    story = app.files / "app" / "game" / "story.txt"
    if what == "flipped":
        content = bytearray(story.read_bytes())
        content[1000] ^= 1
        story.write_bytes(content)
    elif what == "added":
        (app.files / "app" / "more.txt").write_text("more")
    else:
        story.unlink()


def without_network(handset: Handset, folder: Path, *arguments: str) -> str:
    """Run the program of applications where no socket can be made."""
    (folder / "sitecustomize.py").write_text(
        "import socket\n\n\ndef refused(*_, **__):\n    raise OSError('no network')\n\n\n"
        "socket.socket.__init__ = socket.create_connection = socket.getaddrinfo = refused\n"
    )
    return handset.run_program("app", *arguments, path=folder)
