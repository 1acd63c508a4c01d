"""Who may look after a billing request: the terminal that made it, or the payer."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

from accounts.security import HOLDER_AUTH, caller
from billing.packages.models import BillingRequest
from billing.packages.selectors_requests import request_of_device, request_of_payer
from binding.dpop import HEADER
from binding.security import DeviceAuth, device

if TYPE_CHECKING:
    from accounts.models import Holder
    from binding.models import Device

_DEVICE_AUTH = DeviceAuth()


class PartyAuth:
    """``DPoP`` by a device, or whatever a holder authenticates with."""

    def __call__(self, request: HttpRequest) -> "Device | Holder | None":
        """Return who calls.

        Raises:
            DeviceProofInvalidError: there is a proof, and it is none.
            ClientNotAllowedError, NotRepresentedError: as of :class:`ApiKeyAuth`.
        """
        if HEADER in request.headers:
            return _DEVICE_AUTH(request)
        found = (auth(request) for auth in HOLDER_AUTH)
        return next((holder for holder in found if holder is not None), None)


def asked_request(request: HttpRequest, uid: bytes) -> BillingRequest:
    """Return the billing request that an API request is about.

    Raises:
        NotFoundError: there is none, or it is not the caller's.
    """
    if HEADER in request.headers:
        return request_of_device(device(request), uid)
    return request_of_payer(caller(request), uid)
