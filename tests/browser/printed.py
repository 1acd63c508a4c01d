"""Shoot what is not a page: every e-mail, and receipts on paper, in every language.

``python -m tests.browser.printed [--folder FOLDER]``
"""

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import django
import pypdfium2
from PIL import Image
from playwright.sync_api import sync_playwright

from countersign.local import ROOT
from tests import environment  # noqa: F401  # its settings, before Django reads them
from tests.browser.browser import BrowserMissingError, launch

if TYPE_CHECKING:
    from common.paper import Paper

LANGUAGES = ("en", "zh-hans")
PAPERS: "tuple[Paper, ...]" = ("a4", "letter")
# As an office scanner sees paper.
SCAN_DPI, POINTS = 150, 72
TEMPLATES = ROOT / "templates"
STYLE = """
body { columns: 3; font: 14px sans-serif }
article { break-inside: avoid; margin: 0 0 12px; padding: 8px; border: 1px solid }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit }
"""


def main() -> int:
    """Parse the command line and shoot; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.printed")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "screens")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "countersign.settings")
    django.setup()
    from django.utils.translation import override

    with sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except BrowserMissingError as missing:
            sys.stderr.write(f"{missing}\n")
            return 1
        page = browser.new_page(viewport={"width": 1400, "height": 800})
        for language in LANGUAGES:
            with override(language):
                page.set_content(_as_page(mails()))
                page.screenshot(path=folder / f"mails-{language}.png", full_page=True)
                for name, content in papers():
                    _draw(content).save(folder / f"paper-{name}-{language}.png")
        browser.close()
    sys.stdout.write(f"e-mails and papers in {folder}\n")
    return 0


def mails() -> Iterator[tuple[str, str, str]]:
    """Write every e-mail that we send: what it is called, its subject, its text."""
    from django.template.loader import render_to_string

    from notices.models import Notice

    someone, origin = "anna@example.com", "https://cs.example.com"
    for kind in Notice.Kind.values:
        fragment = "0048799448" if kind == Notice.Kind.RECEIPT_SENT else ""
        notice = Notice(kind=kind, email=someone, page="/r" if fragment else "/page")
        notice.fragment, notice.holder_id = fragment, None if kind == "invited" else 1
        text = render_to_string("notices/email.txt", {"notice": notice, "origin": origin})
        yield kind, str(notice.words.title), text
    about = {
        **{"platform": "Countersign", "origin": origin, "email": someone, "code": "ABCD-EFGH"},
        **{"from_email": someone, "to_email": "anna@example.org", "deleted_email": someone},
        **{"ip": "192.0.2.7", "user_agent": "Firefox, Linux", "user": SimpleNamespace()},
        **{"timestamp": datetime(2026, 1, 1, 12, tzinfo=UTC), "signup_url": f"{origin}/sign-up"},
        **{"password_reset_url": f"{origin}/reset", "current_site": SimpleNamespace(name="")},
    }
    for path in sorted(TEMPLATES.glob("*/email/*_message.txt")):
        name = str(path.relative_to(TEMPLATES)).removesuffix("_message.txt")
        if path.name != "base_message.txt":
            subject = render_to_string(f"{name}_subject.txt", about).strip()
            yield name, subject, render_to_string(f"{name}_message.txt", about)


def papers() -> Iterator[tuple[str, bytes]]:
    """Draw a receipt of each kind on each paper: its name, and the PDF."""
    from common.pdf import draw_sheet
    from common.qrcodes import draw_png
    from common.sheets import sheet_of
    from protocol import qrtext
    from protocol.qrtext import Link
    from tests.protocol import world

    chain = world.chain(50)
    messages = {
        "one-step": world.receipt_of(chain[:1]),
        "four-steps": world.receipt_of(chain[:4]),
        "folded": world.receipt_of(chain),
        "full": world.receipt_of(world.chain(4, content=world.full)),
        "refusal": world.refusal().sign(world.RECEIPT_KEY),
        "charge": world.CHARGE.sign(world.RECEIPT_KEY),
        "right": world.RIGHT.sign(world.RECEIPT_KEY),
    }
    for name, message in messages.items():
        text = qrtext.encode("https://cs.example.com", Link.RECEIPT, message)
        earlier = [signed.statement for signed in chain[:47]] if name == "folded" else []
        sheet, picture = sheet_of(message, earlier), draw_png(text)
        for paper in PAPERS:
            yield f"{name}-{paper}", draw_sheet(sheet, picture, paper)


def _as_page(written: Iterator[tuple[str, str, str]]) -> str:
    articles = (
        f"<article><small>{escape(name)}</small><h3>{escape(subject)}</h3>"
        f"<pre>{escape(text.strip())}</pre></article>"
        for name, subject, text in written
    )
    return f"<!doctype html><style>{STYLE}</style>{''.join(articles)}"


def _draw(content: bytes) -> Image.Image:
    (page,) = pypdfium2.PdfDocument(content)
    picture: Image.Image = page.render(scale=SCAN_DPI / POINTS).to_pil()
    return picture


if __name__ == "__main__":
    sys.exit(main())
