"""A platform for clients without a network, in the test's own process, and both ends of a link."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from protocol import cose
from protocol.charge import Side
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64
from protocol.keys import Purpose
from protocol.offline import (
    Application,
    Level,
    Money,
    OneWayCode,
    Outcome,
    Result,
    Serial,
    ToBeSigned,
)
from terminal.binding.platform import Platform
from terminal.errors import TerminalError
from terminal.keys import DeviceKeys
from terminal.links.link import Link
from terminal.links.loopback import Loopback
from terminal.offline.client import OfflineClient
from terminal.offline.relay import Checkout, Gate, Post
from terminal.offline.store import Registration, Store
from terminal.offline.talking import Talk
from terminal.pins import Pins
from terminal.trust import Trust
from tests.terminal.shop import NOW, ORIGIN, PLATFORM_ID, certificate
from tests.terminal.unconnected import UnconnectedClient

SERVICE, DEVICE, CLIENT = b"service!", b"a device", b"clnt"
PRICE = Money(450, "EUR")


@dataclass
class Site:
    """It approves what it is asked, unless a test says otherwise.

    Attributes:
        asked: Path, body and headers of each call.
        lost: How many answers are lost on the way.
        refusals: By path, what is refused.
        tbs, result: Change what is signed, before it is.
        bundle: Beside each tbs.
    """

    root: SigningKey = field(default_factory=SigningKey.generate)
    key: SigningKey = field(default_factory=SigningKey.generate)
    asked: list[tuple[str, Any, Mapping[str, str]]] = field(default_factory=list)
    lost: int = 0
    refusals: dict[str, TerminalError] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    tbs: Callable[[ToBeSigned], ToBeSigned] = lambda tbs: tbs
    result: Callable[[Result], Result] = lambda result: result
    bundle: bytes | None = None
    _money: Money | None = None

    @property
    def certificate(self) -> bytes:
        return certificate(self.root, self.key, Purpose.OFFLINE)

    @property
    def pins(self) -> Pins:
        return Pins(
            ORIGIN,
            PLATFORM_ID,
            self.root.public,
            (self.certificate,),
            "883101471100",
            DEVICE.hex(),
            bytes(32),
        )

    def answer(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if path == "/offline/apply":
            asked = Application.from_signed(cose.parse(from_base64(body["application"])))
            self._money = asked.money
            bundle = None if self.bundle is None else to_base64(self.bundle)
            return {"tbs": to_base64(self.tbs(_due(asked)).sign(self.key)), "bundle": bundle}
        if path == "/offline/countersign":
            return self._decided(Serial.from_bytes(bytes.fromhex(body["serial"])), self._money)
        if path == "/offline/code":
            code = OneWayCode.from_signed(cose.parse(from_base64(body["code"])))
            return self._decided(code.serial, Money(body["amount"], body["currency"]))
        return self.answers[path]

    def _decided(self, serial: Serial, money: Money | None) -> dict[str, Any]:
        now = int(NOW.timestamp())
        approved = Result(
            serial, DEVICE, SERVICE, Outcome.APPROVED, "approved", money, now, bytes(8)
        )
        return {"result": to_base64(self.result(approved).sign(self.key))}


class ClientOfSite(UnconnectedClient):
    """Reaches the site without a network."""

    def __init__(self, site: Site) -> None:
        super().__init__(ORIGIN)
        self._site = site

    def reply(
        self, path: str, body: dict[str, Any], key: bytes, headers: dict[str, str]
    ) -> dict[str, Any]:
        self._site.asked.append((path, body, headers))
        if path in self._site.refusals:
            raise self._site.refusals[path]
        answer = self._site.answer(path, body)
        if self._site.lost:
            self._site.lost -= 1
            raise TerminalError("server_unavailable", "no answer")
        return answer


@dataclass
class Holder:
    """Whoever holds the phone.

    Attributes:
        says: Whether they agree.
        then: What happens while they think.
        shown: What they were asked.
    """

    says: bool = True
    then: Callable[[], object] = lambda: None
    shown: list[ToBeSigned] = field(default_factory=list)

    def agrees(self, asked: ToBeSigned) -> bool:
        self.shown.append(asked)
        self.then()
        return self.says

    def password(self) -> str:
        return "seven tall pines"

    def response(self, bundle: bytes) -> str:
        assert bundle == b"bundle"
        return "12345678"


@dataclass
class World:
    """A client and a device, at both ends of a link in memory.

    Attributes:
        site: Theirs.
        folder: The client's.
        now: By the client's clock.
        pauses: Of the device, for which its clock goes on.
    """

    site: Site
    folder: Path
    keys: DeviceKeys = field(default_factory=DeviceKeys.generate)
    now: datetime = NOW
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        box_key = DeviceKeys.generate().box_key
        told = Registration(CLIENT, bytes(16), box_key, (self.site.certificate,), 300, "EUR")
        self.store.register(told)

    @property
    def store(self) -> Store:
        return Store(self.folder)

    def client(self, link: Link) -> OfflineClient:
        talk = Talk(link, patience=60)
        return OfflineClient(self.store, self.keys, self.site.pins, talk, clock=lambda: self.now)

    def checkout(self, link: Link) -> Checkout:
        return Checkout(*self._standing("checkout", link), **self._waiting)

    def gate(self, link: Link, kind: str = "gate") -> Gate:
        return Gate(*self._standing(kind, link), **self._waiting)

    @property
    def _waiting(self) -> dict[str, Any]:
        return {
            "clock": lambda: NOW + timedelta(seconds=sum(self.pauses)),
            "pause": self.pauses.append,
        }

    def _standing(self, kind: str, link: Link) -> tuple[Platform, Trust, Post, Talk]:
        client = ClientOfSite(self.site)
        platform = Platform(client, DeviceKeys.generate())
        post = Post(DEVICE, SERVICE, "Corner shop", kind, "EUR", (self.site.certificate,))
        return platform, Trust(self.site.pins, client), post, Talk(link, patience=60)


def meet(client: Callable[[Link], Any], device: Callable[[Link], Any]) -> tuple[Any, Any]:
    """Have both ends talk; return what each ends with, an error being one of it."""
    near, far = Loopback.pair()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ended, lambda: client(near))
        served = ended(lambda: device(far))
        return asked.result(120), served


def beginning(device: Link) -> Event:
    """Return what is set once the device's end was cleared: it has begun."""
    begun, clear = Event(), device.clear

    def clear_and_tell() -> None:
        clear()
        begun.set()

    device.clear = clear_and_tell  # type: ignore[method-assign]
    return begun


def ended(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (TerminalError, ProtocolError) as error:
        return error


def codes(*ends: Any) -> list[str]:
    """Return the codes of errors, and ``approved`` for a result that is."""
    return [end.code for end in ends]


def _due(asked: Application) -> ToBeSigned:
    now = int(NOW.timestamp())
    return ToBeSigned(
        serial=asked.serial,
        service=asked.service,
        money=asked.money,
        level=Level.HIGH if asked.subject else asked.level,
        time=asked.time,
        subject=asked.subject,
        device=DEVICE,
        title="Corner shop",
        payee=Side("883100471100", "Dana Shops"),
        nonce=bytes(16),
        issued=now,
        expires=now + 90,
    )
