"""System checks: contradictions in the settings stop a release."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Critical, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from billing.ledger.providers import provider
from binding.carrier import FakeCarrier, carrier
from common.sealing import sealer
from notices.sms import backend
from protocol.errors import ProtocolError
from protocol.statement import Platform


@register(Tags.security)
def check_sealing_key(**_: Any) -> list[CheckMessage]:
    """Refuse a key-encryption key that is not 32 bytes of base64, or is there twice."""
    try:
        sealer()
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
def check_sms_handlers(**_: Any) -> list[CheckMessage]:
    """Refuse SMS_HANDLERS that cannot be asked: an SMS would be lost on them."""
    try:
        for path in settings.SMS_HANDLERS:
            import_string(path)
    except ImportError as error:
        return [Critical(f"SMS_HANDLERS: {error}.", id="countersign.E013")]
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


@register(Tags.security)
def check_security_levels(**_: Any) -> list[CheckMessage]:
    """Refuse what is no rule for terminals of LOW level, and no level."""
    found: list[CheckMessage] = []
    if settings.LOW_RULE not in ("SIGNATURE", "ANY_ONE"):
        found.append(Critical("LOW_RULE must be SIGNATURE or ANY_ONE.", id="countersign.E009"))
    if settings.DEFAULT_LEVEL not in ("high", "low"):
        found.append(Critical("DEFAULT_LEVEL must be high or low.", id="countersign.E010"))
    return found


@register(Tags.security)
def check_attestation(**_: Any) -> list[CheckMessage]:
    """Refuse what cannot be meant about applications and those who vouch for them."""
    # Every command loads this module, and few check.
    from billing.packages.services.attestation.verify import check_settings

    try:
        check_settings()
    except ImproperlyConfigured as error:
        return [Critical(f"{error}.", id="countersign.E011")]
    return []


@register(Tags.security, deploy=True)
def check_attestation_is_real(**_: Any) -> list[CheckMessage]:
    """Refuse to go into service while evidence of test environments counts."""
    if settings.ATTESTATION_TEST_ENVIRONMENTS:
        sentence = "ATTESTATION_TEST_ENVIRONMENTS lets anybody's test device vouch: unset it."
        return [Critical(sentence, id="countersign.E012")]
    return []
