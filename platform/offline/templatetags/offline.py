"""``{% load offline %}``: how pages write what was authorized without a network."""

from typing import TYPE_CHECKING

from django import template

from common.words import Look
from offline import words
from offline.selectors import code_of

if TYPE_CHECKING:
    from offline.models import Authorization, Client, Service

register = template.Library()


@register.inclusion_tag("components/badge.html")
def authorization_badge(authorization: "Authorization") -> dict[str, str]:
    """Show what became of an authorization."""
    return _badge(words.STATES[authorization.state])


@register.inclusion_tag("components/badge.html")
def client_badge(client: "Client") -> dict[str, str]:
    """Show how a client stands."""
    return _badge(words.client_look(client))


@register.inclusion_tag("components/badge.html")
def service_badge(service: "Service") -> dict[str, str]:
    """Show how a service stands."""
    return _badge(words.service_look(service))


@register.filter
def service_kind(service: "Service") -> str:
    """Name what a service is for."""
    return str(words.KINDS[service.kind])


@register.filter
def service_icon(service: "Service") -> str:
    """Return the icon of what a service is for."""
    return words.KIND_ICONS[service.kind]


@register.filter
def way_words(way: str) -> str:
    """Say how something was confirmed."""
    return str(words.WAYS[way])


@register.filter
def refusal_code(authorization: "Authorization") -> str:
    """Return the code of a refusal, as it was told outside; empty for anything else."""
    return code_of(authorization) if authorization.state == "rejected" else ""


def _badge(look: Look) -> dict[str, str]:
    return {"tone": look.tone, "icon": look.icon, "text": str(look.words)}
