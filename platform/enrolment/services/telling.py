"""Tell of what became of a token: to the audit trail, to its holder, and to programs."""

from datetime import datetime

from accounts.services import tell_holder
from audit.services import record
from enrolment.models import Token
from notices.services import publish
from notices.words import WORDS

# What a notice is called otherwise than the change it tells of.
_NOTICES = {"activated": "added", "expired": "ended"}


def tell(token: Token, kind: str, *, actor: str, now: datetime, code: str = "") -> None:
    """Write what follows from a change of a token, in the caller's transaction.

    Args:
        token: As it stands now, with its holder.
        kind: What happened, in the words of the hosts' own events, such as ``suspended``.
        actor: Who brought it about.
        now: Timezone-aware.
        code: Why, where there is a code for it.
    """
    record(action=f"token.{kind}", actor=actor, subject=token.serial, now=now, code=code)
    publish(
        f"token.{kind}",
        {"token": token.serial, "state": token.state},
        holders={token.holder_id},
        now=now,
    )
    notice = _NOTICES.get(kind, kind)
    if notice in WORDS:
        tell_holder(token.holder, kind=notice, token=token.serial, now=now)
