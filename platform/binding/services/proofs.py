"""Use a proof of possession once."""

from datetime import datetime

from django.db import IntegrityError, transaction

from binding.dpop import LEEWAY, Proof
from binding.errors import DeviceProofInvalidError
from binding.models import SeenProof


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


def forget_old_proofs(*, now: datetime) -> int:
    """Delete what no proof of that age would be taken for any more; return how many."""
    # A proof may be dated a minute ahead: it is fresh for two.
    return SeenProof.objects.filter(at__lt=now - 2 * LEEWAY).delete()[0]
