"""Who calls the API by a key of its own: a device, or a resource on it."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts import security as accounts
from binding.dpop import HEADER, Proof, open_proof
from binding.errors import DeviceProofInvalidError
from binding.models import Device
from binding.selectors import device_by_thumbprint
from binding.services.devices import note_seen
from binding.services.proofs import use_proof

# Attribute of a request: its proof, or ``None`` when it has no valid one.
_PROOF = "proof_of_possession"


@dataclass(frozen=True, slots=True)
class Prover:
    """Whoever holds a key, known or not."""

    proof: Proof

    @property
    def key(self) -> bytes:
        """Ed25519, 32 bytes."""
        return self.proof.key

    @property
    def thumbprint(self) -> bytes:
        """RFC 7638, of the key: 32 bytes."""
        return self.proof.thumbprint

    @property
    def actor(self) -> str:
        """How audit rows name it: as much of the thumbprint as has room."""
        return f"key:{self.thumbprint.hex()[:32]}"


class KeyAuth:
    """``DPoP``: a proof by any key, used for the first time."""

    def __call__(self, request: HttpRequest) -> Prover:
        """Return who proved to hold which key.

        Raises:
            DeviceProofInvalidError: nobody did.
        """
        return Prover(_proof_of(request))


class DeviceAuth:
    """``DPoP``: a proof by the key of a device in use, used for the first time."""

    def __call__(self, request: HttpRequest) -> Device:
        """Return the device.

        Raises:
            DeviceProofInvalidError: whatever is wrong; an unknown key gets the same answer.
        """
        device = device_by_thumbprint(_proof_of(request).thumbprint)
        if device is None:
            raise DeviceProofInvalidError
        note_seen(device, now=timezone.now())
        return device


def device(request: HttpRequest) -> Device:
    """Return the device that authentication found."""
    found: Device = request.auth  # type: ignore[attr-defined]  # set by django-ninja
    return found


def prover(request: HttpRequest) -> Prover:
    """Return whoever proved to hold a key."""
    found: Prover = request.auth  # type: ignore[attr-defined]  # set by django-ninja
    return found


def caller_name(request: HttpRequest) -> str:
    """Name who calls, for what must know it before the API does; empty for nobody known."""
    if HEADER not in request.headers:
        return accounts.caller_name(request)
    try:
        return f"key:{_proof_of(request).thumbprint.hex()}"
    except DeviceProofInvalidError:
        # The API says so, too, in its own shape.
        return ""


def shown_permit(request: HttpRequest) -> str | None:
    """Return the permit of a bound phone that comes with a request; ``None`` names none."""
    return request.headers.get("Permit")


def _proof_of(request: HttpRequest) -> Proof:
    # A proof is used up by whoever asks first about this request; the others ask the request.
    if not hasattr(request, _PROOF):
        setattr(request, _PROOF, _used_proof(request))
    proof: Proof | None = getattr(request, _PROOF)
    if proof is None:
        raise DeviceProofInvalidError
    return proof


def _used_proof(request: HttpRequest) -> Proof | None:
    now = timezone.now()
    try:
        proof = open_proof(
            request.headers.get(HEADER, ""),
            method=request.method or "",
            url=settings.COUNTERSIGN_ORIGIN + request.path,
            body=request.body,
            now=now,
        )
        use_proof(proof, now=now)
    except DeviceProofInvalidError:
        return None
    return proof
