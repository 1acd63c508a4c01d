"""Secrets at rest under the platform's key-encryption key."""

from django.conf import settings

from protocol.sealing import Sealer


def sealer() -> Sealer:
    """Return the sealer of this service's key-encryption key."""
    return Sealer.from_base64(settings.COUNTERSIGN_KEK)
