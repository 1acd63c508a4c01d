"""Add and remove the devices of a holder."""

import base64
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from accounts.services import tell_holder
from audit.services import record
from binding.errors import DeviceCodeInvalidError, DeviceKnownError, TooManyDevicesError
from binding.models import Device, DeviceCode
from binding.selectors import devices_of
from binding.signals import device_removed
from common.errors import InputInvalidError, NotFoundError
from common.sealing import sealer
from protocol import hpke
from protocol.errors import ProtocolError
from protocol.jwk import thumbprint
from protocol.text import check_text, normalise

if TYPE_CHECKING:
    from accounts.models import Holder

CODE_LIFE = timedelta(minutes=10)
SEEN_EVERY = timedelta(minutes=5)
MAX_DEVICES = 20
MAX_NAME_BYTES = 40
# 80 bits, in 16 letters and digits that nobody mistakes for one another: nobody guesses it.
_CODE_BYTES = 10


def create_device_code(*, holder: "Holder", now: datetime) -> tuple[DeviceCode, str]:
    """Make the code by which one device is added; return its row, and the code, shown this once.

    An earlier one that was not used is void.
    """
    code = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
    with transaction.atomic():
        DeviceCode.objects.filter(holder=holder, used_at=None).delete()
        row = DeviceCode.objects.create(
            code_hash=_code_hash(code), holder=holder, expires_at=now + CODE_LIFE
        )
        record(action="device.invited", actor=holder.actor, subject=holder.account, now=now)
    grouped = "-".join(code[at : at + 4] for at in range(0, len(code), 4))
    return row, grouped


def add_device(*, code: str, name: str, key: bytes, box_key: bytes, now: datetime) -> Device:
    """Register a device with its holder, by the code that the holder typed into it.

    Args:
        code: As it was shown; case, spaces and hyphens do not matter.
        name: What the holder will know it by, at most 40 bytes.
        key: Ed25519; that the caller has it is proved.
        box_key: X25519; content keys are sealed to it.
        now: Timezone-aware.

    Raises:
        InputInvalidError: the name or the box key breaks a rule.
        DeviceCodeInvalidError: unknown, used or expired: one answer.
        DeviceKnownError: the key is registered; the code is not spent.
        TooManyDevicesError: the holder has twenty; the code is not spent.
    """
    name = _checked(name, box_key)
    rows = DeviceCode.objects.filter(code_hash=_code_hash(code), used_at=None, expires_at__gt=now)
    try:
        with transaction.atomic():
            found = (
                rows.filter(holder__user__is_active=True).select_related("holder__user").first()
            )
            # Conditions on the row alone: PostgreSQL looks at no others again after a wait.
            if found is None or not rows.filter(pk=found.pk).update(used_at=now):
                raise DeviceCodeInvalidError
            device = Device.objects.create(
                holder=found.holder,
                name=name,
                key=key,
                thumbprint=thumbprint(key),
                box_key=box_key,
                created_at=now,
            )
            if devices_of(holder=found.holder).count() > MAX_DEVICES:
                raise TooManyDevicesError
            record(
                action="device.added", actor=device.actor, subject=found.holder.account, now=now
            )
            tell_holder(found.holder, kind="device_added", page="/devices", now=now)
    except IntegrityError as error:
        raise DeviceKnownError from error
    return device


def note_seen(device: Device, *, now: datetime) -> None:
    """Remember when a device last called, to within five minutes."""
    if device.seen_at is None or device.seen_at < now - SEEN_EVERY:
        Device.objects.filter(pk=device.pk).update(seen_at=now)


def remove_device(*, holder: "Holder", uid: bytes, now: datetime) -> None:
    """Make a device's key useless at once; what hangs on it hears of it in this transaction.

    Raises:
        NotFoundError: the holder has no such device.
    """
    device = devices_of(holder=holder).filter(uid=uid).first()
    with transaction.atomic():
        # Whoever removes it first tells the others.
        if device is None or not devices_of(holder=holder).filter(pk=device.pk).update(
            removed_at=now
        ):
            raise NotFoundError
        record(action="device.removed", actor=holder.actor, subject=device.public_id, now=now)
        device_removed.send(Device, device=device, now=now)


def forget_devices(*, holder: "Holder", now: datetime) -> None:
    """Remove all devices of a holder who leaves, and forget what they were called."""
    for device in devices_of(holder=holder):
        remove_device(holder=holder, uid=bytes(device.uid), now=now)
    Device.objects.filter(holder=holder).update(name="")


def _checked(name: str, box_key: bytes) -> str:
    name = normalise(name)
    try:
        check_text("name", name, MAX_NAME_BYTES)
        # A key that nothing can be sealed to shows now, not at the first purchase.
        hpke.seal(b"", box_key, b"")
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    return name


def _code_hash(code: str) -> bytes:
    plain = code.upper().replace("-", "").replace(" ", "")
    return sealer().keyed_hash("device-code", plain.encode(errors="surrogatepass"))
