"""Phones without a network that many speak for at once: how each try ended."""

from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from threading import Barrier
from typing import Any
from unittest.mock import patch

from billing.ledger import selectors as ledger
from billing.ledger.services import set_payment_password
from binding.models import Device
from binding.services import add_device, create_device_code
from notices.models import Notice
from offline.errors import OfflinePasswordLockedError
from offline.models import Authorization, Client, Relay
from offline.services import admit, deciding
from offline.services import countersign as judging
from offline.services.apply import apply
from offline.services.clients import register_client, set_offline_password, suspend_client
from offline.services.codes import take_code
from offline.services.countersign import countersign
from offline.services.expire import expire_authorizations
from offline.services.limits import require_within_limits, set_limits
from offline.services.relays import add_relay
from offline.services.services import create_service, end_service
from protocol.offline import (
    Application,
    Countersign,
    Level,
    Money,
    OneWayCode,
    Serial,
    digest_of,
    password_key,
    password_proof,
    seal,
)
from terminal.keys import DeviceKeys
from tests.concurrency.racing import PATIENCE, at_once
from tests.concurrency.spending import _fill, _holder, _now

PAYPASS, PASSWORD = "violet-otter-3", "amber orchard"
PRICE = 250
AT_ONCE = 32
CAP = 4 * PRICE


def _device(holder: Any) -> tuple[Device, DeviceKeys]:
    keys = DeviceKeys.generate()
    _, code = create_device_code(holder=holder, now=_now())
    device = add_device(
        code=code, name="Race", key=keys.signing.public, box_key=keys.box_key, now=_now()
    )
    return device, keys


@cache
def _key(password: str, salt: bytes) -> bytes:
    return password_key(password, salt)


class Paying:
    """A phone with an offline password, and a checkout beside it."""

    def __init__(self) -> None:
        owner, self.payer = _holder(), _holder()
        _fill(self.payer, 100 * PRICE)
        set_payment_password(holder=self.payer, password=PAYPASS, now=_now())
        device, self.keys = _device(self.payer)
        client = register_client(device=device, payment_password=PAYPASS, permit=None, now=_now())
        set_offline_password(
            client=client, payment_password=PAYPASS, password=PASSWORD, now=_now()
        )
        self.client = Client.objects.get(pk=client.pk)
        self.service = create_service(
            owner=owner, title="Race", kind="checkout", currency="EUR", now=_now()
        )
        type(self.service).objects.filter(pk=self.service.pk).update(takes_codes=True)
        self.relay, _ = _device(owner)
        add_relay(service=self.service, device=self.relay, now=_now())
        # Makes all accounts, as in the races of the ledger.
        self.signed(self.applied(1))()

    def application(self, counter: int, level: Level = Level.ORDINARY) -> bytes:
        asked = Application(
            serial=Serial.draw(bytes(self.client.uid), counter),
            service=bytes(self.service.uid),
            money=Money(PRICE, "EUR"),
            level=level,
            time=int(_now().timestamp()),
        )
        return asked.sign(self.keys.signing)

    def applied(self, counter: int, level: Level = Level.ORDINARY) -> Authorization:
        message = self.application(counter, level)
        return apply(device=self.relay, application=message, now=_now()).authorization

    def signed(self, row: Authorization, password: str | None = None) -> Callable[[], object]:
        """Return what brings a countersign, which is made before the race."""
        tbs, serial = bytes(row.tbs or b""), Serial.from_bytes(bytes(row.serial))
        message = Countersign(digest_of(tbs)).sign(self.keys.signing)
        if password is not None:
            proof = password_proof(_key(password, bytes(self.client.salt)), tbs)
            message = seal(serial, message, proof, bytes(self.client.box_key))
        return partial(
            countersign,
            device=self.relay,
            serial=bytes(serial),
            message=message,
            is_sealed=password is not None,
            now=_now(),
        )

    def bring_all(self, rows: list[Authorization], password: str | None = None) -> dict[str, Any]:
        """Bring a countersign for each of these at once."""
        brings = [self.signed(row, password) for row in rows]
        return self.outcome(at_once(lambda number: brings[number](), len(rows)))

    def code(self, counter: int) -> bytes:
        serial = Serial.draw(bytes(self.client.uid), counter)
        said = OneWayCode(serial, Money(PRICE, "EUR"), int(_now().timestamp()))
        return said.sign(self.keys.signing)

    def outcome(self, ended: dict[str, int]) -> dict[str, Any]:
        """How each try ended, and how things stand; the first payment is left out."""
        rows = Authorization.objects.filter(client=self.client, counter__gt=1)
        wallet = {one.kind: one.balance for one in ledger.balances(self.payer.pk)}["wallet"]
        client = Client.objects.get(pk=self.client.pk)
        return {
            "ended": ended,
            "states": dict(Counter(rows.values_list("state", flat=True))),
            "paid": 99 * PRICE - wallet,
            "failures": client.failures,
            "state": f"{client.state} {client.reason}".strip(),
            "locked": client.locked_at is not None,
        }


def same_serial() -> dict[str, Any]:
    """Bring one application thirty-two times at once."""
    paying = Paying()
    message = paying.application(2)

    def once(_number: int) -> None:
        apply(device=paying.relay, application=message, now=_now())

    return paying.outcome(at_once(once, AT_ONCE))


def same_counter() -> dict[str, Any]:
    """Bring eight applications that were signed under one counter at once."""
    paying = Paying()
    messages = [paying.application(2) for _ in range(8)]

    def once(number: int) -> None:
        apply(device=paying.relay, application=messages[number], now=_now())

    return paying.outcome(at_once(once, 8))


def same_serial_unguarded() -> dict[str, Any]:
    """Take numbers by look-then-set: more than one must be told that theirs is the first."""
    paying = Paying()

    looked = Barrier(AT_ONCE)

    def take(client: Client, serial: Serial) -> bool:
        stored = Client.objects.get(pk=client.pk)
        looked.wait(PATIENCE)
        if stored.counter >= serial.counter:
            return False
        Client.objects.filter(pk=client.pk).update(counter=serial.counter)
        return True

    message = paying.application(2)
    with patch.object(admit, "take_number", take):

        def once(_number: int) -> None:
            apply(device=paying.relay, application=message, now=_now())

        return paying.outcome(at_once(once, AT_ONCE))


def one_tbs() -> dict[str, Any]:
    """Countersign one tbs thirty-two times at once."""
    paying = Paying()
    row = paying.applied(2)
    return paying.bring_all([row] * AT_ONCE)


def one_tbs_unguarded() -> dict[str, Any]:
    """Let everybody believe that they came first; the ledger alone stands behind it."""
    paying = Paying()
    row = paying.applied(2)

    looked = Barrier(AT_ONCE)

    def claim(found: Authorization) -> bool:
        looked.wait(PATIENCE)
        is_first = found.state == Authorization.State.TBS_ISSUED
        Authorization.objects.filter(pk=found.pk).update(state="countersigned")
        found.state = Authorization.State.COUNTERSIGNED
        return is_first

    with patch.object(judging, "_claim", claim):
        paying.bring_all([row] * AT_ONCE)
    # The ledger pays once by its key; what stands beside it is done again and again.
    told = Notice.objects.filter(holder=paying.payer, kind="offline_paid")
    return {"told": told.count()}


def guess() -> dict[str, Any]:
    """Prove thirty-two wrong offline passwords at once, each for a tbs of its own."""
    return _guess()


def _guess() -> dict[str, Any]:
    paying = Paying()
    rows = [paying.applied(counter, Level.HIGH) for counter in range(2, 2 + AT_ONCE)]
    return paying.bring_all(rows, "amber orchid")


def guess_unguarded() -> dict[str, Any]:
    """As :func:`guess`, counted by read-then-write: more than five are looked at."""
    looked = Barrier(AT_ONCE)

    def count(client: Client) -> int:
        client.refresh_from_db(fields=["failures"])
        looked.wait(PATIENCE)
        if client.failures >= judging.MAX_WRONG:
            raise OfflinePasswordLockedError
        return client.failures + 1

    with patch.object(judging, "_count_try", count):
        return _guess()


def know() -> dict[str, Any]:
    """Prove the right offline password eight times at once."""
    paying = Paying()
    rows = [paying.applied(counter, Level.HIGH) for counter in range(2, 10)]
    return paying.bring_all(rows, PASSWORD)


def pay_to_the_cap() -> dict[str, Any]:
    """Countersign twelve payments at once, of which three fit the limit beside the first."""
    return _pay_to_the_cap()


def _pay_to_the_cap() -> dict[str, Any]:
    paying = Paying()
    rows = [paying.applied(counter) for counter in range(2, 14)]
    set_limits(
        client=paying.client,
        currency="EUR",
        day=CAP,
        month=CAP,
        payment_password=PAYPASS,
        now=_now(),
    )
    return paying.bring_all(rows)


def pay_unguarded() -> dict[str, Any]:
    """As :func:`pay_to_the_cap`, with a limit that is only looked at: it must be passed."""
    with patch.object(deciding, "spend", require_within_limits):
        return _pay_to_the_cap()


def same_code() -> dict[str, Any]:
    """Take one one-way code thirty-two times at once; half of that is one request, repeated."""
    paying = Paying()
    Client.objects.filter(pk=paying.client.pk).update(code_limit=PRICE, code_currency="EUR")
    code = paying.code(2)

    def once(number: int) -> None:
        take_code(
            device=paying.relay,
            code=code,
            money=Money(PRICE, "EUR"),
            request=str(number * (number % 2)),
            now=_now(),
        )

    return paying.outcome(at_once(once, AT_ONCE))


def pay_or_stop() -> dict[str, Any]:
    """Countersign while the phone is suspended, and while it is over: each ends one way."""
    paying = Paying()
    rows = [paying.applied(counter) for counter in range(2, 8)]

    def once(number: int) -> None:
        if number == 3:
            suspend_client(client=paying.client, actor="x", now=_now())
        elif number % 2:
            expire_authorizations(now=rows[-1].expires_at)
        else:
            for row in rows:
                try:
                    paying.signed(row)()
                except Exception as error:  # refused is one way to end
                    code = getattr(error, "code", type(error).__name__)
                    if code not in ("unknown_client", "tbs_expired"):
                        raise

    return paying.outcome(at_once(once, 6))


def put_up() -> dict[str, Any]:
    """Put one device up at two services at once, and others where the service is being ended."""
    owner = _holder()
    first, second, ending = (
        create_service(owner=owner, title=title, kind="gate", now=_now()) for title in "abc"
    )
    one, *others = (_device(owner)[0] for _ in range(9))

    def at_two(number: int) -> None:
        add_relay(service=(first, second)[number % 2], device=one, now=_now())

    def while_it_ends(number: int) -> None:
        if number == 4:
            end_service(service=ending, now=_now())
        else:
            add_relay(service=ending, device=others[number], now=_now())

    return {
        "at_two": at_once(at_two, 8),
        "while_it_ends": at_once(while_it_ends, 8),
        "standing": Relay.objects.filter(service__owner=owner, ended_at=None).count(),
    }


RACES: dict[str, Callable[[], dict[str, Any]]] = {
    race.__name__: race
    for race in (
        same_serial,
        same_counter,
        same_serial_unguarded,
        one_tbs,
        one_tbs_unguarded,
        guess,
        guess_unguarded,
        know,
        pay_to_the_cap,
        pay_unguarded,
        same_code,
        pay_or_stop,
        put_up,
    )
}
