"""What the worker does about phones."""

from datetime import datetime
from typing import TYPE_CHECKING

from binding.models import Binding
from binding.services.messages import forget_old_messages
from binding.services.permits import forget_old_permits
from binding.services.register import end_overdue_registrations

if TYPE_CHECKING:
    from accounts.models import Holder

# No keyed hash is this.
_FORGOTTEN = bytes(32)


def forget_phones(*, holder: "Holder", now: datetime) -> None:
    """Forget the SIMs and numbers of a holder who leaves; their phones end."""
    Binding.objects.filter(holder=holder).exclude(state=Binding.State.REVOKED).update(
        state=Binding.State.REVOKED, reason=Binding.Reason.DEVICE_REMOVED, ended_at=now
    )
    Binding.objects.filter(holder=holder).update(
        sim_hash=_FORGOTTEN, number_hash=_FORGOTTEN, sealed_number=b"", number_tail=""
    )


def tidy_phones(*, now: datetime) -> None:
    """End registrations that came to nothing; forget old permits, challenges and messages."""
    end_overdue_registrations(now=now)
    forget_old_permits(now=now)
    forget_old_messages(now=now)
