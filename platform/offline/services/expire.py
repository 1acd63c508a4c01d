"""What has to happen by itself: authorizations that nobody countersigned in time end.

So do those whose step was being judged when a process ended: as the step did, or not at all.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from common.errors import DomainError
from offline.errors import TbsExpiredError
from offline.models import Authorization
from offline.services.countersign import finish_by_step
from offline.services.deciding import reject

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 200
_State = Authorization.State


def expire_authorizations(*, now: datetime) -> int:
    """End what was not countersigned in time, with a signed result; return how many ended."""

    def end(row: Authorization) -> None:
        reject(row, TbsExpiredError(), from_state=_State.TBS_ISSUED, now=now)

    return sum(_ended(row, end) for row in _over(_State.TBS_ISSUED, now))


def finish_countersigned(*, now: datetime) -> int:
    """Approve what its step was signed by, and reject the rest; return how many ended.

    While the token's server gives no answer, it waits.
    """
    finish = partial(finish_by_step, now=now)
    return sum(_ended(row, finish) for row in _over(_State.COUNTERSIGNED, now))


def _ended(row: Authorization, end: Callable[[Authorization], None]) -> bool:
    """End one; ``False`` when our own trouble leaves it for the next round."""
    try:
        end(row)
    except DomainError as error:
        about = {"authorization": row.public_id, "code": error.code}
        logger.warning("authorization.waits", extra=about)
        return False
    return True


def _over(state: str, now: datetime) -> "QuerySet[Authorization]":
    rows = Authorization.objects.filter(state=state, expires_at__lte=now)
    related = rows.select_related(
        "client__device__holder__user", "service__owner", "relay__device"
    )
    return related.order_by("expires_at")[:_MOST_AT_ONCE]
