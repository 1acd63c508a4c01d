"""Use a proof of possession once, and not too many of them."""

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from binding.dpop import LEEWAY, Proof
from binding.errors import DeviceProofInvalidError
from binding.models import Device, SeenProof
from binding.selectors import proofs_since
from common.errors import RateLimitedError

_WINDOW = timedelta(seconds=60)


def use_proof(proof: Proof, *, now: datetime) -> None:
    """Remember a proof, which never works again (RFC 9449 section 11.1).

    Raises:
        DeviceProofInvalidError: it was used before.
    """
    try:
        with transaction.atomic():
            SeenProof.objects.create(thumbprint=proof.thumbprint, jti_hash=proof.jti, at=now)
    except IntegrityError as error:
        raise DeviceProofInvalidError from error


def require_slow(device: Device, *, now: datetime) -> None:
    """Refuse a device that calls more often than BILLING_CALLS_PER_MINUTE, be it refused or not.

    Raises:
        RateLimitedError: with when the first of these calls is a minute old.
    """
    count, first = proofs_since(bytes(device.thumbprint), now - _WINDOW)
    if count > settings.BILLING_CALLS_PER_MINUTE and first is not None:
        raise RateLimitedError(max(1, math.ceil((first + _WINDOW - now).total_seconds())))


def forget_old_proofs(*, now: datetime) -> int:
    """Delete what no proof of that age would be taken for any more; return how many."""
    # A proof may be dated a minute ahead: it is fresh for two.
    return SeenProof.objects.filter(at__lt=now - 2 * LEEWAY).delete()[0]
