"""A phone without a network and a device beside it, over the live site and a link in between."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from countersign.stage import PAYMENT_PASSWORD, fill_wallet
from protocol import cbor, cose
from protocol.errors import ProtocolError
from protocol.near_field import Asks, Kind, Offer
from protocol.offline import (
    Application,
    Countersign,
    Level,
    Money,
    Result,
    ToBeSigned,
    digest_of,
    password_key,
    password_proof,
    seal,
)
from terminal.adding import add_device
from terminal.errors import TerminalError
from terminal.home import Home
from terminal.links.link import Link
from terminal.links.loopback import Loopback
from terminal.links.qr import QrLink
from terminal.links.wav import WavFileLink
from terminal.offline.client import OfflineClient
from terminal.offline.registering import Registrar
from terminal.offline.relay import Checkout, Gate, Relay
from terminal.offline.store import Store
from terminal.offline.talking import Talk
from tests.e2e.live import Live
from tests.e2e.party import Party

PASSWORD = "seven tall pines"
PRICE = Money(450, "EUR")
LINKS = ["loopback", "qr", "wav"]
# A room with people in it.
NOISE = 0.05
_CLIENT_THREAD = "client without a network"


@dataclass
class Air:
    """What lies between the two ends.

    Attributes:
        kind: One of :data:`LINKS`.
        folder: Of its pictures or sounds.
    """

    kind: str
    folder: Path
    _numbers: Iterator[int] = field(default_factory=count)

    def pair(self) -> tuple[Link, Link]:
        """Return the ends of client and device, nothing being in the air."""
        if self.kind == "loopback":
            return Loopback.pair()
        there, back = (self.folder / f"{next(self._numbers)}" for _ in range(2))
        if self.kind == "qr":
            return QrLink(there, back), QrLink(back, there)
        # Loud, as in such a room: at half of that, one frame of five hundred is not understood.
        return WavFileLink(there, back, NOISE, 100), WavFileLink(back, there, NOISE, 100)


class Tap(Link):
    """A link whose device end is in the hands of somebody who notes, and changes, what passes.

    Attributes:
        capture: All that passed, both ways, as it came and before it was changed.
        link: Over which it passed.
    """

    def __init__(self, link: Link, **lies: Callable[[Any], Any]) -> None:
        """Lie in place of parts: ``application=…`` is given a kind's parts, and returns them."""
        super().__init__()
        self.capture: list[bytes] = []
        self.link = link
        self._lies = {Kind[name.upper()]: lie for name, lie in lies.items()}

    def send(self, message: bytes) -> None:
        self.capture.append(message)
        self.link.send(self._changed(message))

    def recv(self, timeout: float = 30) -> bytes:
        message = self.link.recv(timeout)
        self.capture.append(message)
        return self._changed(message)

    def of(self, kind: Kind) -> list[Any]:
        """Return the parts of the one message of a kind."""
        found: list[list[Any]] = [
            parts for number, *parts in map(cbor.decode, self.capture) if number == int(kind)
        ]
        (parts,) = found
        return parts

    def _changed(self, message: bytes) -> bytes:
        number, *parts = cbor.decode(message)
        lie = self._lies.get(Kind(number))
        return cbor.encode([number, *lie(parts)]) if lie else message

    def _send_frames(self, frames: list[bytes]) -> None:
        raise NotImplementedError

    def _receive_frames(self, timeout: float) -> Iterator[bytes]:
        raise NotImplementedError


@dataclass
class Anybody:
    """Whoever holds the phone: agrees to all, and types a password if they have one."""

    typed: str | None = None
    shown: list[ToBeSigned] = field(default_factory=list)

    def agrees(self, asked: ToBeSigned) -> bool:
        self.shown.append(asked)
        return True

    def password(self) -> str:
        assert self.typed is not None, "a password was asked for"
        return self.typed

    def response(self, bundle: bytes) -> str:
        raise AssertionError("no token was expected to answer")


@dataclass(frozen=True)
class Phone:
    """A registered client of a party's."""

    home: Home

    @classmethod
    def of(cls, live: Live, party: Party, name: str) -> "Phone":
        """Return a new one, without an offline password."""
        phone = cls(new_device(live, party, name))
        Registrar.of(phone.home).register(PAYMENT_PASSWORD)
        return phone

    def set_password(self, password: str = PASSWORD) -> None:
        Registrar.of(self.home).set_password(PAYMENT_PASSWORD, password)

    def client(self, link: Link) -> OfflineClient:
        return OfflineClient.of(self.home, link)

    @property
    def store(self) -> Store:
        return Store(self.home.folder)

    def proof(self, tbs: bytes, password: str = PASSWORD) -> bytes:
        return password_proof(password_key(password, self.store.registration().salt), tbs)


@dataclass
class ByHand:
    """A client that keeps to the protocol with ``protocol`` alone, as a hostile one might."""

    phone: Phone
    link: Link

    def ask(self, level: Level = Level.ORDINARY) -> bytes:
        """Apply for what is offered; return the tbs."""
        talk = Talk(self.link)
        offer = Offer(*talk.hear(Kind.OFFER)[1])
        talk.say(Kind.APPLICATION, self.application(offer, level))
        _, (tbs, _) = talk.hear(Kind.TO_BE_SIGNED)
        return bytes(tbs)

    def application(self, offer: Offer, level: Level = Level.ORDINARY) -> bytes:
        serial, now = self.phone.store.draw_serial(), int(datetime.now(UTC).timestamp())
        asked = Application(serial, offer.service, offer.money, level, now)
        return asked.sign(self.phone.home.keys().signing)

    def answer(self, tbs: bytes, countersign: bytes, proof: bytes | None = None) -> Result:
        """Send a countersign, sealed if there is a proof; return the result, not looked into."""
        talk = Talk(self.link)
        if proof is None:
            talk.say(Kind.COUNTERSIGN, countersign)
        else:
            serial = said(ToBeSigned, tbs).serial
            box_key = self.phone.store.registration().box_key
            talk.say(Kind.SEALED, seal(serial, countersign, proof, box_key))
        result: Result = said(Result, talk.hear(Kind.RESULT)[1][0])
        return result

    def countersign(self, tbs: bytes) -> bytes:
        return Countersign(digest_of(tbs)).sign(self.phone.home.keys().signing)


@dataclass
class Place:
    """An owner with a gate and a checkout, a device at each, and a holder with money."""

    live: Live
    owner: Party
    holder: Party
    gate: Home
    till: Home

    @classmethod
    def open(cls, live: Live) -> "Place":
        mail = live.folder / "mail"
        owner = Party.sign_up(live.origin, mail, "Dana Shops")
        holder = Party.sign_up(live.origin, mail, "Anna Offline")
        fill_wallet(holder.person, 20_000)
        gate, till = (
            put_up(live, owner, title, kind, currency)
            for title, kind, currency in (
                ("Dana's garden", "gate", ""),
                ("Dana's corner shop", "checkout", "EUR"),
            )
        )
        return cls(live, owner, holder, gate, till)

    def checkout(self, link: Link) -> Checkout:
        return Checkout.of(self.till, link)

    def door(self, link: Link) -> Gate:
        return Gate.of(self.gate, link)

    @property
    def spent(self) -> int:
        """What the holder has spent, minor units, and a constant."""
        return -int(self.holder.get("/wallet")["balances"][0]["wallet"])

    def stored(self, serial: Any) -> dict[str, Any]:
        """Return the site's row of an authorization."""
        names = ("state", "reason", "application", "tbs", "countersign", "result")
        query = f"SELECT {', '.join(names)} FROM offline_authorization WHERE serial = ?"  # noqa: S608
        rows = self.live.rows("platform", query, bytes(serial))
        return dict(zip(names, rows[0], strict=True)) if rows else {}


def put_up(live: Live, owner: Party, title: str, kind: str, currency: str) -> Home:
    """Have an owner offer a service, with a new device at it; return the device."""
    wanted = {"title": title, "kind": kind, "currency": currency}
    service = owner.post("/offline/services", wanted)["id"]
    home = new_device(live, owner, title)
    owner.post(f"/offline/services/{service}/relays", {"device": home.pins().device})
    return home


def new_device(live: Live, party: Party, name: str) -> Home:
    home = Home(live.folder / "offline" / f"{name}-{next(_devices)}".replace(" ", "-"))
    home.make()
    code = party.post("/devices/codes", None)["code"]
    add_device(home, origin=live.origin, code=code, name=name[:20])
    return home


_devices = count()


@dataclass
class Met:
    """What came of a meeting.

    Attributes:
        client, device: What each ended with: a value, or why it refused.
        relay: The device.
        tap: What passed between them.
    """

    client: Any
    device: Any
    relay: Relay
    tap: Tap


def meet(
    air: Air,
    client: Callable[[Link], Any],
    device: Callable[[Tap], tuple[Relay, Callable[[], Any]]],
    **lies: Callable[[Any], Any],
) -> Met:
    """Have a client and a device talk, the client in a thread that has no network."""
    near, far = air.pair()
    tap = Tap(far, **lies)
    relay, serve = device(tap)
    with ThreadPoolExecutor(1, thread_name_prefix=_CLIENT_THREAD) as pool, no_network():
        asked = pool.submit(_ended, lambda: client(near))
        served = _ended(serve)
        return Met(asked.result(), served, relay, tap)


def pay(place: Place, money: Money = PRICE) -> Callable[[Tap], tuple[Relay, Callable[[], Any]]]:
    """Be the checkout."""

    def at(tap: Tap) -> tuple[Relay, Callable[[], Any]]:
        checkout = place.checkout(tap)
        # Longer than a busy machine makes and reads its sounds.
        checkout.talk = Talk(tap, patience=90)
        return checkout, lambda: checkout.charge(money)

    return at


def code(refused: Any) -> str:
    """Return the code of what somebody ended with."""
    assert isinstance(refused, TerminalError | ProtocolError), refused
    return refused.code


def said(kind: Any, message: bytes) -> Any:
    """Read a signed message without its key."""
    return kind.from_signed(cose.parse(message))


@contextmanager
def no_network() -> Iterator[None]:
    """Refuse sockets to the client's thread."""
    made = socket.socket.__init__

    def make(self: socket.socket, *arguments: Any, **options: Any) -> None:
        assert not threading.current_thread().name.startswith(_CLIENT_THREAD), "a network call"
        made(self, *arguments, **options)

    with mock.patch.object(socket.socket, "__init__", make):
        yield


def _ended(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (TerminalError, ProtocolError) as error:
        return error


def asking(phone: Phone, **more: Any) -> Callable[[Link], Any]:
    """Be the phone, whose holder agrees and knows the password."""
    return lambda link: phone.client(link).authorize(Anybody(PASSWORD), **more)


def honest(place: Place, air: Air, phone: Phone) -> Met:
    """Have something paid, nobody lying."""
    met = meet(air, asking(phone), pay(place))
    assert met.client.is_approved
    return met


def call(device: Home, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call the site as a device."""
    return device.client().call("POST", path, body, key=device.keys().signing)


def refusal(device: Home, path: str, body: dict[str, Any]) -> str:
    """Return the code with which the site refuses a call of a device."""
    with pytest.raises(TerminalError) as refused:
        call(device, path, body)
    return refused.value.code


def offer_of(place: Place) -> Offer:
    """Return what the checkout offers."""
    return Offer(service_of(place, "checkout"), "Dana's corner shop", Asks.PAYMENT, PRICE)


def service_of(place: Place, kind: str) -> bytes:
    """Return the id of a service."""
    services = place.owner.get("/offline/services")
    return bytes.fromhex(next(each["id"] for each in services if each["kind"] == kind))
