"""Endpoints on devices: a holder's, and the one by which a device adds itself."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from accounts.security import HOLDER_AUTH, caller
from binding import selectors
from binding.device_schemas import AddedOut, CodeOut, DeviceIn, DeviceOut, PlatformOut
from binding.models import Device
from binding.security import KeyAuth, prover
from binding.services import devices
from common.errors import InputInvalidError
from common.schemas import Hex8
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64
from protocol.keys import Purpose
from signing.selectors import root_key
from signing.services import platform_information, signing_key

router = Router(auth=HOLDER_AUTH, tags=["devices"])


@router.post("/devices/codes", response={201: CodeOut})
def create_code(request: HttpRequest) -> Status[CodeOut]:
    """Make the code by which one device is added within ten minutes."""
    row, code = devices.create_device_code(holder=caller(request), now=timezone.now())
    return Status(201, CodeOut(code=code, expires_at=row.expires_at))


@router.post("/devices", response={201: AddedOut}, auth=KeyAuth())
def add(request: HttpRequest, body: DeviceIn) -> Status[AddedOut]:
    """Add the device whose key proves this request."""
    try:
        box_key = from_base64(body.box_key)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    device = devices.add_device(
        code=body.code,
        name=body.name,
        key=prover(request).key,
        box_key=box_key,
        now=timezone.now(),
    )
    return Status(201, _introduction(device))


@router.get("/devices", response=list[DeviceOut])
def list_devices(request: HttpRequest) -> list[DeviceOut]:
    """List the caller's devices, newest first."""
    return [DeviceOut.of(device) for device in selectors.devices_of(holder=caller(request))]


@router.post("/devices/{uid}/remove", response={204: None})
def remove(request: HttpRequest, uid: Hex8) -> Status[None]:
    """Make a device's key useless at once."""
    devices.remove_device(holder=caller(request), uid=bytes.fromhex(uid), now=timezone.now())
    return Status(204, None)


def _introduction(device: Device) -> AddedOut:
    platform = platform_information()
    return AddedOut(
        device=device.public_id,
        account=device.holder.account,
        platform=PlatformOut(id=platform.id, name=platform.name, origin=platform.origin),
        root=to_base64(root_key()),
        certificates={
            str(purpose): to_base64(signing_key(purpose, now=device.created_at).certificate)
            for purpose in (Purpose.BILLING, Purpose.PERMIT)
        },
    )
