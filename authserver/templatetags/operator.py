"""Filters of the operator pages: words and tones."""

from django import template
from django.utils.functional import Promise

from authserver.operators.words import EVENTS, REASONS, STATES, Look

register = template.Library()


def _look(table: dict[str, Look], name: str, part: str) -> Look | Promise | str:
    # What another version of this host wrote is shown as it is.
    look = table.get(name, Look(name))
    return look.words if part else look


@register.filter
def grouped(number: int) -> str:
    """Write a number in groups of three digits, with narrow spaces that do not break."""
    return f"{number:,}".replace(",", "\u202f")


@register.filter
def state_look(name: str, part: str = "") -> Look | Promise | str:
    """Return how a state looks, or its words alone."""
    return _look(STATES, name, part)


@register.filter
def event_look(name: str, part: str = "") -> Look | Promise | str:
    """Return how a kind of event looks, or its words alone."""
    return _look(EVENTS, name, part)


@register.filter
def reason_look(name: str, part: str = "") -> Look | Promise | str:
    """Return how a reason looks, or its words alone."""
    return _look(REASONS, name, part)
