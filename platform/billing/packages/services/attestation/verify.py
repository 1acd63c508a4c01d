"""Take in a maker's word about a terminal, once; whatever is wrong with it raises the terminal."""

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction

from audit.services import record
from billing.packages.errors import (
    AttestationRefusedError,
    AttestationUnsupportedError,
    NonceReusedError,
)
from billing.packages.models import Attestation, FraudSignal, Package, Terminal
from billing.packages.selectors import item_of, newest_build
from billing.packages.services.attestation.app_attest import app_attest
from billing.packages.services.attestation.base import (
    Attested,
    Attester,
    Evidence,
    Expected,
    Identity,
    KnownKey,
    NotVouchedError,
    Purchase,
    check_identities,
    identity_of,
)
from billing.packages.services.attestation.play_integrity import play_integrity
from billing.packages.services.signals import raise_terminal, signal
from billing.packages.services.terminals import use_nonce
from binding.services import require_slow
from protocol.attestation import challenge_digest

if TYPE_CHECKING:
    from django.db.models import QuerySet


def _storekit() -> Attester:
    """Return what reads StoreKit's transactions, as the settings have it.

    Raises:
        AttestationUnsupportedError: they name no root.
    """
    if not settings.STOREKIT_ROOTS:
        raise AttestationUnsupportedError
    # Apple's library takes longer to import than most commands to run.
    from billing.packages.services.attestation.storekit import storekit

    return storekit(settings.STOREKIT_ROOTS, settings.STOREKIT_ONLINE_CHECKS)


# By the names on the wire, which are those of Attestation.Provider.
ATTESTERS: dict[str, Callable[[], Attester]] = {
    Attestation.Provider.PLAY_INTEGRITY: play_integrity,
    Attestation.Provider.APP_ATTEST: app_attest,
    Attestation.Provider.STOREKIT: _storekit,
}


def check_settings() -> None:
    """Read all that the settings say about makers and applications.

    Raises:
        ImproperlyConfigured: something of it cannot be meant.
    """
    check_identities()
    for make in ATTESTERS.values():
        with suppress(AttestationUnsupportedError):
            make()


def verify_attestation(
    *,
    terminal: Terminal,
    package: Package,
    provider: str,
    evidence: Evidence,
    nonce: bytes,
    now: datetime,
    item: int | None = None,
) -> Attestation:
    """Check what a maker vouches for, and write it down.

    The maker is asked before the nonce is used up, so that an outage costs nothing; of many
    calls with one nonce one counts.

    Args:
        terminal: Who shows it.
        package: Which application it is to vouch for.
        provider: A name of :data:`ATTESTERS`.
        evidence: What the maker's service gave the terminal.
        nonce: One of the terminal's billing nonces, to which the evidence is bound.
        now: Timezone-aware.
        item: Number of the item that was bought, for a provider that signs purchases.

    Raises:
        AttestationRefusedError: the evidence is not good; there is one answer for every reason.
        AttestationUnavailableError: the maker cannot be asked just now.
        AttestationUnsupportedError: the application is not known there, or nobody is to be asked.
        NonceReusedError: the nonce is not this terminal's, was used, or is over.
        ItemUnknownError, PackageUnknownError: there is no such item.
        RateLimitedError: the device called too often within a minute.
    """
    require_slow(terminal.device, now=now)
    app = identity_of(package.public_id)
    expected = Expected(
        digest=challenge_digest(
            package=bytes(package.uid), terminal=bytes(terminal.device.uid), nonce=nonce
        ),
        app=app,
        key=_known_key(terminal, package, provider, evidence),
        purchase=None if item is None else _purchase(package, app, item),
    )
    attested, reason = _ask(ATTESTERS[provider](), evidence, expected, now)
    with transaction.atomic():
        if not use_nonce(terminal, nonce, now):
            raise NonceReusedError
        row = _write(terminal, package, provider, attested, now) if attested is not None else None
        if row is None:
            _refuse(terminal, package, reason or "seen_before", now)
    # Raised outside the transaction, which keeps what it did.
    if row is None:
        raise AttestationRefusedError
    return row


def _ask(
    attester: Attester, evidence: Evidence, expected: Expected, now: datetime
) -> tuple[Attested | None, str]:
    try:
        return attester.verify(evidence, expected=expected, now=now), ""
    except NotVouchedError as error:
        return None, error.reason


def _write(
    terminal: Terminal, package: Package, provider: str, attested: Attested, now: datetime
) -> Attestation | None:
    """Return the row; ``None`` when this was shown before."""
    subject = hashlib.sha256(attested.subject).digest()
    if attested.counter is not None:
        return _risen(terminal, package, subject, attested.counter, now)
    try:
        with transaction.atomic():
            row = Attestation.objects.create(
                terminal=terminal,
                package=package,
                provider=provider,
                subject=subject,
                key=attested.key,
                at=now,
            )
    except IntegrityError:
        return None
    _record("attestation.taken", terminal, now, code=provider)
    return row


def _risen(
    terminal: Terminal, package: Package, subject: bytes, counter: int, now: datetime
) -> Attestation | None:
    keys = _keys(terminal, package, subject)
    # Compare and set: of two assertions at once, the counter of one is not above the other's.
    if keys.filter(counter__lt=counter).update(counter=counter, at=now) != 1:
        return None
    _record("attestation.renewed", terminal, now)
    return keys.get()


def _refuse(terminal: Terminal, package: Package, reason: str, now: datetime) -> None:
    _record("attestation.refused", terminal, now, code=reason)
    signal(terminal, FraudSignal.Reason.ATTESTATION, package, now)
    raise_terminal(terminal, Terminal.Raised.ATTESTATION, now)


def _record(action: str, terminal: Terminal, now: datetime, *, code: str = "") -> None:
    device = terminal.device
    record(action=action, actor=device.actor, subject=device.public_id, now=now, code=code)


def _known_key(
    terminal: Terminal, package: Package, provider: str, evidence: Evidence
) -> KnownKey | None:
    if provider != Attestation.Provider.APP_ATTEST:
        return None
    try:
        key_id = base64.b64decode(evidence.key, validate=True)
    except ValueError:
        return None
    row = _keys(terminal, package, hashlib.sha256(key_id).digest()).first()
    return None if row is None or row.key is None else KnownKey(bytes(row.key), row.counter)


def _keys(terminal: Terminal, package: Package, subject: bytes) -> "QuerySet[Attestation]":
    return Attestation.objects.filter(
        provider=Attestation.Provider.APP_ATTEST,
        subject=subject,
        terminal=terminal,
        package=package,
    )


def _purchase(package: Package, app: Identity, number: int) -> Purchase:
    item = item_of(newest_build(package), number)
    product = (app.products or {}).get(number)
    if product is None:
        raise AttestationUnsupportedError
    return Purchase(product, item.amount, package.currency)
