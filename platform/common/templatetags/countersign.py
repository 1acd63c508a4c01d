"""``{% load countersign %}``: amounts, times, icons and states, as every page writes them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common import sentences, words
from common.amounts import shown_amount
from protocol.statement import Kind, Sight, Statement

register = template.Library()

# Django's names of message levels, and ours of tones.
_TONES = {"success": "good", "warning": "warn", "error": "bad", "debug": "info"}
_NOTE_ICONS = {"good": "check", "warn": "warn", "bad": "warn", "info": "info"}


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw one of the symbols of icons.svg, for the eye alone."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>',
        static("countersign/icons.svg"),
        name,
    )


@register.simple_tag(takes_context=True)
def tab(context: Context, view: str, symbol: str) -> SafeString:
    """Open the link of a tab; the one we are on is marked."""
    url = reverse(view)
    here = context["request"].path == url
    current = format_html(' aria-current="{}"', "page") if here else ""
    return format_html('<a href="{}"{}>{}', url, current, icon(symbol))


@register.filter
def amount(demand: Any) -> str:
    """Write the amount of a demand with the reader's grouping, and its currency."""
    if demand.amount is None:
        return ""
    return shown_amount(demand.amount, demand.currency)


@register.filter
def money(minor_units: int, currency: str) -> str:
    """Write an amount that stands beside its currency rather than with it."""
    return shown_amount(minor_units, currency)


@register.filter
def when(moment: datetime | int | None, precision: str = "short") -> SafeString | str:
    """Write a moment, or Unix seconds; site.js puts it into the reader's own time zone."""
    if moment is None:
        return ""
    if isinstance(moment, int):
        moment = datetime.fromtimestamp(moment, UTC)
    return format_html(
        '<time datetime="{}" data-when="{}">{} UTC</time>',
        moment.isoformat(timespec="seconds"),
        precision,
        date_format(moment, "DATETIME_FORMAT"),
    )


@register.filter
def due_on(statement: Statement) -> date | None:
    """Return the day by which a demand falls due."""
    days = statement.demand.due_days
    if days is None:
        return None
    return datetime.fromtimestamp(statement.issued, UTC).date() + timedelta(days=days)


@register.filter
def grouped(digits: str) -> str:
    """Write digits in groups of four, so that they are read without losing the place."""
    return " ".join(digits[place : place + 4] for place in range(0, len(digits), 4))


@register.filter
def sentence(code: str) -> str:
    """Say what a stable code means and what to do next."""
    return sentences.sentence(code)


@register.filter
def told(code: str) -> str:
    """Say what a stable code, or the reason of a verdict, means; empty where nothing says it."""
    if code in words.REASONS:
        return reason_words(code)
    return sentences.sentence(code) if sentences.is_told(code) else ""


@register.filter
def reason_words(reason: str) -> str:
    """Say why a verdict is as it is."""
    return str(words.REASONS[reason])


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Tell a single box to tick from other fields."""
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def note_tone(level: str) -> str:
    """Return the tone of a note for a level of Django's messages, or for a tone."""
    return _TONES.get(level, level)


@register.filter
def note_icon(level: str) -> str:
    """Return the icon that goes with a note's tone."""
    return _NOTE_ICONS[note_tone(level)]


@register.filter
def kind_words(kind: int) -> str:
    """Name a kind of statement."""
    return str(words.KINDS[Kind(kind)])


@register.filter
def is_test(kind: int) -> bool:
    """Tell a test from what counts."""
    return kind == Kind.TEST


@register.filter
def sight_words(sight: int) -> str:
    """Say what a holder sees on the token itself."""
    return str(words.SIGHTS[Sight(sight)])


@register.filter
def role_words(role: str) -> str:
    """Name what somebody may do in an organisation."""
    return str(words.ROLES[role])


@register.filter
def state_words(state: str) -> str:
    """Say how a step or a transaction stands."""
    return str(words.STATES[state].words)


@register.inclusion_tag("components/badge.html")
def state_badge(state: str) -> dict[str, str]:
    """Show how something stands; a state that only a host knows is shown as the host has it."""
    found = words.STATES.get(state, words.Look(state, "", ""))
    return {"tone": found.tone, "icon": found.icon, "text": str(found.words)}


@register.simple_tag
def seal(state: str, size: str = "") -> SafeString:
    """Draw the round mark of how a step stands, for the eye alone."""
    found = words.STATES[state]
    tone = f" seal-{found.tone}" if found.tone else ""
    size = f" seal-{size}" if size else ""
    return format_html('<span class="seal{}{}">{}</span>', tone, size, icon(found.icon))
