"""Endpoints by which a resource learns whether it may be used."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from billing.entitlements.billing_schemas import AuthorizeIn, AuthorizeOut, VerifyIn, VerifyOut
from billing.entitlements.services.authorize import authorize
from billing.entitlements.services.verify import verify
from binding.security import DeviceAuth, KeyAuth, device, prover, shown_permit
from common.schemas import sent

router = Router(tags=["billing"])


@router.post("/billing/authorize", response=AuthorizeOut, auth=DeviceAuth())
def authorize_use(request: HttpRequest, body: AuthorizeIn) -> HttpResponse:
    """Ask for a status code; the billing manager's device proves the request."""
    issued = authorize(
        device=device(request),
        asked=body.asked(),
        permit=shown_permit(request),
        now=timezone.now(),
    )
    return sent(AuthorizeOut.of(issued))


@router.post("/billing/verify", response=VerifyOut, auth=KeyAuth())
def verify_code(request: HttpRequest, body: VerifyIn) -> HttpResponse:
    """Use a status code up; the resource's own key proves the request."""
    released = verify(prover=prover(request), presented=body.presented(), now=timezone.now())
    return sent(VerifyOut.of(released))
