"""System checks: contradictions in the settings stop a release."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Critical, Tags, register
from django.core.exceptions import ImproperlyConfigured

from billing.ledger.providers import provider
from binding.carrier import FakeCarrier, carrier
from notices.sms import backend
from protocol.errors import ProtocolError
from protocol.sealing import Sealer
from protocol.statement import Platform


@register(Tags.security)
def check_sealing_key(**_: Any) -> list[CheckMessage]:
    """Refuse a key-encryption key that is not 32 bytes of base64."""
    try:
        Sealer.from_base64(settings.COUNTERSIGN_KEK)
    except ProtocolError as error:
        return [Critical(f"COUNTERSIGN_KEK: {error.detail}.", id="countersign.E001")]
    return []


@register(Tags.security)
def check_platform_information(**_: Any) -> list[CheckMessage]:
    """Refuse an id, name or origin that could not stand in a statement."""
    try:
        Platform(
            settings.COUNTERSIGN_PLATFORM_ID,
            settings.COUNTERSIGN_PLATFORM_NAME,
            settings.COUNTERSIGN_ORIGIN,
        )
    except ProtocolError as error:
        return [Critical(f"Platform information: {error.detail}.", id="countersign.E002")]
    return []


@register(Tags.security, deploy=True)
def check_origin_is_secure(**_: Any) -> list[CheckMessage]:
    """Refuse to go into service without https."""
    if not settings.COUNTERSIGN_ORIGIN.startswith("https://"):
        return [Critical("COUNTERSIGN_ORIGIN must begin with https://.", id="countersign.E003")]
    return []


@register(Tags.security, deploy=True)
def check_nobody_is_for_show(**_: Any) -> list[CheckMessage]:
    """Refuse to go into service while a page shows passwords."""
    if settings.COUNTERSIGN_DEMO_FILE is not None:
        sentence = "COUNTERSIGN_DEMO_FILE shows passwords to everybody: unset it."
        return [Critical(sentence, id="countersign.E004")]
    return []


@register(Tags.security)
def check_sms_url(**_: Any) -> list[CheckMessage]:
    """Refuse an SMS_URL that names no way to send one."""
    try:
        backend()
    except ValueError:
        # Not what it says, nor why: it holds a password.
        sentence = (
            "SMS_URL must be console:, memory:, file:///…, smpp://user:password@host or "
            "smpps://…; user and password have 15 and 8 characters at most."
        )
        return [Critical(sentence, id="countersign.E005")]
    return []


@register(Tags.security)
def check_carrier(**_: Any) -> list[CheckMessage]:
    """Refuse a CARRIER_URL that names nobody who could be asked safely."""
    try:
        carrier()
    except ImproperlyConfigured as error:
        return [Critical(f"{error}.", id="countersign.E006")]
    return []


@register(Tags.security, deploy=True)
def check_carrier_is_real(**_: Any) -> list[CheckMessage]:
    """Refuse to go into service with the carrier that is a file."""
    if isinstance(carrier(), FakeCarrier):
        return [Critical("CARRIER_URL is a fake: unset it.", id="countersign.E007")]
    return []


@register(Tags.security)
def check_ledger_provider(**_: Any) -> list[CheckMessage]:
    """Refuse a LEDGER_PROVIDER that names no provider."""
    try:
        provider()
    except (ImportError, TypeError) as error:
        return [Critical(f"LEDGER_PROVIDER: {error}.", id="countersign.E008")]
    return []
