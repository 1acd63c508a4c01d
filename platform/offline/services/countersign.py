"""Take a client's countersign from a relay, and decide."""

import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from accounts.services import tell_holder
from audit.services import record
from binding.services import require_slow
from common.errors import DomainError
from offline.errors import (
    AuthorizationWaitsError,
    CountersignInvalidError,
    LevelRequiredError,
    OfflinePasswordLockedError,
    ServiceDeniedError,
    TbsExpiredError,
)
from offline.models import Authorization, Client
from offline.selectors import is_served, relay_of
from offline.services import admit, deciding, steps
from offline.services.clients import box_private, offline_password_key
from protocol.errors import ProtocolError
from protocol.offline import Countersign, Serial, digest_of, password_proof, unseal

if TYPE_CHECKING:
    from binding.models import Device
    from offline.models import Relay

MAX_WRONG = 5
_State = Authorization.State
_HIGH = "offline_high"
_NO_KEY = secrets.token_bytes(32)
_PROOF_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class _Opened:
    """What was in a message.

    Attributes:
        message: The countersign as it was signed, out of its seal.
        said: What it says; ``None`` when the client did not sign it for just this.
        proof: Of the offline password, if there is one.
    """

    message: bytes
    said: Countersign | None
    proof: bytes | None


def countersign(
    *, device: "Device", serial: bytes, message: bytes, is_sealed: bool, now: datetime
) -> Authorization:
    """Verify a countersign and decide; whoever repeats it gets the decision again.

    Args:
        device: That relays, as it did the application.
        serial: Of the application, 16 bytes.
        message: The countersign, or what it is sealed in.
        is_sealed: Which of the two.
        now: Timezone-aware.

    Returns:
        What was approved, with its signed result and its receipt.

    Raises:
        RateLimitedError: the device called too often within a minute.
        DeviceNotTrustedError: it is no relay.
        TbsExpiredError: it asked for no such thing, or the time is over.
        AuthorizationWaitsError: a token's response is being judged; ask again.
        KeysMissingError: the platform cannot sign; nothing has changed.
        And what refuses it for good, with the signed ``result``: UnknownClientError,
        AccountFrozenError, ServiceDeniedError, CountersignInvalidError, LevelRequiredError,
        OfflinePasswordLockedError, LimitExceededError, FundsInsufficientError, OwnPayeeError.
    """
    require_slow(device, now=now)
    found = _asked_by(relay_of(device), serial)
    response = _decide(found, message, is_sealed=is_sealed, now=now)
    if response is not None:
        _sign_step(found, response, now)
    refusal = deciding.refusal_of(found)
    if refusal is not None:
        raise refusal
    return found


def _asked_by(relay: "Relay", serial: bytes) -> Authorization:
    rows = Authorization.objects.select_related(
        "client__device__holder__user", "service__owner__user", "relay__device"
    )
    found = rows.filter(serial=serial, relay=relay).first()
    if found is None:
        raise TbsExpiredError
    return found


def _decide(found: Authorization, message: bytes, *, is_sealed: bool, now: datetime) -> str | None:
    """Decide, or return a token's response that has to be judged elsewhere first.

    One transaction from the claim to the decision: of many that countersign at once, one is looked
    at, and a proof is counted before it is compared, whatever breaks in between.
    """
    with transaction.atomic(durable=True):
        if not _claim(found):
            found.refresh_from_db()
            return _response_again(found, message, now)
        try:
            response = _verified(found, message, is_sealed=is_sealed, now=now)
        except DomainError as error:
            deciding.reject(found, error, from_state=_State.COUNTERSIGNED, now=now)
            return None
        if response is None:
            deciding.conclude(found, from_state=_State.COUNTERSIGNED, now=now)
        return response


def _response_again(found: Authorization, message: bytes, now: datetime) -> str | None:
    """Return a token's response that may be judged again, since nobody knows how that ended."""
    if found.state != _State.COUNTERSIGNED or message != bytes(found.countersign or b""):
        return None
    try:
        return _kept_response(found)
    except DomainError as error:
        deciding.reject(found, error, from_state=_State.COUNTERSIGNED, now=now)
        return None


def finish_by_step(found: Authorization, *, now: datetime) -> None:
    """Decide what was cut off while its response was judged: as the step ended; in no transaction.

    Raises:
        DomainError: of our own trouble, or the step is open: later.
    """
    try:
        response = _kept_response(found)
        steps.require_signed(authorization=found, response=response, now=now)
    except DomainError as error:
        deciding.reject(found, error, from_state=_State.COUNTERSIGNED, now=now)
    else:
        deciding.conclude(found, from_state=_State.COUNTERSIGNED, now=now)


def _kept_response(found: Authorization) -> str:
    """Return the token's response out of a countersign that was verified, and kept as it came.

    Raises:
        UnknownClientError, AccountFrozenError, OfflinePasswordLockedError: the client may no more.
        ServiceDeniedError: the service is there no more.
    """
    _require_standing(found)
    opened = _opened(found, bytes(found.countersign or b""), is_sealed=True)
    if opened.said is None or opened.said.response is None:
        raise CountersignInvalidError("response_wrong")
    return opened.said.response


def _sign_step(found: Authorization, response: str, now: datetime) -> None:
    """Have a token's response judged, and decide by it; never in a transaction.

    Raises:
        DomainError: of our own trouble: the same may be asked again, or the worker finds out.
    """
    # Somebody who repeated it may be quicker: then that decision is told.
    with suppress(AuthorizationWaitsError):
        try:
            steps.sign_step(authorization=found, response=response, now=now)
        except DomainError as error:
            deciding.reject(found, error, from_state=_State.COUNTERSIGNED, now=now)
        else:
            deciding.conclude(found, from_state=_State.COUNTERSIGNED, now=now)
    found.refresh_from_db()


def _claim(found: Authorization) -> bool:
    row = Authorization.objects.filter(pk=found.pk, state=_State.TBS_ISSUED)
    if not row.update(state=_State.COUNTERSIGNED):
        return False
    found.state = _State.COUNTERSIGNED
    # As it stands behind the claim, which others may have waited for.
    found.client.refresh_from_db(
        fields=["state", "failures", "locked_at", "sealed_password", "sealed_box_key"]
    )
    return True


def _verified(
    found: Authorization, message: bytes, *, is_sealed: bool, now: datetime
) -> str | None:
    """Return the token's response, where one is due, of a countersign that proves what is due.

    Raises:
        DomainError: why it does not.
    """
    if now >= found.expires_at:
        raise TbsExpiredError
    _require_standing(found)
    opened = _opened(found, message, is_sealed=is_sealed)
    _require_proof(found, opened.proof, is_signed=opened.said is not None, now=now)
    if opened.said is None:
        raise CountersignInvalidError("signature_wrong")
    if (opened.said.response is None) != (found.subject is None):
        raise CountersignInvalidError("response_wrong")
    response = opened.said.response
    # A token's response stays in nobody's records: what holds one is kept sealed, as it came.
    found.countersign = opened.message if response is None else message
    Authorization.objects.filter(pk=found.pk).update(countersign=found.countersign)
    return response


def _require_standing(found: Authorization) -> None:
    """Accept what client, service and relay may do now.

    Raises:
        UnknownClientError, AccountFrozenError, OfflinePasswordLockedError: the client may not.
        ServiceDeniedError: the service is not there, or the relay stands elsewhere.
    """
    admit.require_in_use(found.client)
    if found.relay.service_id != found.service_id or not is_served(
        found.service, found.client.device.holder
    ):
        raise ServiceDeniedError


def _opened(found: Authorization, message: bytes, *, is_sealed: bool) -> _Opened:
    """Open a countersign, and check that the client signed it for just this."""
    proof = None
    try:
        if is_sealed:
            serial = Serial.from_bytes(bytes(found.serial))
            message, proof = unseal(serial, message, box_private(found.client))
        said = Countersign.open(message, key=bytes(found.client.device.key))
    except ProtocolError:
        return _Opened(message, None, proof)
    is_for_this = hmac.compare_digest(said.digest, digest_of(bytes(found.tbs or b"")))
    return _Opened(message, said if is_for_this else None, proof)


def _require_proof(
    found: Authorization, proof: bytes | None, *, is_signed: bool, now: datetime
) -> None:
    """Accept the proof of the offline password, where one is due.

    Only a proof that the client signed for is counted: no relay can lock it.  For one that it did
    not sign for the same work is done.

    Raises:
        LevelRequiredError: there is none.
        OfflinePasswordLockedError: too many were wrong.
        CountersignInvalidError: it is wrong.
    """
    if found.way != _HIGH:
        return
    is_counted = is_signed and proof is not None
    failures = _count_try(found.client) if is_counted else 0
    is_right = _matches(found, proof)
    if not is_signed:
        return
    if proof is None:
        raise LevelRequiredError
    if is_right:
        _set(found.client, failures=0, locked_at=None)
    else:
        _note_wrong(found.client, failures, now)
        raise CountersignInvalidError("offline_password_wrong")


def _count_try(client: Client) -> int:
    """Count a try, in the caller's transaction; return which it is.

    Raises:
        OfflinePasswordLockedError: nothing may be tried now, so nothing was counted.
    """
    row = Client.objects.filter(pk=client.pk, locked_at=None, failures__lt=MAX_WRONG)
    # Compare and set; from here on the row is this transaction's alone.
    if not row.update(failures=F("failures") + 1):
        raise OfflinePasswordLockedError
    return Client.objects.values_list("failures", flat=True).get(pk=client.pk)


def _matches(found: Authorization, proof: bytes | None) -> bool:
    client = found.client
    key = offline_password_key(client) if client.sealed_password else _NO_KEY
    right = password_proof(key, bytes(found.tbs or b""))
    is_equal = hmac.compare_digest(right, proof or bytes(_PROOF_BYTES))
    return is_equal and proof is not None and bool(client.sealed_password)


def _note_wrong(client: Client, failures: int, now: datetime) -> None:
    client.failures = failures
    if failures < MAX_WRONG:
        return
    _set(client, locked_at=now)
    holder = client.device.holder
    record(action="offline.locked", actor=holder.actor, subject=client.public_id, now=now)
    tell_holder(holder, kind="offline_locked", page="/offline/settings", now=now)


def _set(client: Client, **fields: object) -> None:
    Client.objects.filter(pk=client.pk).update(**fields)
    for name, value in fields.items():
        setattr(client, name, value)
