"""Who may authorize without a network: which client, at which service, under which number."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings

from billing.ledger.services import require_not_frozen
from common.errors import DomainError, InputInvalidError
from offline.errors import (
    OfflinePasswordLockedError,
    OfflinePasswordNotSetError,
    SerialReusedError,
    SerialStaleError,
    ServiceDeniedError,
    UnknownClientError,
)
from offline.models import Authorization, Client, Service
from offline.selectors import client_by_uid, is_served
from offline.services.clients import suspend_client
from protocol import cose
from protocol.errors import ProtocolError
from protocol.offline import Application, Level, Money, OneWayCode, Serial

if TYPE_CHECKING:
    from offline.models import Relay

# A client's clock may be off by so much: nobody sets it while it has no network.
LEEWAY = timedelta(seconds=120)
_Said = TypeVar("_Said", Application, OneWayCode)
_Kind = Service.Kind


def read(kind: type[_Said], message: bytes) -> tuple[Client, _Said]:
    """Read what a client signed, and find the client.

    Raises:
        InputInvalidError: it is no such message.
        UnknownClientError: there is no such client, or it did not sign this.
    """
    try:
        signed = cose.parse(message)
        said = kind.from_signed(signed)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    client = client_by_uid(said.serial.client)
    with naming(client):
        if not signed.is_signed_by(bytes(client.device.key)):
            raise UnknownClientError("signature_wrong")
        require_in_use(client)
    return client, said


@contextmanager
def naming(client: Client) -> Iterator[None]:
    """Have the audit row of whatever is refused inside name the client."""
    try:
        yield
    except DomainError as error:
        error.audit_subject = client.public_id
        raise


def require_in_use(client: Client) -> None:
    """Accept a client that may authorize.

    Raises:
        UnknownClientError: it is suspended or removed, or its holder is gone.
        AccountFrozenError: an operator froze its holder's account.
        OfflinePasswordLockedError: the offline password was wrong too often.
    """
    holder = client.device.holder
    if client.state != Client.State.ACTIVE:
        raise UnknownClientError(f"client_{client.state}")
    if client.device.removed_at is not None:
        raise UnknownClientError("device_removed")
    if not holder.user.is_active:
        raise UnknownClientError("holder_inactive")
    require_not_frozen(holder)
    if client.locked_at is not None:
        raise OfflinePasswordLockedError


def require_unused(client: Client, serial: Serial, now: datetime) -> None:
    """Accept a number that is above all that were accepted; outside of any transaction.

    An honest client persists its counter before it signs, so that it never signs one twice, and
    nobody else can: whoever does has a copy of its key.

    Raises:
        SerialReusedError: just this one was accepted before.
        SerialStaleError: a higher one was accepted, as when a relay delivers late; or one with
            this counter, after which the client is suspended.
    """
    used = Authorization.objects.filter(client=client, counter=serial.counter).first()
    if used is not None and bytes(used.serial) == bytes(serial):
        raise SerialReusedError
    if used is not None:
        suspend_client(client=client, reason=Client.Reason.CLONED, actor="system", now=now)
        raise SerialStaleError("counter_copied")
    if serial.counter <= client.counter:
        raise SerialStaleError("counter_late")


def take_number(client: Client, serial: Serial) -> bool:
    """Accept a number, once, in a transaction; ``False`` when somebody was quicker.

    Compare and set: of all that have this counter or a lower one, one is accepted.
    """
    row = Client.objects.filter(
        pk=client.pk,
        state=Client.State.ACTIVE,
        locked_at=None,
        counter__lt=serial.counter,
    )
    return bool(row.update(counter=serial.counter))


def beaten(client: Client, serial: Serial, now: datetime) -> SerialStaleError:
    """Return why :func:`take_number` failed, after the transaction.

    Raises:
        As :func:`require_in_use` and :func:`require_unused`, when that is more precise.
    """
    client.refresh_from_db()
    require_in_use(client)
    require_unused(client, serial, now)
    return SerialStaleError("counter_late")


def require_fresh(time: int, now: datetime, *, life: timedelta, ahead: timedelta) -> None:
    """Accept what a client made about now, by its own clock.

    Args:
        time: Unix seconds.
        now: Timezone-aware.
        life: How old it may be.
        ahead: By how much the client's clock may be fast.

    Raises:
        SerialStaleError: it is too old, or from the future.
    """
    if not -ahead.total_seconds() <= now.timestamp() - time <= life.total_seconds():
        raise SerialStaleError("clock_wrong")


def require_served(
    relay: "Relay", client: Client, *, service: bytes, money: Money | None, subject: bytes | None
) -> None:
    """Accept what the relay's own service is there for, for this client.

    Raises:
        ServiceDeniedError: another service, another currency, or not for this holder.
    """
    offered = relay.service
    asked = (money is not None and money.currency, subject is not None)
    due = {
        _Kind.GATE: (False, False),
        _Kind.CHECKOUT: (offered.currency, False),
        _Kind.APPROVAL: (False, True),
    }
    if (
        service != bytes(offered.uid)
        or asked != due[_Kind(offered.kind)]
        or not is_served(offered, client.device.holder)
    ):
        raise ServiceDeniedError


def level_due(client: Client, service: Service, wanted: Level, money: Money | None) -> Level:
    """Return the level that is due: the highest of what all who have a say want.

    A client whose offline password was wrong of late proves it the next time, whatever it asks.
    """
    high_from = min(service.high_from or settings.OFFLINE_HIGH_FROM, settings.OFFLINE_HIGH_FROM)
    is_high = (
        wanted is Level.HIGH
        or service.is_high
        or service.kind == _Kind.APPROVAL
        or client.failures > 0
        or (money is not None and money.amount >= high_from)
    )
    return Level.HIGH if is_high else Level.ORDINARY


def require_password_set(client: Client) -> None:
    """Accept a client that can prove an offline password.

    Raises:
        OfflinePasswordNotSetError: there is none.
    """
    if not client.sealed_password:
        raise OfflinePasswordNotSetError


def moment(seconds: int) -> datetime:
    """Return a time that stands in a message, which we made ourselves."""
    return datetime.fromtimestamp(seconds, UTC)
