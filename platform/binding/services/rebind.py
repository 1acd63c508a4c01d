"""Let a phone take the place of another of the same holder."""

from datetime import datetime
from typing import TYPE_CHECKING

from billing.ledger.services import check_payment_password
from binding.errors import BindingStateError, CoolingOffError
from binding.models import Binding, Device
from binding.services.states import bind
from common.errors import NotFoundError

if TYPE_CHECKING:
    from accounts.models import Holder


def agree_by_device(*, device: Device, uid: bytes, now: datetime) -> Binding:
    """Have the phone that is to be replaced agree: the new one is bound at once.

    Raises:
        NotFoundError: nothing waits for this device to agree.
        BindingStateError: it is not bound itself, so its word is worth nothing.
    """
    waiting = _waiting(device.holder, uid)
    # In one and the same device a thief with another SIM would agree with himself.
    old = waiting.replaces
    if old is None or old.device_id != device.pk or waiting.device_id == device.pk:
        raise NotFoundError
    if not old.is_bound:
        raise BindingStateError
    bind(waiting, actor=device.actor, now=now)
    return _fresh(waiting)


def agree_by_holder(*, holder: "Holder", uid: bytes, password: str, now: datetime) -> Binding:
    """Have the holder agree, after 24 hours in which whoever has the other phone could object.

    Raises:
        NotFoundError: nothing of that id waits.
        CoolingOffError: the time is not over; no password was looked at.
        And as :func:`billing.ledger.services.check_payment_password`.
    """
    waiting = _waiting(holder, uid)
    if waiting.may_bind_at is None or now < waiting.may_bind_at:
        until = waiting.may_bind_at
        raise CoolingOffError(until=until.isoformat() if until else "")
    check_payment_password(holder=holder, password=password, now=now)
    bind(waiting, actor=holder.actor, now=now)
    return _fresh(waiting)


def _waiting(holder: "Holder", uid: bytes) -> Binding:
    rows = Binding.objects.select_related("holder__user", "device", "replaces")
    found = rows.filter(uid=uid, holder=holder).first()
    if found is None or not found.waits_for_consent:
        raise NotFoundError
    return found


def _fresh(binding: Binding) -> Binding:
    binding.refresh_from_db()
    return binding
