"""A status code is good once, for whom it was issued (flow B, steps 7 and 8)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from django.db import transaction
from django.db.models import F

from audit.services import record
from billing.entitlements.errors import (
    StatusCodeExpiredError,
    StatusCodeInvalidError,
    StatusCodeUsedError,
)
from billing.entitlements.models import Entitlement, StatusCode
from billing.entitlements.selectors import content_key
from billing.entitlements.services.access import gives_access, refusal_of
from billing.entitlements.services.authorize import code_hash
from common.compiled import Compiled
from common.errors import DomainError
from protocol.billing import ALLOWED, BillingVerdict, Operation
from protocol.content import Release
from protocol.jwk import to_base64
from protocol.keys import Purpose
from signing.services import signing_key

if TYPE_CHECKING:
    from binding.security import Prover

VERDICT_LIFE = timedelta(seconds=60)
KEPT = timedelta(days=1)
_BY_HASH = Compiled(
    lambda: StatusCode.objects.filter(code_hash=b""),
    *("entitlement", "device", "version", "version__resource"),
)
_State = StatusCode.State


@dataclass(frozen=True, slots=True, repr=False)
class Presented:
    """What a copy of a resource sends, itself and not through the billing manager.

    Attributes:
        code: The status code.
        release: For which resource, version, device and request.
        operation: What is to be done.
    """

    code: str
    release: Release
    operation: Operation


@dataclass(frozen=True, slots=True, repr=False)
class Released:
    """Leave: the signed verdict, and the content key sealed to the device's box key."""

    verdict: bytes
    content_key: bytes


def verify(*, prover: "Prover", presented: Presented, now: datetime) -> Released:
    """Use up a status code and release the content key.

    The code, a use where uses are counted, and the audit row go in one transaction.

    Args:
        prover: Whose key proved the request: the copy's own.
        presented: The code, and for what.
        now: Timezone-aware.

    Raises:
        StatusCodeInvalidError: unknown; of another resource, version, operation, device, request
            or key; or revoked: one answer.
        StatusCodeUsedError, StatusCodeExpiredError: as their names say.
        NotPaidError, EntitlementExpiredError, EntitlementRefundedError, EntitlementClosedError:
            what was paid for ended since the code was issued.

        Each carries ``verdict``: the refusal, signed.
    """
    try:
        row = _found(prover, presented, now)
        # Made before the code is used up: a key that cannot be opened costs nobody a use.
        released = _release(row, presented, now)
        _consume(row, prover, now)
    except DomainError as error:
        error.extra["verdict"] = to_base64(_signed(error.code, presented, None, now))
        raise
    return released


def expire_codes(*, now: datetime) -> int:
    """Mark codes that nobody used within their minute, and return how many.

    A day later nobody asks for them any more, nor for those that were void.
    """
    unused = StatusCode.objects.filter(state__in=(_State.EXPIRED, _State.REVOKED))
    unused.filter(expires_at__lt=now - KEPT).delete()
    return StatusCode.objects.filter(state=_State.ISSUED, expires_at__lte=now).update(
        state=_State.EXPIRED
    )


def _found(prover: "Prover", presented: Presented, now: datetime) -> StatusCode:
    row = _BY_HASH.first(code_hash(presented.code))
    if row is None:
        _refuse_invalid(prover, "unknown", now)
    for name, differs in _differences(row, prover, presented).items():
        if differs:
            _refuse_invalid(prover, f"other_{name}", now)
    if row.state == _State.CONSUMED:
        raise StatusCodeUsedError
    _require_access(row, row.entitlement, now)
    if row.state == _State.REVOKED or row.device.removed_at is not None:
        _refuse_invalid(prover, "revoked", now)
    if row.state == _State.EXPIRED or row.expires_at <= now:
        raise StatusCodeExpiredError
    return row


def _differences(row: StatusCode, prover: "Prover", presented: Presented) -> dict[str, bool]:
    release = presented.release
    return {
        "key": bytes(row.resource_key) != prover.thumbprint,
        "resource": bytes(row.version.resource.uid) != release.resource,
        "version": row.version.number != release.version,
        "operation": row.operation != presented.operation,
        "device": bytes(row.device.thumbprint) != release.device,
        "rnonce": bytes(row.rnonce) != release.rnonce,
    }


def _require_access(row: StatusCode, entitlement: Entitlement, now: datetime) -> None:
    if not gives_access(entitlement, now):
        raise refusal_of(entitlement, row.version.resource)


def _refuse_invalid(prover: "Prover", reason: str, now: datetime) -> NoReturn:
    """Answer alike whatever is wrong; the audit trail alone says what."""
    record(
        action="billing.status_code_invalid", actor=prover.actor, subject="", now=now, code=reason
    )
    raise StatusCodeInvalidError


def _release(row: StatusCode, presented: Presented, now: datetime) -> Released:
    sealed = presented.release.seal(content_key(row.version), bytes(row.device.box_key))
    return Released(_signed(ALLOWED, presented, sealed, now), sealed)


def _consume(row: StatusCode, prover: "Prover", now: datetime) -> None:
    codes = StatusCode.objects.filter(pk=row.pk, state=_State.ISSUED, expires_at__gt=now)
    with transaction.atomic():
        # Compare and set: of many who present it at once, one is first.
        if not codes.update(state=_State.CONSUMED):
            raise StatusCodeUsedError
        # Locked, so that a refund that is being made is waited for, and seen.
        entitlement = Entitlement.objects.select_for_update().get(pk=row.entitlement_id)
        _require_access(row, entitlement, now)
        if entitlement.uses_left is not None:
            Entitlement.objects.filter(pk=entitlement.pk).update(uses_left=F("uses_left") - 1)
        record(
            action="billing.verified",
            actor=prover.actor,
            subject=str(row.version.resource),
            now=now,
        )


def _signed(code: str, presented: Presented, sealed: bytes | None, now: datetime) -> bytes:
    release = presented.release
    verdict = BillingVerdict(
        code=code,
        resource=release.resource,
        version=release.version,
        operation=presented.operation,
        rnonce=release.rnonce,
        device=release.device,
        key_digest=None if sealed is None else hashlib.sha256(sealed).digest(),
        issued=int(now.timestamp()),
        expires=int((now + VERDICT_LIFE).timestamp()),
    )
    return verdict.sign(signing_key(Purpose.BILLING, now=now).key)
