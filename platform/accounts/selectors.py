"""Find holders."""

import hashlib

from django.db.models import QuerySet

from accounts.models import ApiKey, Holder
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


def api_keys(*, holder: Holder) -> QuerySet[ApiKey]:
    """Return a holder's keys, newest first."""
    return ApiKey.objects.filter(holder=holder).order_by("-pk")


def hash_key(key: str) -> bytes:
    """Return what is stored of a key; it has 192 random bits, so a plain hash hides it."""
    return hashlib.sha256(key.encode()).digest()
