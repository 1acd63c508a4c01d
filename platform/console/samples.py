"""What the styleguide shows: sample data for every component, and what the stylesheet names."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django import forms
from django.contrib.staticfiles import finders
from django.core.paginator import Page, Paginator
from django.utils.translation import gettext_lazy as _

from billing.entitlements.words import KINDS
from billing.ledger.selectors_caps import Caps
from common import words
from common.charts import days_chart
from common.forms import Tiles
from common.paging import Part
from protocol.fields import ID_BYTES, NONCE_BYTES
from protocol.statement import Demand, Kind, Party, Platform, Sight, Statement

_TOKEN = re.compile(r"^  --([a-z0-9-]+): ([^;]+);", re.MULTILINE)
_SYMBOL = re.compile(r'<symbol id="([^"]+)"')
_COLOUR = re.compile(r"#[0-9a-f]{6}\Z")
_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
_SUMMARY = "What it is, in a sentence or two."
_RIGHT = SimpleNamespace(state="active", expires_at=None, uses_left=None)
TONES = ("info", "good", "warn", "bad")


class SampleForm(forms.Form):
    """Every kind of field."""

    text = forms.CharField(label=_("Text"), help_text=_("What goes in here, in one sentence."))
    optional = forms.CharField(label=_("Text"), required=False)
    long = forms.CharField(
        label=_("Long text"), widget=forms.Textarea({"rows": 3}), required=False
    )
    listed = forms.ChoiceField(label=_("One of a list"), choices=[("a", "EUR"), ("b", "CNY")])
    tiled = forms.ChoiceField(
        label=_("One of a few"),
        choices=[(kind.value, words.KINDS[kind]) for kind in (Kind.PAYMENT, Kind.ORDER)],
        widget=Tiles(),
    )
    checked = forms.BooleanField(label=_("Yes or no"), required=False)

    def clean(self) -> None:
        """Refuse the whole, to show how that looks."""
        raise forms.ValidationError(_("What is wrong with the whole form stands above it."))


def design_tokens() -> dict[str, list[str]]:
    """Return the names of the stylesheet's tokens: colours, spaces, sizes of type, and others."""
    found: dict[str, list[str]] = {"colour": [], "space": [], "type": [], "other": []}
    # Dark mode gives the same names other values.
    for name, value in dict(_TOKEN.findall(_static("site.css").partition("@media")[0])).items():
        found[_sort(name, value)].append(name)
    return found


def symbols() -> list[str]:
    """Return the names of all icons."""
    return _SYMBOL.findall(_static("icons.svg"))


def samples() -> dict[str, Any]:
    """Return what the components are drawn with."""
    return {
        "tokens": design_tokens(),
        "symbols": symbols(),
        "tones": TONES,
        "states": list(words.STATES),
        "kinds": [kind.value for kind in words.KINDS],
        "statement": _statement(),
        "noon": _NOON,
        "form": SampleForm(prefix="empty"),
        "wrong": SampleForm({}, prefix="wrong"),
        "pages": _pages(),
        "part": Part([], is_first=False, older=4711),
        "chain": ["signed", "expired", "challenged"],
        "chart": days_chart(_sales(), "EUR", until=_NOON.date()),
        "is_play_money": True,
        "caps": Caps("EUR", 5_000, 20_000, 9_000, None, _NOON),
        "goods": _goods(),
        "verdicts": [("good", "signed"), ("warn", "closing"), ("bad", "refused")],
    }


def _sort(name: str, value: str) -> str:
    if _COLOUR.match(value):
        return "colour"
    if re.fullmatch(r"s\d", name):
        return "space"
    return "type" if name.startswith("t-") else "other"


def _statement() -> Statement:
    return Statement(
        platform=Platform("sample", "Sample", "https://sample.example"),
        tx=bytes(ID_BYTES),
        pos=0,
        prev=None,
        party=Party("471100000001", "As agreed on Monday", "Anna"),
        demand=Demand(
            Kind.PAYMENT, 125_000, "EUR", "DE89370400440532013000", "花店", reference="2026-117"
        ),
        serial="SAMPLE",
        vk=bytes(ID_BYTES),
        sight=Sight.SHOWN,
        nonce=bytes(NONCE_BYTES),
        issued=int(_NOON.timestamp()),
        ttl=180,
    )


def _sales() -> dict[date, int]:
    return {date(2026, 5, day): 199 * (day % 7) for day in range(3, 32)}


def _goods() -> list[SimpleNamespace]:
    """Return a card for each kind of resource, locked and unlocked by turns."""
    return [
        SimpleNamespace(
            resource=SimpleNamespace(
                uid=bytes(range(place, place + 8)), kind=kind, title=str(name), summary=_SUMMARY
            ),
            offer=Demand(Kind.OTHER, 1_990, "EUR"),
            has_other_offers=place == 0,
            is_own=kind == "video",
            entitlement=_RIGHT if place in (20, 60) else None,
        )
        for place, (kind, name) in zip(range(0, 100, 20), KINDS.items(), strict=True)
    ]


def _pages() -> Page[Any]:
    return Paginator(range(30), 10).page(2)


@lru_cache(maxsize=2)
def _static(name: str) -> str:
    path = finders.find(f"countersign/{name}")
    return Path(str(path)).read_text("utf-8")
