"""``{% load wallet %}``: how pages write what is in the ledger."""

from django import template

from billing.ledger.selectors import Line
from billing.ledger.words import ACCOUNTS, COMING_IN, KINDS

register = template.Library()


@register.filter
def line_words(line: Line) -> str:
    """Say why money moved; the other party's name comes behind it."""
    return str(COMING_IN.get(line.kind, KINDS[line.kind]) if line.amount > 0 else KINDS[line.kind])


@register.filter
def money_words(kind: str) -> str:
    """Name a kind of account."""
    return str(ACCOUNTS[kind])
