"""Authorizing without a network: one test for each row of the flow's table, over each link."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protocol.ed25519 import SigningKey
from protocol.jwk import to_base64
from protocol.keys import Purpose
from protocol.near_field import Kind
from protocol.offline import (
    Application,
    Countersign,
    Level,
    Outcome,
    Result,
    Serial,
    ToBeSigned,
    digest_of,
)
from terminal.links.link import Link
from terminal.links.loopback import Loopback
from terminal.links.qr import QrLink
from terminal.links.wav import WavFileLink
from terminal.offline.talking import Talk
from tests.e2e.live import LOOPBACK
from tests.e2e.offline import (
    LINKS,
    PASSWORD,
    PRICE,
    Air,
    Anybody,
    ByHand,
    Met,
    Phone,
    Place,
    code,
    meet,
    pay,
    said,
)

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

KINDS_OF_LINK: dict[str, type[Link]] = {
    "loopback": Loopback,
    "qr": QrLink,
    "wav": WavFileLink,
}


@pytest.fixture(scope="module", params=LINKS)
def air(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Air:
    if request.param == "wav":
        pytest.importorskip("ggwave", reason="sound is an extra", exc_type=ImportError)
    return Air(request.param, tmp_path_factory.mktemp(request.param))


@dataclass
class Runs:
    """What went well over a link, once at each level.

    Attributes:
        phone: That asked; at the ordinary level it had no password yet.
        ordinary, high: What was said.
        spent: What the first cost its holder.
    """

    phone: Phone
    ordinary: Met
    high: Met
    spent: int


@pytest.fixture(scope="module")
def runs(place: Place, air: Air) -> Runs:
    phone, before = Phone.of(place.live, place.holder, f"Phone {air.kind}"), place.spent
    ordinary = meet(air, lambda link: phone.client(link).authorize(Anybody()), pay(place))
    spent = place.spent - before
    phone.set_password()
    high = meet(air, _wanting_high(phone, PASSWORD), pay(place))
    return Runs(phone, ordinary, high, spent)


def _wanting_high(phone: Phone, password: str) -> Callable[[Link], Any]:
    return lambda link: phone.client(link).authorize(Anybody(password), level=Level.HIGH)


def test_client_is_wholly_offline(runs: Runs) -> None:
    # Sockets are refused to its thread.
    for met in (runs.ordinary, runs.high):
        assert isinstance(met.client, Result), met.client
        assert met.client.is_approved


def test_every_application_has_a_unique_serial(place: Place, air: Air, runs: Runs) -> None:
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: runs.phone.store.draw_serial(), range(200)))
    assert len({serial.counter for serial in drawn}) == 200
    assert len({bytes(Serial.draw(bytes(4), 1)) for _ in range(10_000)}) == 10_000
    (again,) = runs.ordinary.tap.of(Kind.APPLICATION)

    def replay(link: Link) -> Any:
        talk = Talk(link)
        talk.hear(Kind.OFFER)
        talk.say(Kind.APPLICATION, again)
        return talk.hear(Kind.TO_BE_SIGNED)

    met = meet(air, replay, pay(place))
    assert (code(met.device), code(met.client)) == ("serial_reused", "serial_reused")


def test_first_link_is_near_field_such_as_sound(air: Air, runs: Runs) -> None:
    tap = runs.ordinary.tap
    # Behind the head of the array stands the kind, one small number.
    said_in_order = [Kind(message[1]) for message in tap.capture]
    wanted = [Kind.OFFER, Kind.APPLICATION, Kind.TO_BE_SIGNED, Kind.COUNTERSIGN, Kind.RESULT]
    assert said_in_order == wanted
    assert isinstance(tap.link, KINDS_OF_LINK[air.kind])
    # Every picture, or sound, was taken in by the other end.
    assert [path for path in air.folder.rglob("*") if path.is_file()] == []


def test_device_forwards_the_application_to_the_server(place: Place, runs: Runs) -> None:
    for met in (runs.ordinary, runs.high):
        (application,) = met.tap.of(Kind.APPLICATION)
        assert place.stored(met.client.serial)["application"] == application


def test_server_returns_what_is_to_be_signed_from_the_application(
    place: Place, runs: Runs
) -> None:
    for met, level in ((runs.ordinary, Level.ORDINARY), (runs.high, Level.HIGH)):
        (application,), (tbs, bundle) = met.tap.of(Kind.APPLICATION), met.tap.of(Kind.TO_BE_SIGNED)
        assert bundle is None
        key = _offline_key(place, tbs)
        due, asked = ToBeSigned.open(tbs, key=key), said(Application, application)
        for name in ("serial", "service", "money", "time", "subject"):
            assert getattr(due, name) == getattr(asked, name)
        assert (due.level, due.money) == (level, PRICE)
        assert due.device == bytes.fromhex(place.till.pins().device)
        assert (due.payee.account, due.payee.name) == (place.owner.account, "Dana Shops")
        assert due.expires - due.issued == 90
        assert place.stored(due.serial)["tbs"] == tbs


def _offline_key(place: Place, message: bytes) -> bytes:
    return place.till.trust().signer(message, Purpose.OFFLINE, datetime.now(UTC)).key


def test_client_countersigns(runs: Runs) -> None:
    (tbs, _), (message,) = (
        runs.ordinary.tap.of(Kind.TO_BE_SIGNED),
        runs.ordinary.tap.of(Kind.COUNTERSIGN),
    )
    key = runs.phone.home.keys().signing.public
    assert Countersign.open(message, key=key) == Countersign(digest_of(tbs))


def test_server_verifies_and_returns_the_result(place: Place, air: Air, runs: Runs) -> None:
    assert place.stored(runs.ordinary.client.serial)["state"] == "approved"
    assert runs.spent == PRICE.amount

    def flip_a_bit(link: Link) -> Result:
        hand = ByHand(runs.phone, link)
        tbs = hand.ask()
        countersign = bytearray(hand.countersign(tbs))
        countersign[-1] ^= 1
        return hand.answer(tbs, bytes(countersign))

    before = place.spent
    met = meet(air, flip_a_bit, pay(place))
    assert (met.client.outcome, met.client.code) == (Outcome.REJECTED, "countersign_invalid")
    stored = place.stored(met.client.serial)
    assert (stored["state"], stored["reason"]) == ("rejected", "signature_wrong")
    assert (code(met.device), met.relay.is_open) == ("countersign_invalid", False)
    assert place.spent == before


def test_device_decides_by_the_result(place: Place, runs: Runs) -> None:
    relay, (signed,) = runs.ordinary.relay, runs.ordinary.tap.of(Kind.RESULT)
    serial = runs.ordinary.client.serial
    assert relay.is_open
    fresh = place.checkout(runs.ordinary.tap)
    own = said(Result, signed)
    forged = [
        # Unsigned; signed by somebody else; about somebody else; about another amount.
        (b"approved", serial),
        (own.sign(SigningKey.generate()), serial),
        (signed, Serial.draw(serial.client, 1)),
        (signed[:-1] + bytes([signed[-1] ^ 1]), serial),
    ]
    for message, about in forged:
        with pytest.raises(Exception, match="result") as refused:
            fresh.open(message, about, PRICE)
        assert code(refused.value) == "result_invalid"
        assert not fresh.is_open
    with pytest.raises(Exception, match="amount"):
        fresh.open(signed, serial, replace(PRICE, amount=1))
    # At another device it opens nothing, nor later.
    with pytest.raises(Exception, match="something else"):
        place.door(runs.ordinary.tap).open(signed, serial, PRICE)
    now = fresh.clock
    fresh.clock = lambda: now() + timedelta(days=366)
    with pytest.raises(Exception, match="result"):
        fresh.open(signed, serial, PRICE)
    fresh.clock = now
    assert fresh.open(signed, serial, PRICE).is_approved
    assert fresh.is_open


def test_ordinary_level(runs: Runs) -> None:
    # Nobody was asked for a password, and none was set.
    assert runs.ordinary.client.is_approved
    assert said(ToBeSigned, runs.ordinary.tap.of(Kind.TO_BE_SIGNED)[0]).level is Level.ORDINARY


def test_higher_level_with_the_offline_password(place: Place, air: Air, runs: Runs) -> None:
    assert runs.high.client.is_approved
    # Sealed, for the platform alone to open; it found the countersign of just this.
    (sealed,), (tbs, _) = runs.high.tap.of(Kind.SEALED), runs.high.tap.of(Kind.TO_BE_SIGNED)
    opened = place.stored(runs.high.client.serial)["countersign"]
    key = runs.phone.home.keys().signing.public
    assert Countersign.open(opened, key=key) == Countersign(digest_of(tbs))
    assert opened[-64:] not in sealed

    def without(link: Link) -> Result:
        hand = ByHand(runs.phone, link)
        tbs = hand.ask(Level.HIGH)
        return hand.answer(tbs, hand.countersign(tbs))

    met = meet(air, without, pay(place))
    assert (met.client.code, met.relay.is_open) == ("level_required", False)
    met = meet(air, _wanting_high(runs.phone, "seven tall pine"), pay(place))
    assert (code(met.client), met.relay.is_open) == ("countersign_invalid", False)
    (result,) = met.tap.of(Kind.RESULT)
    assert place.stored(said(Result, result).serial)["reason"] == "offline_password_wrong"


def test_first_and_second_link_differ(place: Place, runs: Runs) -> None:
    relay = runs.ordinary.relay
    assert isinstance(relay.talk.link, Link)
    assert not isinstance(relay.platform.client, Link)
    # What goes over the one is not what goes over the other: the network has JSON, and a proof.
    (application,) = runs.ordinary.tap.of(Kind.APPLICATION)
    on_the_wire = b"".join(map(bytes, place.live.front.seen))
    assert application not in on_the_wire
    assert to_base64(application).encode() in on_the_wire
