"""The tokens of an organisation's members: its auditors look, its operators act."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from accounts.errors import NotYoursToManageError
from accounts.selectors import colleague, membership
from audit.services import record
from common.errors import NotFoundError
from enrolment.errors import TwoPersonsNeededError
from enrolment.models import Token
from enrolment.selectors import current_policy, tokens_of
from enrolment.services import change_state, unlock_token

if TYPE_CHECKING:
    from accounts.models import Holder, Membership

ACTIONS = ("suspend", "resume", "unlock", "revoke")
# What only two operators of the platform together may do, where its policy says so.
_OF_TWO = ("unlock", "revoke")


def member_seen(*, viewer: "Holder", uid: bytes, account: str) -> "tuple[Membership, Membership]":
    """Return the viewer's own place in an organisation, and that of a member whose tokens it sees.

    Raises:
        NotFoundError: the viewer is no member, or there is no such member.
        NotYoursToManageError: plain members see their own tokens alone.
    """
    place = membership(holder=viewer, uid=uid)
    if not place.may_read:
        raise NotYoursToManageError
    return place, colleague(viewer=place, account=account)


def tokens_of_member(*, viewer: "Holder", uid: bytes, account: str) -> QuerySet[Token]:
    """Return a member's tokens, newest first; errors as :func:`member_seen`."""
    _, member = member_seen(viewer=viewer, uid=uid, account=account)
    return tokens_of(holder=member.holder)


def change_member_token(
    *, operator: "Holder", uid: bytes, account: str, serial: str, action: str, now: datetime
) -> Token:
    """Suspend, resume, unlock or revoke a member's token, as the platform's own operators do.

    Raises:
        NotFoundError: no such member, token or action.
        NotYoursToManageError: the caller's role does not allow it.
        TwoPersonsNeededError: the platform's policy wants two of its operators for this.
        And as :func:`enrolment.services.change_state` and ``unlock_token``.
    """
    place, member = member_seen(viewer=operator, uid=uid, account=account)
    if not place.may_act:
        raise NotYoursToManageError
    if action not in ACTIONS:
        raise NotFoundError
    if action in _OF_TWO and current_policy().second_person:
        raise TwoPersonsNeededError
    actor, holder = operator.actor, member.holder
    if action == "unlock":
        token = unlock_token(holder=holder, serial=serial, proof="operator", now=now, actor=actor)
    else:
        token = change_state(holder=holder, serial=serial, action=action, now=now, actor=actor)
    record(action=f"member.token_{action}", actor=actor, subject=str(place.organisation), now=now)
    return token
