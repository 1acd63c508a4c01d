"""A device that changes what it passes on, or says it in another order, is caught by one side."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol import cbor, cose
from protocol.charge import Side
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, to_base64
from protocol.near_field import Kind
from protocol.offline import (
    Application,
    Countersign,
    Level,
    Money,
    Outcome,
    Result,
    Serial,
    ToBeSigned,
    digest_of,
)
from terminal.links.link import Link
from terminal.offline.relay import Relay
from terminal.offline.store import State
from terminal.offline.talking import Talk
from tests.e2e.live import LOOPBACK
from tests.e2e.offline import (
    PASSWORD,
    PRICE,
    Air,
    Anybody,
    ByHand,
    Met,
    Phone,
    Place,
    Tap,
    asking,
    call,
    code,
    honest,
    meet,
    offer_of,
    pay,
    refusal,
    said,
    service_of,
)

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

LIAR = SigningKey.generate()


@pytest.fixture(scope="module")
def phone(place: Place) -> Phone:
    phone = Phone.of(place.live, place.holder, "Phone")
    phone.set_password()
    return phone


@pytest.fixture(scope="module")
def earlier(place: Place, air: Air, phone: Phone) -> Met:
    """What an honest payment left on the device."""
    return honest(place, air, phone)


def forged(how: str, kind: Any, **changes: Any) -> Callable[[list[Any]], list[Any]]:
    """Return a lie: a signed message with other fields, signed by nobody who may."""

    def lie(parts: list[Any]) -> list[Any]:
        wrong = replace(said(kind, parts[0]), **changes).sign(LIAR)
        if how == "under the old signature":
            right, payload = cose.parse(parts[0]), cose.parse(wrong).payload
            wrong = cose.assemble(
                typ=right.typ, kid=right.kid, payload=payload, signature=right.signature
            )
        return [wrong, *parts[1:]]

    return lie


CHEAP = {"offer": lambda parts: [*parts[:3], [1, "EUR"]]}


def passing_on_all(place: Place) -> Callable[[Tap], tuple[Relay, Callable[[], Any]]]:
    """Be a checkout that passes on every application, as if it had offered just that."""

    def at(tap: Tap) -> tuple[Relay, Callable[[], Any]]:
        relay, serve = pay(place)(tap)
        liar: Any = relay
        pass_on = relay.apply
        liar.apply = lambda signed, _: pass_on(signed, said(Application, signed).money)
        return relay, serve

    return at


def state(serial: Serial, place: Place) -> str | None:
    return place.stored(serial).get("state")


# Whatever it changes breaks the signature; what the platform itself signed about something else is
# in tests/terminal/test_offline_exchange.py.
FORGERIES = ["by the liar's own key", "under the old signature"]


@pytest.mark.parametrize("how", FORGERIES)
def test_a_changed_tbs_is_caught_by_the_client(
    place: Place, air: Air, phone: Phone, how: str
) -> None:
    before, person = place.spent, Anybody(PASSWORD)
    # Something that is compared with no application.
    lie = forged(how, ToBeSigned, payee=Side("883100471100", "Somebody else"))
    met = meet(
        air, lambda link: phone.client(link).authorize(person), pay(place), to_be_signed=lie
    )
    # To a phone without a network any key that it does not know may be the platform's newest.
    why = "signer_unknown" if how == FORGERIES[0] else "tbs_mismatch"
    assert (code(met.client), met.relay.is_open) == (why, False)
    # Nobody was shown it, nothing was signed, and the device was told.
    assert person.shown == []
    assert code(met.device) == why
    assert place.spent == before


@pytest.mark.parametrize("part", range(3))
def test_a_tbs_with_any_part_cut_or_swapped_is_caught_by_the_client(
    place: Place, air: Air, phone: Phone, earlier: Met, part: int
) -> None:
    old, _ = earlier.tap.of(Kind.TO_BE_SIGNED)
    # The platform's own word, about another application; with a step's bundle; cut short.
    lies = [lambda parts: [old, None], lambda parts: [parts[0], b"bundle"]]
    lies.append(lambda parts: [parts[0][:-1], None])
    met = meet(air, asking(phone), pay(place), to_be_signed=lies[part])
    assert (code(met.client), met.relay.is_open) == ("tbs_mismatch", False)


@pytest.mark.parametrize("how", FORGERIES)
def test_a_changed_application_is_caught_by_the_server(
    place: Place, air: Air, phone: Phone, how: str
) -> None:
    lie = forged(how, Application, money=Money(1, "EUR"))
    met = meet(air, asking(phone), passing_on_all(place), application=lie)
    assert (code(met.device), code(met.client)) == ("unknown_client", "unknown_client")
    (application,) = met.tap.of(Kind.APPLICATION)
    assert state(said(Application, application).serial, place) is None


def test_a_service_that_is_not_the_devices_is_caught_by_the_server(
    place: Place, air: Air, phone: Phone
) -> None:
    def elsewhere(tap: Tap) -> tuple[Relay, Callable[[], Any]]:
        relay, serve = pay(place)(tap)
        relay.post = replace(relay.post, service=service_of(place, "gate"))
        return relay, serve

    met = meet(air, asking(phone), elsewhere)
    assert code(met.client) == "service_denied"


def test_the_person_reads_what_is_signed_and_not_what_the_device_says(
    place: Place, air: Air, phone: Phone
) -> None:
    # The device's own display may say what it likes; so may its offer.
    dearer = Money(700, "EUR")
    person = Anybody()
    lie = {"offer": lambda parts: [parts[0], "Free of charge", *parts[2:]]}
    meet(air, lambda link: phone.client(link).authorize(person), pay(place, dearer), **lie)
    (shown,) = person.shown
    assert (shown.title, shown.money) == ("Dana's corner shop", dearer)
    assert shown.payee.account == place.owner.account


def test_an_offer_of_another_amount_than_is_charged_opens_nothing(
    place: Place, air: Air, phone: Phone
) -> None:
    before = place.spent
    met = meet(air, asking(phone), pay(place), **CHEAP)
    assert (code(met.device), code(met.client)) == ("offer_mismatch", "offer_mismatch")
    assert not met.relay.is_open
    # Nothing was even asked of the platform.
    assert place.spent == before


def test_who_passes_on_an_application_for_another_amount_has_that_paid_and_opens_nothing(
    place: Place, air: Air, phone: Phone
) -> None:
    before, person = place.spent, Anybody()
    met = meet(
        air, lambda link: phone.client(link).authorize(person), passing_on_all(place), **CHEAP
    )
    # The client paid what it was offered and read; the till wanted more.
    assert [asked.money for asked in person.shown] == [Money(1, "EUR")]
    assert (code(met.device), met.relay.is_open) == ("result_invalid", False)
    assert place.spent == before + 1


def test_a_countersign_by_way_of_another_device_is_caught_by_the_server(
    place: Place, air: Air, phone: Phone
) -> None:
    before = place.spent
    tbs, hand = applied(place, phone)
    body = {
        "serial": bytes(said(ToBeSigned, tbs).serial).hex(),
        "countersign": to_base64(hand.countersign(tbs)),
    }
    assert refusal(place.gate, "/offline/countersign", body) == "tbs_expired"
    assert place.spent == before
    # The device that asked may still bring it.
    assert call(place.till, "/offline/countersign", body)["outcome"] == "approved"


def applied(place: Place, phone: Phone, level: Level = Level.ORDINARY) -> tuple[bytes, ByHand]:
    """Bring an application to the site by hand; return the tbs."""
    hand = ByHand(phone, Tap(Air("loopback", Path()).pair()[0]))
    application = hand.application(offer_of(place), level)
    answer = call(place.till, "/offline/apply", {"application": to_base64(application)})
    return from_base64(answer["tbs"]), hand


def test_a_countersign_before_its_application_is_caught_by_the_server(
    place: Place, phone: Phone
) -> None:
    serial = phone.store.draw_serial()
    message = Countersign(digest_of(b"no tbs")).sign(phone.home.keys().signing)
    body = {"serial": bytes(serial).hex(), "countersign": to_base64(message)}
    assert refusal(place.till, "/offline/countersign", body) == "tbs_expired"


def test_a_repeated_countersign_pays_once_and_gets_the_same_result(
    place: Place, phone: Phone
) -> None:
    before = place.spent
    tbs, hand = applied(place, phone)
    body = {
        "serial": bytes(said(ToBeSigned, tbs).serial).hex(),
        "countersign": to_base64(hand.countersign(tbs)),
    }
    answers = [call(place.till, "/offline/countersign", body) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert place.spent == before + PRICE.amount


@pytest.mark.parametrize("sealed", [False, True])
def test_a_countersign_of_another_application_is_caught_by_the_server(
    place: Place, air: Air, phone: Phone, earlier: Met, *, sealed: bool
) -> None:
    if sealed:
        old = meet(air, asking(phone, level=Level.HIGH), pay(place)).tap.of(Kind.SEALED)
        met = meet(air, asking(phone, level=Level.HIGH), pay(place), sealed=lambda _: old)
    else:
        old = earlier.tap.of(Kind.COUNTERSIGN)
        met = meet(air, asking(phone), pay(place), countersign=lambda _: old)
    assert (code(met.client), met.relay.is_open) == ("countersign_invalid", False)


@pytest.mark.parametrize("kind", [Kind.RESULT, Kind.OFFER])
def test_messages_in_another_order_are_caught_by_the_client(
    place: Place, air: Air, phone: Phone, earlier: Met, kind: Kind
) -> None:
    def out_of_order(tap: Tap) -> tuple[Relay, Callable[[], Any]]:
        relay, serve = pay(place)(tap)
        mixed = cbor.encode([int(kind), *earlier.tap.of(kind)])
        liar: Any = relay
        liar.apply = lambda *_: tap.send(mixed)
        return relay, serve

    person = Anybody(PASSWORD)

    def impatient(link: Link) -> Any:
        client = replace(phone.client(link), talk=Talk(link, patience=2))
        return client.authorize(person)

    met = meet(air, impatient, out_of_order)
    # What is not awaited is not looked into, and nothing else came.
    assert code(met.client) == "typ_unexpected"
    assert (person.shown, met.relay.is_open) == ([], False)


def test_the_result_of_another_application_is_caught_by_the_client(
    place: Place, air: Air, phone: Phone, earlier: Met
) -> None:
    old = earlier.tap.of(Kind.RESULT)
    met = meet(air, asking(phone), pay(place), result=lambda _: old)
    assert code(met.client) == "result_invalid"
    # What became of it is learnt on-line.
    newest = phone.store.entries()[-1]
    assert newest.state is State.COUNTERSIGNED


@pytest.mark.parametrize("how", ["signed by the liar", "a flipped bit", "nothing"])
def test_a_rejection_turned_into_an_approval_is_caught_by_the_client(
    place: Place, air: Air, phone: Phone, how: str
) -> None:
    def lie(parts: list[Any]) -> list[Any]:
        if how == "signed by the liar":
            rejected = said(Result, parts[0])
            approved = replace(rejected, outcome=Outcome.APPROVED, code="approved", money=PRICE)
            return [approved.sign(LIAR)]
        return [parts[0][:-1] + bytes([parts[0][-1] ^ 1])] if how == "a flipped bit" else [b""]

    wrong = {"countersign": lambda parts: [parts[0][:-1] + bytes([parts[0][-1] ^ 1])]}
    met = meet(air, asking(phone), pay(place), result=lie, **wrong)
    assert code(met.client) == "result_invalid"
    assert code(met.device) == "countersign_invalid"
