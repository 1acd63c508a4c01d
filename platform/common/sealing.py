"""Secrets at rest under the platform's key-encryption keys."""

from django.conf import settings

from protocol.sealing import Sealer


def sealer() -> Sealer:
    """Return the sealer of this service's key-encryption keys."""
    return Sealer.from_base64_list(settings.COUNTERSIGN_KEK)
