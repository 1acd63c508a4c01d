"""The JSON of devices, in and out."""

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field

from binding.models import Device
from common.schemas import Input

Base64Key = Annotated[str, Field(min_length=43, max_length=43)]


class DeviceIn(Input):
    """A device that its holder adds: the code that was typed into it, and its box key."""

    code: Annotated[str, Field(max_length=40)]
    name: Annotated[str, Field(max_length=200)]
    box_key: Base64Key


class DeviceOut(Schema):
    """A device."""

    device: str
    name: str
    created_at: datetime
    seen_at: datetime | None

    @classmethod
    def of(cls, device: Device) -> "DeviceOut":
        """Describe a device."""
        return cls(
            device=device.public_id,
            name=device.name,
            created_at=device.created_at,
            seen_at=device.seen_at,
        )


class CodeOut(Schema):
    """A code that adds one device."""

    code: str
    expires_at: datetime


class PlatformOut(Schema):
    """The platform, as it stands in everything it signs."""

    id: str
    name: str
    origin: str


class AddedOut(Schema):
    """What a new device has to know and to pin; keys and messages are base64url."""

    device: str
    account: str
    platform: PlatformOut
    root: str
    certificates: dict[str, str]
