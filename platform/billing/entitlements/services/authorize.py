"""Has this user paid for this resource?  If so, a status code says it once (flow B, step 4)."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from audit.services import record
from billing.entitlements.errors import (
    IdentityIncompleteError,
    ResourceWithdrawnError,
    RnonceUsedError,
    UnknownResourceError,
)
from billing.entitlements.models import Entitlement, Resource, StatusCode, Version
from billing.entitlements.services.access import usable_entitlement
from billing.entitlements.services.slots import take_slot
from billing.ledger.services import require_not_frozen
from binding.services import permit_if_policy_asks, require_slow
from common.compiled import Compiled
from protocol.billing import Operation
from protocol.binding import Purpose

if TYPE_CHECKING:
    from accounts.models import Holder
    from binding.models import Device

CODE_LIFE = timedelta(seconds=60)
_BUILDS = Compiled(
    lambda: Version.objects.filter(resource__uid=b"").filter(number=0).filter(build_digest=b""),
    "resource",
)
# 128 bits, in base32 without padding: 26 characters.
_CODE_BYTES = 16


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """What a copy of a resource asks, through the billing manager of a device.

    Attributes:
        account: Whose device it says it is; ``None`` when it does not say so in full.
        resource: Public id, 8 bytes.
        version: Number.
        build_digest: SHA-256 of the copy.
        operation: What is to be done with it.
        rnonce: What the copy drew for this request, 16 bytes.
        resource_key: Thumbprint of the copy's own key, which alone may verify, 32 bytes.
    """

    account: str | None
    resource: bytes
    version: int
    build_digest: bytes
    operation: Operation
    rnonce: bytes
    resource_key: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A status code, shown this once: 26 characters."""

    code: str
    expires_at: datetime


def authorize(
    *, device: "Device", asked: Asked, now: datetime, permit: str | None = None
) -> Issued:
    """Issue a status code for a minute, if the device's holder may use the resource.

    Args:
        device: Whose key proved the request.
        asked: For what.
        now: Timezone-aware.
        permit: Of the holder's bound phone, where the policy asks for one; ``None`` for any
            fresh one.

    Raises:
        RateLimitedError: the device called too often within a minute.
        IdentityIncompleteError: it belongs to another account than it says.
        AccountFrozenError: an operator froze the account.
        UnknownResourceError, ResourceWithdrawnError: there is no such build, or not any more.
        NotPaidError, EntitlementExpiredError, EntitlementRefundedError, EntitlementClosedError:
            the holder may not use it.
        DeviceLimitError: others of the holder's devices use it already.
        PermitRequiredError: the policy asks for a permit, and there is none.
        RnonceUsedError: the device has sent this rnonce before.
    """
    require_slow(device, now=now)
    if asked.account != device.holder.account:
        raise IdentityIncompleteError
    require_not_frozen(device.holder)
    version = _version(asked, device.holder)
    entitlement = usable_entitlement(holder=device.holder, resource=version.resource, now=now)
    try:
        # A refusal takes back the slot and the permit.
        with transaction.atomic():
            take_slot(device=device, resource=version.resource, now=now)
            permit_if_policy_asks(
                holder=device.holder, purpose=Purpose.BILLING, permit=permit, now=now
            )
            return _issued(device, asked, version, entitlement, now)
    except IntegrityError as error:
        raise RnonceUsedError from error


def code_hash(code: str) -> bytes:
    """Return what is stored of a status code."""
    return hashlib.sha256(code.encode(errors="surrogatepass")).digest()


def _is_known(resource: Resource, holder: "Holder") -> bool:
    """Tell whether a holder may know of a resource: drafts are known to those who bought them."""
    is_draft = resource.state == Resource.State.DRAFT
    return not is_draft or resource.entitlements.filter(holder=holder).exists()


def _version(asked: Asked, holder: "Holder") -> Version:
    version = _BUILDS.first(asked.resource, asked.version, asked.build_digest)
    if version is None or not _is_known(version.resource, holder):
        raise UnknownResourceError
    is_withdrawn = version.resource.state == Resource.State.WITHDRAWN
    if is_withdrawn or version.withdrawn_at is not None:
        raise ResourceWithdrawnError
    return version


def _issued(
    device: "Device", asked: Asked, version: Version, entitlement: Entitlement, now: datetime
) -> Issued:
    code = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().rstrip("=")
    row = StatusCode.objects.create(
        code_hash=code_hash(code),
        entitlement=entitlement,
        device=device,
        version=version,
        operation=asked.operation,
        rnonce=asked.rnonce,
        resource_key=asked.resource_key,
        issued_at=now,
        expires_at=now + CODE_LIFE,
    )
    record(action="billing.authorized", actor=device.actor, subject=str(version.resource), now=now)
    return Issued(code, row.expires_at)
