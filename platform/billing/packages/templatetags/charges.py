"""``{% load charges %}``: how pages write what applications charged."""

from typing import TYPE_CHECKING

from django import template

from billing.packages import words
from common.words import Look

if TYPE_CHECKING:
    from billing.packages.models import BillingRequest

register = template.Library()


@register.inclusion_tag("components/badge.html")
def charge_badge(charge: "BillingRequest") -> dict[str, str]:
    """Show how a charge stands, or its dispute."""
    dispute = getattr(charge, "dispute", None)
    if dispute is not None:
        return _badge(words.DISPUTES[dispute.state])
    return _badge(words.STATES.get(charge.state, words.WAITS))


@register.filter
def strategy_words(name: str) -> str:
    """Say how a charge is confirmed."""
    return str(words.STRATEGIES[name])


def _badge(look: Look) -> dict[str, str]:
    return {"tone": look.tone, "icon": look.icon, "text": str(look.words)}
