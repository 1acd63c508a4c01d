"""Erase what is known of a holder, in two steps: mark, then erase.  What is between, others do."""

from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.errors import HolderLeftError
from accounts.models import ApiKey, Holder, Invitation, User
from accounts.selectors import memberships_of
from accounts.services.organisations import leave_organisation
from audit.services import record
from notices.services import forget_holder

# Nobody's: that domain never is anywhere (RFC 2606).
_NOBODY = "erased-{}@erased.invalid"


def start_leaving(*, holder: Holder, now: datetime) -> None:
    """Shut a holder out for good, and mark the holder as to be erased; it cannot be taken back.

    Raises:
        HolderLeftError: it is done already.
        LastOwnerError: an organisation with other members would lose its only owner.
    """
    with transaction.atomic():
        # Compare and set: of several that ask for it, one begins it.
        if not Holder.objects.filter(pk=holder.pk, leaving_at=None).update(leaving_at=now):
            raise HolderLeftError
        for place in memberships_of(holder=holder):
            uid = bytes(place.organisation.uid)
            leave_organisation(holder=holder, uid=uid, now=now)
        # From here on no session and no API key opens anything.
        User.objects.filter(pk=holder.user_id).update(is_active=False)
        record(action="holder.leaving", actor=holder.actor, subject=holder.account, now=now)
    holder.leaving_at = now


def erase_holder(*, holder: Holder, now: datetime) -> str:
    """Erase whatever tells who a holder was; the public account number stays, in others' receipts.

    In the caller's transaction.  Doing it again changes nothing.

    Returns:
        The address that stands for the holder's own from now on, wherever that stood.
    """
    user, nobody = holder.user, _NOBODY.format(holder.account)
    if not Holder.objects.filter(pk=holder.pk, erased_at=None).update(erased_at=now, name=""):
        return nobody
    for session in UserSession.objects.filter(user=user):
        session.end()
    EmailAddress.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    ApiKey.objects.filter(holder=holder).delete()
    Invitation.objects.filter(email=user.email).delete()
    forget_holder(holder_id=holder.pk, email=user.email)
    user.email, user.language, user.last_login = nobody, "", None
    user.is_active = user.is_staff = user.is_auditor = user.is_superuser = False
    user.asks_token = False
    user.set_unusable_password()
    user.save()
    record(action="holder.erased", actor="system", subject=holder.account, now=now)
    return nobody
