"""Organisations: who belongs to them, and what each member may do there.

Owners say who belongs to it.  Every organisation has one: whatever takes an owner away holds the
organisation's row and looks for another one first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.errors import (
    AlreadyInvitedError,
    LastOwnerError,
    NotYoursToManageError,
    TooManyError,
)
from accounts.models import Holder, Invitation, Membership, Organisation, Role
from accounts.selectors import (
    colleague,
    holder_by_email,
    invitations_of,
    members,
    membership,
    memberships_of,
)
from accounts.services.holders import checked_name
from audit.services import record
from common.errors import NotFoundError
from notices.services import notify

# Of one holder, and of one organisation: so that nobody mails to half the world from here.
MAX_ORGANISATIONS = 20
MAX_MEMBERS = 1000
MAX_INVITATIONS = 50


def create_organisation(*, holder: Holder, name: str, now: datetime) -> Organisation:
    """Make an organisation; whoever makes it is its first owner.

    Raises:
        InputInvalidError: the name is not valid.
        TooManyError: the holder belongs to as many as anybody may.
    """
    name = checked_name(name)
    if memberships_of(holder=holder).count() >= MAX_ORGANISATIONS:
        raise TooManyError
    with transaction.atomic():
        made = Organisation.objects.create(name=name, created_at=now)
        Membership.objects.create(organisation=made, holder=holder, role=Role.OWNER, joined_at=now)
        record_at(made, "organisation.created", holder.actor, now, about=holder)
    return made


def rename_organisation(*, owner: Holder, uid: bytes, name: str, now: datetime) -> Organisation:
    """Give an organisation another name.

    Raises:
        NotFoundError, NotYoursToManageError: the caller is no owner.
        InputInvalidError: the name is not valid.
    """
    organisation = owned(owner, uid).organisation
    organisation.name = checked_name(name)
    with transaction.atomic():
        organisation.save(update_fields=["name"])
        record_at(organisation, "organisation.renamed", owner.actor, now)
    return organisation


def invite_member(
    *, owner: Holder, uid: bytes, email: str, role: str, now: datetime
) -> Invitation:
    """Invite whoever has an e-mail address; the holder of it accepts, once signed in.

    Raises:
        NotFoundError, NotYoursToManageError: the caller is no owner.
        AlreadyInvitedError: the address is invited already, or is a member's.
        TooManyError: too many are invited, or are members.
    """
    place = owned(owner, uid)
    email = email.lower()
    if invitations_of(place).count() >= MAX_INVITATIONS or members(place).count() >= MAX_MEMBERS:
        raise TooManyError
    if members(place).filter(holder__user__email=email).exists():
        raise AlreadyInvitedError
    invited = holder_by_email(email)
    try:
        with transaction.atomic():
            made = Invitation.objects.create(
                organisation=place.organisation, email=email, role=Role(role), created_at=now
            )
            record_at(place.organisation, "member.invited", owner.actor, now, about=invited)
            notify(
                kind="invited",
                email=email,
                organisation=place.organisation.public_id,
                holder_id=invited.pk if invited else None,
                language=invited.user.language if invited else "",
                now=now,
            )
    except IntegrityError as error:
        raise AlreadyInvitedError from error
    return made


def withdraw_invitation(*, owner: Holder, uid: bytes, pk: int, now: datetime) -> None:
    """Take an invitation back that nobody has accepted yet.

    Raises:
        NotFoundError: there is none; or the caller is no member.
        NotYoursToManageError: the caller is no owner.
    """
    place = owned(owner, uid)
    with transaction.atomic():
        withdrawn, _ = invitations_of(place).filter(pk=pk).delete()
        if not withdrawn:
            raise NotFoundError
        record_at(place.organisation, "member.uninvited", owner.actor, now)


def accept_invitation(*, holder: Holder, uid: bytes, now: datetime) -> Membership:
    """Join the organisation that has invited the holder's address.

    Raises:
        NotFoundError: it did not, or not any more.
        TooManyError: the holder belongs to as many as anybody may.
    """
    if memberships_of(holder=holder).count() >= MAX_ORGANISATIONS:
        raise TooManyError
    with transaction.atomic():
        invitation = _taken(holder, uid)
        joined, _ = Membership.objects.get_or_create(
            organisation=invitation.organisation,
            holder=holder,
            defaults={"role": invitation.role, "joined_at": now},
        )
        record_at(invitation.organisation, "member.joined", holder.actor, now, about=holder)
    return joined


def decline_invitation(*, holder: Holder, uid: bytes, now: datetime) -> None:
    """Turn an invitation down.

    Raises:
        NotFoundError: there is none.
    """
    with transaction.atomic():
        invitation = _taken(holder, uid)
        record_at(invitation.organisation, "member.declined", holder.actor, now, about=holder)


def change_role(
    *, owner: Holder, uid: bytes, account: str, role: str, now: datetime
) -> Membership:
    """Give a member another role.

    Raises:
        NotFoundError, NotYoursToManageError: the caller is no owner, or there is no such member.
        LastOwnerError: nobody else owns the organisation.
    """
    with _held(owner, uid) as place:
        member = colleague(viewer=place, account=account)
        if member.is_owner and role != Role.OWNER:
            _require_another_owner(member)
        member.role = Role(role)
        member.save(update_fields=["role"])
        action = f"member.made_{member.role}"
        record_at(place.organisation, action, owner.actor, now, about=member.holder)
    return member


def remove_member(*, owner: Holder, uid: bytes, account: str, now: datetime) -> None:
    """End somebody's membership; errors as :func:`change_role`."""
    with _held(owner, uid) as place:
        member = colleague(viewer=place, account=account)
        if member.is_owner:
            _require_another_owner(member)
        member.delete()
        record_at(place.organisation, "member.removed", owner.actor, now, about=member.holder)


def let_programs(*, holder: Holder, uid: bytes, is_allowed: bool, now: datetime) -> Membership:
    """Let programs of an organisation act for one of its members, or no longer.

    They ask and read in the holder's name; nothing is signed without the holder's token.

    Raises:
        NotFoundError: the holder is no member.
    """
    place = membership(holder=holder, uid=uid)
    place.lets_programs = is_allowed
    action = "member.programs_let" if is_allowed else "member.programs_stopped"
    with transaction.atomic():
        place.save(update_fields=["lets_programs"])
        record_at(place.organisation, action, holder.actor, now, about=holder)
    return place


def leave_organisation(*, holder: Holder, uid: bytes, now: datetime) -> None:
    """End one's own membership; an organisation nobody is left in is gone.

    Raises:
        NotFoundError: the holder is no member.
        LastOwnerError: others are left, and none of them owns the organisation.
    """
    with transaction.atomic():
        _hold(membership(holder=holder, uid=uid).organisation_id)
        place = membership(holder=holder, uid=uid)
        others = members(place).exclude(pk=place.pk)
        record_at(place.organisation, "member.left", holder.actor, now, about=holder)
        if not others.exists():
            place.organisation.delete()
            return
        if place.is_owner:
            _require_another_owner(place)
        place.delete()


def owned(holder: Holder, uid: bytes) -> Membership:
    """Return the place of somebody who owns an organisation.

    Raises:
        NotFoundError: the holder is no member.
        NotYoursToManageError: the holder is no owner.
    """
    place = membership(holder=holder, uid=uid)
    if not place.is_owner:
        raise NotYoursToManageError
    return place


@contextmanager
def _held(owner: Holder, uid: bytes) -> Iterator[Membership]:
    """Hold an organisation's row, and look at the caller's own role with it in hand."""
    with transaction.atomic():
        _hold(membership(holder=owner, uid=uid).organisation_id)
        yield owned(owner, uid)


def _hold(organisation_id: int) -> None:
    """Make whoever else changes who belongs to an organisation wait.

    SQLite knows no row locks: there BEGIN IMMEDIATE has made every other writer wait already.
    """
    Organisation.objects.select_for_update().filter(pk=organisation_id).first()


def _require_another_owner(owner: Membership) -> None:
    others = Membership.objects.filter(organisation=owner.organisation_id, role=Role.OWNER)
    if not others.exclude(pk=owner.pk).exists():
        raise LastOwnerError


def _taken(holder: Holder, uid: bytes) -> Invitation:
    """Return an invitation to a holder, which from now on is none; in the caller's transaction."""
    invitations = Invitation.objects.filter(organisation__uid=uid, email=holder.user.email)
    found = invitations.select_related("organisation").first()
    # Of several that answer the same invitation, one deletes it.
    if found is None or not invitations.filter(pk=found.pk).delete()[0]:
        raise NotFoundError("There is no such invitation to you.")
    return found


def record_at(
    organisation: Organisation,
    action: str,
    actor: str,
    now: datetime,
    *,
    about: Holder | None = None,
) -> None:
    """Leave an audit row at an organisation, and another at the holder it is about."""
    subjects = [organisation.public_id, *([about.account] if about else [])]
    for subject in subjects:
        record(action=action, actor=actor, subject=subject, now=now)
