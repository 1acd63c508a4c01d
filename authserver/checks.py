"""System checks: contradictory or unusable settings stop every command, ``serve`` included."""

import os
import re

from django.conf import settings
from django.core.checks import CheckMessage, Critical, Tags, register

from authserver import keyproviders

# What may stand in front of an enrolment link (docs/protocol.md section 8).
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]{1,33}")
_LOCAL = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?")


@register(Tags.security)
def check_secrets(**_: object) -> list[CheckMessage]:
    """Refuse a secret that is given twice, and settings that give no key-encryption key."""
    found: list[CheckMessage] = [
        Critical(f"Both {name} and {name}_FILE are set; which holds?", id="authserver.E001")
        for name in settings.SECRET_NAMES
        if name in os.environ and f"{name}_FILE" in os.environ
    ]
    problem = keyproviders.problem()
    if problem:
        found.append(Critical(problem, id="authserver.E002"))
    return found


@register(Tags.security)
def check_origin(**_: object) -> list[CheckMessage]:
    """Refuse an origin that no link can carry, or that is neither https nor this machine."""
    origin = settings.AUTHSERVER_ORIGIN
    if _ORIGIN.fullmatch(origin) is None:
        message = "AUTHSERVER_ORIGIN must be like https://host or https://host:port, lower case."
        return [Critical(message, id="authserver.E003")]
    if origin.startswith("http://") and _LOCAL.fullmatch(origin) is None:
        message = "AUTHSERVER_ORIGIN must begin with https://, except on this machine itself."
        return [Critical(message, id="authserver.E004")]
    return []
