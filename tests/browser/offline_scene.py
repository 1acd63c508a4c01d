"""Somebody with a till and a gate, and somebody whose phones use them without a network."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from countersign.person import Person
from countersign.stage import fill_wallet
from protocol.jwk import to_base64
from protocol.near_field import Kind
from protocol.offline import Application, Level, Serial
from terminal.errors import TerminalError
from terminal.links.link import Link
from terminal.offline.client import OfflineClient
from tests.e2e.live import Live
from tests.e2e.offline import (
    PASSWORD,
    Air,
    Anybody,
    Met,
    Phone,
    Place,
    Tap,
    code,
    meet,
    pay,
    put_up,
    said,
)

_WRONG = "seven tall spruces"


def make_offline(site: Live) -> tuple[dict[str, Person], dict[str, str]]:
    """Return the people and the places.

    ``gerda`` has a ``till``, a ``gate`` and a ``staff_door`` at which nothing stands; ``lena``
    has an ``offline_phone``, and one that was copied, as ``cloned_phone``.  Of what her phone
    asked for, ``offline_paid`` and ``offline_opened`` were approved, ``offline_refused`` not;
    ``right_receipt`` is the text of the receipt of ``offline_opened``.
    """
    gerda, lena = site.party("Gerda Gartencenter"), site.party("Lena Unterwegs")
    fill_wallet(lena.person, 20_000)
    gate = put_up(site, gerda, "Car park, gate 2", "gate", "")
    till = put_up(site, gerda, "Garden centre, till 1", "checkout", "EUR")
    place = Place(site, gerda, lena, gate, till)
    cloned, phone = Phone.of(site, lena, "Old phone"), Phone.of(site, lena, "Lena's phone")
    phone.set_password()
    _copy(place, cloned)
    opened = _opens(place, lambda link: _authorize(phone.client(link)))
    paid = _pays(place, phone, PASSWORD)
    refused = _pays(place, phone, _WRONG)
    assert code(refused.client) == "countersign_invalid"
    door = gerda.post("/offline/services", {"title": "Staff door", "kind": "gate"})["id"]
    closed = {"is_open": False, "is_high": True, "high_from": None, "takes_codes": False}
    gerda.call("PUT", f"/offline/services/{door}", {"title": "Staff door", **closed})
    gerda.post(f"/offline/services/{door}/grants", {"account": lena.account})
    return {"gerda": gerda.person, "lena": lena.person}, {
        "gate": opened.relay.post.service.hex(),
        "till": paid.relay.post.service.hex(),
        "staff_door": door,
        "offline_phone": phone.store.registration().client.hex(),
        "cloned_phone": cloned.store.registration().client.hex(),
        "offline_opened": _serial(opened),
        "offline_paid": _serial(paid),
        "offline_refused": _serial(refused),
        "right_receipt": lena.download(
            f"/offline/authorizations/{_serial(opened)}/receipt.txt"
        ).decode(),
    }


def _opens(place: Place, client: Any) -> Met:
    def door(tap: Tap) -> tuple[Any, Any]:
        gate = place.door(tap)
        return gate, gate.admit

    return meet(Air("loopback", place.live.folder), client, door)


def _pays(place: Place, phone: Phone, typed: str) -> Met:
    def client(link: Link) -> Any:
        return _authorize(phone.client(link), typed, Level.HIGH)

    return meet(Air("loopback", place.live.folder), client, pay(place))


def _copy(place: Place, phone: Phone) -> None:
    """Have a phone and a copy of it ask under one counter."""
    device = place.door(Air("loopback", place.live.folder).pair()[1])
    client, now = phone.store.registration().client, int(datetime.now(UTC).timestamp())
    first, second = (
        Application(Serial.draw(client, 1), device.post.service, None, Level.ORDINARY, now)
        for _ in range(2)
    )
    signed = [to_base64(each.sign(phone.home.keys().signing)) for each in (first, second)]
    device.platform.ask("/offline/apply", {"application": signed[0]})
    with suppress(TerminalError):
        device.platform.ask("/offline/apply", {"application": signed[1]})


def _authorize(
    client: OfflineClient, typed: str | None = None, level: Level = Level.ORDINARY
) -> Any:
    return client.authorize(Anybody(typed), level=level)


def _serial(met: Met) -> str:
    (application,) = met.tap.of(Kind.APPLICATION)
    return bytes(said(Application, application).serial).hex()
