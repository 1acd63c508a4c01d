"""Find holders."""

import hashlib
from collections.abc import Collection

from django.conf import settings
from django.db.models import Case, Q, QuerySet, When
from django.utils.translation import override

from accounts.models import ApiKey, ClientKey, Holder, Invitation, Membership, Role, User
from common.compiled import Compiled
from common.errors import NotFoundError


def holder_by_api_key(key: str) -> Holder | None:
    """Return the holder a valid API key acts for."""
    return _BY_KEY.first(hash_key(key))


_BY_KEY = Compiled(
    lambda: Holder.objects.filter(
        api_keys__key_hash=b"", api_keys__revoked_at=None, user__is_active=True
    )
)


def holder_by_account(account: str) -> Holder | None:
    """Return the holder of a public account number."""
    return Holder.objects.select_related("user").filter(account=account).first()


def holder_by_email(email: str) -> Holder | None:
    """Return the holder who signs in with an address."""
    return Holder.objects.select_related("user").filter(user__email=email).first()


def language_of(email: str) -> str:
    """Return in which language the user of an address reads; empty where that is not known."""
    return User.objects.filter(email=email).values_list("language", flat=True).first() or ""


def in_language_of(holder: Holder) -> override:
    """Return what has words inside it written as the holder reads, whoever asks for them."""
    return override(holder.user.language or settings.LANGUAGE_CODE)


def holders_by_id(ids: Collection[int]) -> QuerySet[Holder]:
    """Return holders with their logins."""
    return Holder.objects.select_related("user").filter(pk__in=ids)


def operators() -> QuerySet[Holder]:
    """Return whoever may act as an operator now; somebody who never signed in is not there yet."""
    people = Holder.objects.select_related("user").filter(
        user__is_staff=True, user__is_active=True
    )
    return people.order_by("pk")


def holders_matching(text: str) -> QuerySet[Holder]:
    """Return the holders with this in their name, or with a number or an address that begins so.

    All for nothing.  Names alone have no index: words are looked for in every holder there is,
    numbers and addresses are not.
    """
    holders = Holder.objects.select_related("user").order_by("-pk")
    if not text:
        return holders
    if text.isdecimal():
        return holders.filter(account__startswith=text)
    address = Q(user__email__startswith=text.lower())
    return holders.filter(address if "@" in text else address | Q(name__icontains=text))


def api_keys(*, holder: Holder) -> QuerySet[ApiKey]:
    """Return a holder's keys, newest first."""
    return ApiKey.objects.filter(holder=holder).order_by("-pk")


def api_keys_in_use(*, holder: Holder) -> QuerySet[ApiKey]:
    """Return the keys that still open something, newest first."""
    return api_keys(holder=holder).filter(revoked_at=None)


def memberships_of(*, holder: Holder) -> QuerySet[Membership]:
    """Return a holder's places in organisations, by name."""
    found = Membership.objects.filter(holder=holder).select_related("organisation")
    return found.order_by("organisation__name", "pk")


def invitations_to(*, holder: Holder) -> QuerySet[Invitation]:
    """Return which organisations have invited a holder's address, newest first."""
    found = Invitation.objects.filter(email=holder.user.email)
    return found.select_related("organisation").order_by("-pk")


def membership(*, holder: Holder, uid: bytes) -> Membership:
    """Return a holder's place in an organisation.

    Raises:
        NotFoundError: there is no such organisation, or the holder is no member.
    """
    found = memberships_of(holder=holder).filter(organisation__uid=uid).first()
    if found is None:
        raise NotFoundError("There is no such organisation of yours.")
    return found


def colleague(*, viewer: Membership, account: str) -> Membership:
    """Return the place of another member, or one's own, in the viewer's organisation.

    Raises:
        NotFoundError: there is no such member.
    """
    found = members(viewer).filter(holder__account=account).first()
    if found is None:
        raise NotFoundError("There is no such member.")
    return found


def members(viewer: Membership) -> QuerySet[Membership]:
    """Return everybody in the viewer's organisation, owners first."""
    found = Membership.objects.filter(organisation=viewer.organisation_id)
    rank = Case(*(When(role=role, then=place) for place, role in enumerate(Role)))
    return found.select_related("holder__user", "organisation").order_by(rank, "pk")


def invitations_of(viewer: Membership) -> QuerySet[Invitation]:
    """Return who is invited to the viewer's organisation, newest first; for its owners."""
    return Invitation.objects.filter(organisation=viewer.organisation_id).order_by("-pk")


def client_keys_of(viewer: Membership) -> QuerySet[ClientKey]:
    """Return the organisation's keys that still open something, newest first; for its owners."""
    keys = ClientKey.objects.filter(organisation=viewer.organisation_id, revoked_at=None)
    return keys.order_by("-pk")


def client_by_key(key: str) -> ClientKey | None:
    """Return the valid key of an organisation."""
    return ClientKey.objects.filter(key_hash=hash_key(key), revoked_at=None).first()


def represented_by(client: ClientKey, account: str) -> Holder | None:
    """Return the holder of an account number, if a program of the organisation may act for it."""
    members = Membership.objects.filter(
        organisation=client.organisation_id, lets_programs=True, holder__account=account
    )
    found = members.filter(holder__user__is_active=True).select_related("holder__user").first()
    return found.holder if found else None


def leaving_holders() -> QuerySet[Holder]:
    """Return who asked to be erased and is not yet."""
    leaving = Holder.objects.filter(leaving_at__isnull=False, erased_at=None)
    return leaving.select_related("user").order_by("pk")


def hash_key(key: str) -> bytes:
    """Return what is stored of a key; it has 192 random bits, so a plain hash hides it."""
    return hashlib.sha256(key.encode()).digest()
