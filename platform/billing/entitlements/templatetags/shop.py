"""``{% load shop %}``: covers, terms and states of what is sold."""

from typing import Any

from django import template
from django.template.defaultfilters import filesizeformat
from django.templatetags.static import static
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.entitlements import words
from billing.entitlements.selectors import key_fingerprint
from common.words import Look

register = template.Library()

_WIDTH, _HEIGHT = 160, 90
# Of a cover's pattern: each circle takes two bytes of the id for its place, one for its size.
_CIRCLES = 2


@register.simple_tag
def cover(resource: Any, size: str = "") -> SafeString:
    """Draw what stands for a resource, for the eye alone: its kind, on a pattern of its id."""
    uid = bytes(resource.uid)
    circles = (
        (uid[place] * _WIDTH // 255, uid[place + 1] * _HEIGHT // 255, 18 + uid[place + 2] // 6)
        for place in range(0, 3 * _CIRCLES, 3)
    )
    return format_html(
        '<svg class="cover cover-{}{}" viewBox="0 0 {} {}" preserveAspectRatio="xMidYMid slice" '
        'aria-hidden="true">{}<use class="cover-icon" href="{}#{}" x="62" y="27" width="36" '
        'height="36"></use></svg>',
        resource.kind,
        f" cover-{size}" if size else "",
        _WIDTH,
        _HEIGHT,
        format_html_join("", '<circle cx="{}" cy="{}" r="{}"></circle>', circles),
        static("countersign/icons.svg"),
        resource.kind,
    )


@register.filter
def resource_kind(kind: str) -> Promise:
    """Name a kind of resource."""
    return words.KINDS[kind]


@register.filter
def operation(kind: str) -> Promise:
    """Say what is done with a kind of resource: open, view, play, apply."""
    return words.OPERATIONS[kind]


@register.filter
def term(offer: Any) -> str:
    """Say what an offer buys."""
    if offer.term == "until":
        return ngettext("%(count)d day", "%(count)d days", offer.days) % {"count": offer.days}
    if offer.term == "metered":
        return ngettext("%(count)d use", "%(count)d uses", offer.uses) % {"count": offer.uses}
    return _("For good")


@register.filter(name="hex")
def in_hex(octets: bytes) -> str:
    """Write a public id, a digest."""
    return bytes(octets).hex()


@register.filter
def shown_state(entitlement: Any) -> str:
    """Say how an entitlement stands now, whether or not the worker has noted its end."""
    is_over = entitlement.expires_at is not None and entitlement.expires_at <= timezone.now()
    if entitlement.state == "active" and (is_over or entitlement.uses_left == 0):
        return "expired"
    return str(entitlement.state)


@register.filter
def fingerprint(version: Any) -> str:
    """Write what tells the content keys of versions apart."""
    return key_fingerprint(version)


@register.filter
def way(name: str) -> Promise:
    """Say how something is paid."""
    return words.WAYS[name]


@register.filter
def size(octets: int) -> str:
    """Write a number of bytes."""
    return filesizeformat(octets)


@register.inclusion_tag("components/badge.html")
def resource_badge(state: str) -> dict[str, str]:
    """Show whether a resource is in the shop."""
    return _badge(words.RESOURCES[state])


@register.inclusion_tag("components/badge.html")
def purchase_badge(state: str) -> dict[str, str]:
    """Show how a purchase stands."""
    return _badge(words.PURCHASES[state])


@register.inclusion_tag("components/badge.html")
def entitlement_badge(entitlement: Any) -> dict[str, str]:
    """Show what a purchase gives now."""
    return _badge(words.ENTITLEMENTS[shown_state(entitlement)])


def _badge(look: Look) -> dict[str, str]:
    return {"tone": look.tone, "icon": look.icon, "text": str(look.words)}
