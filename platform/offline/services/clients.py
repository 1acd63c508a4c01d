"""Clients: registered and given their secrets while on-line; locked, suspended, removed."""

import secrets
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest

from accounts.services import tell_holder
from audit.services import record
from billing.ledger.errors import AmountInvalidError
from billing.ledger.services import check_payment_password, is_simple_password
from binding.services import permit_if_policy_asks
from common.sealing import sealer
from offline.errors import ClientStateError, OfflinePasswordWeakError
from offline.models import Client
from offline.selectors import client_of
from protocol.binding import Purpose
from protocol.currency import EXPONENTS
from protocol.offline import CLIENT_BYTES, SALT_BYTES, password_key

if TYPE_CHECKING:
    from binding.models import Device

_LENGTHS = range(6, 65)
_PAGE = "/offline/settings"
_State, _Reason = Client.State, Client.Reason
_UNLOCKED = {"failures": 0, "locked_at": None}


def register_client(
    *, device: "Device", payment_password: str, permit: str | None, now: datetime
) -> Client:
    """Let a device authorize without a network; again it answers the same.

    Args:
        device: Whose key proved the call.
        payment_password: Of its holder.
        permit: Of the holder's bound phone, where the policy asks for one; ``None`` for any
            fresh one.
        now: Timezone-aware.

    Raises:
        UnknownClientError: the device was a client, and was removed as such for good.
        PermitRequiredError: the policy asks for a permit, and there is none.
        And as :func:`billing.ledger.services.check_payment_password`.
    """
    holder = device.holder
    check_payment_password(holder=holder, password=payment_password, now=now)
    if Client.objects.filter(device=device).exists():
        return client_of(device)
    try:
        with transaction.atomic():
            permit_if_policy_asks(holder=holder, purpose=Purpose.OFFLINE, permit=permit, now=now)
            client = _new_client(device, now)
            record(action="offline.added", actor=holder.actor, subject=client.public_id, now=now)
            tell_holder(holder, kind="offline_added", page=_PAGE, now=now)
            return client
    except IntegrityError:
        # Two calls at once.
        return client_of(device)


def set_offline_password(
    *, client: Client, payment_password: str, password: str, now: datetime
) -> None:
    """Set or change the offline password, on-line; it opens a locked one.

    What is kept proves the password as well as the password does: it is sealed.

    Raises:
        OfflinePasswordWeakError: shorter than 6 or longer than 64 characters, too simple, or the
            password of the sign-in or of payments.
        ClientStateError: the client was removed.
        And as :func:`billing.ledger.services.check_payment_password`.
    """
    holder = client.device.holder
    check_payment_password(holder=holder, password=payment_password, now=now)
    plain = normalised(password)
    if (
        len(plain) not in _LENGTHS
        or is_simple_password(plain)
        or plain == normalised(payment_password)
        or any(holder.user.check_password(text) for text in {plain, password})
    ):
        raise OfflinePasswordWeakError
    key = password_key(plain, bytes(client.salt))
    sealed = sealer().seal(key, client_context("password", client))
    with transaction.atomic():
        _change(
            client,
            "offline.password_set",
            now,
            sealed_password=sealed,
            password_set_at=now,
            **_UNLOCKED,
        )
        tell_holder(holder, kind="offline_password", page=_PAGE, now=now)


def unlock(*, client: Client, payment_password: str, now: datetime) -> None:
    """Let the offline password be tried again, on-line.

    Raises:
        ClientStateError: the client was removed.
        And as :func:`billing.ledger.services.check_payment_password`.
    """
    holder = client.device.holder
    check_payment_password(holder=holder, password=payment_password, now=now)
    _change(client, "offline.unlocked", now, **_UNLOCKED)


def set_code_limit(
    *, client: Client, amount: int, currency: str, payment_password: str, now: datetime
) -> None:
    """Say what a one-way code may be worth at most; 0 lets there be none.

    Raises:
        AmountInvalidError: below zero, above OFFLINE_CODE_CAP, or of an unknown currency.
        ClientStateError: the client was removed.
        And as :func:`billing.ledger.services.check_payment_password`.
    """
    holder = client.device.holder
    if currency not in EXPONENTS or not 0 <= amount <= settings.OFFLINE_CODE_CAP:
        raise AmountInvalidError
    check_payment_password(holder=holder, password=payment_password, now=now)
    before = client.code_limit if client.code_currency == currency else 0
    with transaction.atomic():
        _change(
            client,
            "offline.codes_set",
            now,
            code_limit=amount,
            code_currency=currency if amount else "",
        )
        if amount > before:
            page = f"{_PAGE}/{client.public_id}"
            tell_holder(holder, kind="offline_codes", page=page, now=now)


def suspend_client(
    *, client: Client, actor: str, now: datetime, reason: str = _Reason.HOLDER
) -> None:
    """Stop a client: whatever it signs is refused; again changes nothing but for a graver reason.

    Args:
        client: Which.
        actor: Who does it, for the audit.
        now: Timezone-aware.
        reason: Of :class:`Client.Reason`; decides who may undo it.
    """
    # What is known of a copy is not lost because its holder was quicker to stop it.
    lesser = list(_Reason)[: list(_Reason).index(_Reason(reason))]
    standing = Q(state=_State.ACTIVE) | Q(state=_State.SUSPENDED, reason__in=lesser)
    with transaction.atomic():
        stopped = Client.objects.filter(standing, pk=client.pk)
        if not stopped.update(state=_State.SUSPENDED, reason=_Reason(reason)):
            return
        subject = client.public_id
        record(action="offline.suspended", actor=actor, subject=subject, now=now, code=reason)
        kind = "offline_cloned" if reason == _Reason.CLONED else "offline_stopped"
        tell_holder(client.device.holder, kind=kind, page=_PAGE, now=now)


def resume_client(*, client: Client, actor: str, now: datetime, is_operator: bool = False) -> None:
    """Let a suspended client authorize again.

    Raises:
        ClientStateError: it is not suspended, or not for its holder to resume.
    """
    suspended = Client.objects.filter(
        pk=client.pk,
        state=_State.SUSPENDED,
        reason__in=list(_Reason) if is_operator else [_Reason.HOLDER],
    )
    with transaction.atomic():
        if client.device.removed_at is not None or not suspended.update(
            state=_State.ACTIVE, reason=""
        ):
            raise ClientStateError
        if is_operator:
            # They have looked at what was approved: it stops the client no second time.
            client.authorizations.filter(state="approved", reconciled_at=None).update(
                reconciled_at=now
            )
            Client.objects.filter(pk=client.pk).update(reviewed_counter=F("counter"))
        record(action="offline.resumed", actor=actor, subject=client.public_id, now=now)
        tell_holder(client.device.holder, kind="offline_resumed", page=_PAGE, now=now)


def remove_client(*, client: Client, actor: str, now: datetime) -> None:
    """End a client for good, and forget its secrets; again changes nothing."""
    standing = Client.objects.filter(pk=client.pk).exclude(state=_State.REMOVED)
    with transaction.atomic():
        gone = standing.update(
            state=_State.REMOVED,
            reason="",
            sealed_password=b"",
            sealed_box_key=b"",
            code_limit=0,
            code_currency="",
        )
        if gone:
            record(action="offline.removed", actor=actor, subject=client.public_id, now=now)


def note_synced(client: Client, now: datetime, *, counter: int = 0) -> None:
    """Remember when a client was last on-line, and that it used all numbers up to a counter."""
    row = Client.objects.filter(pk=client.pk)
    row.update(synced_at=now, counter=Greatest("counter", Value(counter)))


def box_private(client: Client) -> X25519PrivateKey:
    """Open the key that a client's countersigns are sealed to.

    Raises:
        ProtocolError: ``sealed_invalid``: the row was changed.
    """
    opened = sealer().open(bytes(client.sealed_box_key), client_context("box", client))
    return X25519PrivateKey.from_private_bytes(opened)


def offline_password_key(client: Client) -> bytes:
    """Open what proofs of the offline password are checked with.

    Raises:
        ProtocolError: ``sealed_invalid``: the row was changed.
    """
    return sealer().open(bytes(client.sealed_password), client_context("password", client))


def client_context(name: str, client: Client) -> bytes:
    """Return what the ``password`` or the ``box`` key of a client is sealed with."""
    # No secret opens in place of another one, nor in another client's row.
    return b"offline/" + name.encode() + b"/" + bytes(client.uid)


def normalised(password: str) -> str:
    """Return an offline password as both sides hash it.

    Two keyboards may write the same letter in two ways.
    """
    return unicodedata.normalize("NFKC", password)


def _new_client(device: "Device", now: datetime) -> Client:
    box = X25519PrivateKey.generate()
    client = Client(
        uid=_new_uid(),
        device=device,
        box_key=box.public_key().public_bytes_raw(),
        salt=secrets.token_bytes(SALT_BYTES),
        created_at=now,
        synced_at=now,
    )
    client.sealed_box_key = sealer().seal(box.private_bytes_raw(), client_context("box", client))
    client.save()
    return client


def _change(client: Client, action: str, now: datetime, **fields: Any) -> None:
    """Change a client for its holder, with an audit row."""
    standing = Client.objects.filter(pk=client.pk).exclude(state=_State.REMOVED)
    with transaction.atomic():
        if not standing.update(**fields):
            raise ClientStateError
        actor = client.device.holder.actor
        record(action=action, actor=actor, subject=client.public_id, now=now)
    for name, value in fields.items():
        setattr(client, name, value)


def _new_uid() -> bytes:
    """Return a free id.  With 4 bytes two may meet; the constraint has the last word."""
    while Client.objects.filter(uid=(uid := secrets.token_bytes(CLIENT_BYTES))).exists():
        pass
    return uid
