"""Tell a holder something."""

from datetime import datetime
from typing import Any

from accounts.models import Holder
from notices.services import notify


def tell_holder(holder: Holder, *, kind: str, now: datetime, **about: Any) -> None:
    """Write a notice in the holder's language; nobody writes to who is leaving.

    Args:
        holder: Whose inbox and address.
        kind: Of a notice.
        now: Timezone-aware.
        about: The one thing it is about, as :func:`notices.services.notify` takes it.
    """
    if holder.leaving_at is None:
        notify(
            kind=kind,
            holder_id=holder.pk,
            email=holder.user.email,
            language=holder.user.language,
            now=now,
            **about,
        )
