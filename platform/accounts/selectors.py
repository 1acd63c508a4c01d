"""Find holders."""

import hashlib
from collections.abc import Collection

from django.db.models import Q, QuerySet

from accounts.models import ApiKey, Holder, User
from common.compiled import Compiled


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


def holders_by_id(ids: Collection[int]) -> QuerySet[Holder]:
    """Return holders with their logins."""
    return Holder.objects.select_related("user").filter(pk__in=ids)


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


def hash_key(key: str) -> bytes:
    """Return what is stored of a key; it has 192 random bits, so a plain hash hides it."""
    return hashlib.sha256(key.encode()).digest()
