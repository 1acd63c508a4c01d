"""Client and device at a link: what each signs, tells, notes and refuses."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.ended import EndedKey
from protocol.errors import ProtocolError
from protocol.keys import Purpose
from protocol.near_field import Asks, Kind, Offer, pack, unpack
from protocol.offline import Application, Level, Money, Outcome, Serial
from terminal.errors import TerminalError
from terminal.folder import Folder
from terminal.links.link import Link, LinkError
from terminal.links.loopback import Loopback
from terminal.links.qr import QrLink
from terminal.links.wav import WavFileLink
from terminal.offline.checking import open_result, open_tbs
from terminal.offline.client import OfflineClient
from terminal.offline.store import State
from terminal.offline.talking import Talk
from terminal.pins import Pins
from tests.terminal.offline_site import (
    CLIENT,
    PRICE,
    SERVICE,
    Holder,
    Site,
    World,
    beginning,
    codes,
    ended,
    meet,
)
from tests.terminal.shop import NOW, Shop, certificate

STEP = b"the step"
PRICE_BY_CODE = Money(300, "EUR")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(Site(), tmp_path)


def paying(world: World, holder: Holder | None = None, **wanted: Any) -> tuple[Any, Any]:
    return meet(
        lambda link: world.client(link).authorize(holder or Holder(), **wanted),
        lambda link: world.checkout(link).charge(PRICE),
    )


def states(world: World) -> list[State]:
    return [entry.state for entry in world.store.entries()]


def test_both_ends_hear_that_it_is_approved(world: World) -> None:
    client, device = paying(world)
    assert client == device
    assert client.is_approved
    (entry,) = world.store.entries()
    assert (entry.state, entry.text) == (State.APPROVED, "Corner shop")
    assert entry.digest is not None


@pytest.mark.parametrize("level", Level)
def test_high_is_sealed_and_ordinary_is_not(world: World, level: Level) -> None:
    paying(world, level=level)
    (body,) = (body for path, body, _ in world.site.asked if path == "/offline/countersign")
    assert set(body) == {"serial", "sealed" if level is Level.HIGH else "countersign"}


def test_a_platform_may_want_more_than_was_asked_for(world: World) -> None:
    world.site.tbs = lambda tbs: replace(tbs, level=Level.HIGH)
    client, _ = paying(world)
    assert client.is_approved
    assert "sealed" in world.site.asked[-1][1]


@pytest.mark.parametrize("seconds", [90, 121, -121])
def test_a_tbs_that_is_not_of_now_is_not_shown(world: World, seconds: int) -> None:
    holder = Holder()
    world.now += timedelta(seconds=seconds)
    assert codes(*paying(world, holder)) == ["tbs_expired", "tbs_expired"]
    assert holder.shown == []
    assert states(world) == [State.APPLIED]


# What the platform signed, yet about something else, as when a device keeps its answer to another.
WITHIN_TBS: dict[str, dict[str, Any]] = {
    "amount": {"money": Money(451, "EUR")},
    "currency": {"money": Money(450, "SEK")},
    "no amount": {"money": None},
    "service": {"service": b"another!"},
    "time": {"time": int(NOW.timestamp()) - 1},
    "serial": {"serial": Serial.draw(CLIENT, 7)},
    "subject": {"subject": STEP, "money": None},
    "level": {"level": Level.ORDINARY},
}


@pytest.mark.parametrize("what", WITHIN_TBS)
def test_what_the_platform_signed_about_something_else_is_not_shown(
    world: World, what: str
) -> None:
    holder = Holder()
    world.site.tbs = lambda tbs: replace(tbs, **WITHIN_TBS[what])
    assert codes(*paying(world, holder, level=Level.HIGH)) == ["tbs_mismatch", "tbs_mismatch"]
    assert holder.shown == []
    assert states(world) == [State.APPLIED]


def test_another_step_than_the_one_asked_for_is_not_shown(world: World) -> None:
    holder = Holder()
    world.site.bundle = b"bundle"
    world.site.tbs = lambda tbs: replace(tbs, subject=b"another!")
    ends = meet(
        lambda link: world.client(link).authorize(holder, step=STEP),
        lambda link: world.gate(link, "approval").admit(),
    )
    assert codes(*ends) == ["tbs_mismatch", "tbs_mismatch"]
    assert holder.shown == []


@pytest.mark.parametrize("seconds", [89, -120])
def test_a_clock_that_is_a_little_off_is_borne(world: World, seconds: int) -> None:
    world.now += timedelta(seconds=seconds)
    assert paying(world)[0].is_approved


def test_who_thinks_for_too_long_signs_nothing(world: World) -> None:
    def think() -> None:
        world.now += timedelta(seconds=90)

    assert codes(*paying(world, Holder(then=think))) == ["tbs_expired", "tbs_expired"]
    assert states(world) == [State.APPLIED]


def test_who_declines_signs_nothing_and_the_device_is_told(world: World) -> None:
    assert codes(*paying(world, Holder(says=False))) == ["declined", "declined"]
    assert [path for path, _, _ in world.site.asked] == ["/offline/apply"]
    assert states(world) == [State.APPLIED]


def test_a_serial_is_marked_used_before_its_countersign_leaves(world: World) -> None:
    near, far = Loopback.pair()
    sent = near.send

    def cut(message: bytes) -> None:
        if message[1] == Kind.COUNTERSIGN:
            assert states(world) == [State.COUNTERSIGNED]
            raise LinkError("link_unusable")
        sent(message)

    near.send = cut  # type: ignore[method-assign]
    device = world.checkout(far)
    device.talk = Talk(far, patience=1)
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(ended, lambda: device.charge(PRICE))
        assert codes(ended(lambda: world.client(near).authorize(Holder()))) == ["link_unusable"]
        assert codes(served.result()) == ["link_timeout"]
    assert states(world) == [State.COUNTERSIGNED]


def test_a_rejection_is_told_with_its_code_and_noted(world: World) -> None:
    world.site.result = lambda result: replace(
        result, outcome=Outcome.REJECTED, code="limit_exceeded", money=None, receipt=None
    )
    assert codes(*paying(world)) == ["limit_exceeded", "limit_exceeded"]
    assert states(world) == [State.REJECTED]


@pytest.mark.parametrize(
    ("path", "known"),
    [("/offline/apply", State.APPLIED), ("/offline/countersign", State.COUNTERSIGNED)],
)
def test_a_refusal_of_the_platform_reaches_the_client(
    world: World, path: str, known: State
) -> None:
    world.site.refusals[path] = TerminalError("service_denied", "No.", {"code": "service_denied"})
    assert codes(*paying(world)) == ["service_denied", "service_denied"]
    assert states(world) == [known]
    assert [asked for asked, *_ in world.site.asked].count(path) == 1


def test_a_signed_refusal_is_passed_on_as_it_was_signed(world: World) -> None:
    world.site.result = lambda result: replace(
        result, outcome=Outcome.REJECTED, code="countersign_invalid", money=None, receipt=None
    )

    def refuse(path: str, body: Any) -> dict[str, Any]:
        answer = Site.answer(world.site, path, body)
        if path != "/offline/countersign":
            return answer
        raise TerminalError("countersign_invalid", "No.", answer)

    world.site.answer = refuse  # type: ignore[method-assign]
    assert codes(*paying(world)) == ["countersign_invalid", "countersign_invalid"]
    # It is the platform's word, so the journal has it.
    assert states(world) == [State.REJECTED]


def test_a_lost_answer_is_asked_for_once_more_under_the_same_key(world: World) -> None:
    world.site.lost = 1
    assert paying(world)[0].is_approved
    first, second, *_ = world.site.asked
    assert (first[0], second[0]) == ("/offline/apply", "/offline/apply")
    assert first == second
    assert len(first[2]["Idempotency-Key"]) == 32
    world.site.lost = 2
    assert codes(*paying(world)) == ["server_unavailable", "server_unavailable"]


UNDECIDED = [
    TerminalError("server_unavailable", "no answer"),
    TerminalError("answer_invalid", "an answer that is none, as of a proxy"),
    TerminalError("idempotency_in_progress", "No.", {"status": 409}),
    TerminalError("authserver_unavailable", "No.", {"status": 503}),
    TerminalError("authorization_waits", "No.", {"status": 503}),
]


def hold_up(world: World, *troubles: TerminalError) -> None:
    """Have the platform answer a countersign, or code, by these, before it decides."""
    answer, coming = world.site.answer, list(troubles)

    def late(path: str, body: Any) -> dict[str, Any]:
        if path in ("/offline/countersign", "/offline/code") and coming:
            raise coming.pop(0)
        return answer(path, body)

    world.site.answer = late  # type: ignore[method-assign]


@pytest.mark.parametrize("trouble", UNDECIDED, ids=lambda trouble: trouble.code)
def test_a_countersign_that_nobody_decided_is_brought_again(
    world: World, trouble: TerminalError
) -> None:
    hold_up(world, *[trouble] * 4)
    client, device = paying(world)
    assert client == device
    assert client.is_approved
    assert states(world) == [State.APPROVED]
    # Each under a key of its own: the first may be in the hands of a process that is no more.
    asked = [said[2]["Idempotency-Key"] for said in world.site.asked if "counter" in said[0]]
    assert (len(asked), len(set(asked))) == (5, 5)


@pytest.mark.parametrize("trouble", UNDECIDED[:3], ids=lambda trouble: trouble.code)
def test_a_code_that_may_have_been_taken_is_brought_again_under_the_same_key(
    world: World, trouble: TerminalError
) -> None:
    hold_up(world, *[trouble] * 3)
    near, far = Loopback.pair()
    world.client(near).show_code(PRICE_BY_CODE)
    assert world.checkout(far).take_code(PRICE_BY_CODE).is_approved
    asked = [headers["Idempotency-Key"] for path, _, headers in world.site.asked]
    assert (len(asked), len(set(asked))) == (4, 1)


def test_a_countersign_is_brought_again_as_long_as_what_was_signed_lives(world: World) -> None:
    hold_up(world, *[UNDECIDED[-1]] * 99)
    assert codes(*paying(world)) == ["authorization_waits", "authorization_waits"]
    assert sum(world.pauses) == 90
    # A device may not call often.
    assert len(world.pauses) < 15
    assert states(world) == [State.COUNTERSIGNED]


WRONG_RESULTS: dict[str, dict[str, Any]] = {
    "device": {"device": bytes(8)},
    "service": {"service": bytes(8)},
    "amount": {"money": Money(1, "EUR")},
    "no amount": {"money": None},
    "old": {"decided": 0},
}


OTHERWISE: dict[str, dict[str, Any]] = {
    "amount": {"money": Money(449, "EUR")},
    "currency": {"money": Money(450, "SEK")},
    "no amount": {"money": None},
    "service": {"service": b"another!"},
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_an_application_for_something_else_than_was_offered_is_not_passed_on(
    world: World, what: str
) -> None:
    near, far = Loopback.pair()
    serial, now = world.store.draw_serial(), int(NOW.timestamp())
    asked = Application(serial, SERVICE, PRICE, Level.ORDINARY, now)
    near.send(pack(Kind.APPLICATION, replace(asked, **OTHERWISE[what]).sign(world.keys.signing)))
    assert codes(ended(lambda: world.checkout(far).charge(PRICE))) == ["offer_mismatch"]
    assert world.site.asked == []
    talk = Talk(near, patience=1)
    talk.hear(Kind.OFFER)
    assert codes(ended(lambda: talk.hear(Kind.TO_BE_SIGNED))) == ["offer_mismatch"]


def test_at_a_gate_nobody_pays(world: World) -> None:
    near, far = Loopback.pair()
    serial, now = world.store.draw_serial(), int(NOW.timestamp())
    asked = Application(serial, SERVICE, PRICE, Level.ORDINARY, now)
    near.send(pack(Kind.APPLICATION, asked.sign(world.keys.signing)))
    assert codes(ended(lambda: world.gate(far).admit())) == ["offer_mismatch"]
    assert world.site.asked == []


@pytest.mark.parametrize("what", WRONG_RESULTS)
def test_a_device_opens_for_no_result_about_something_else(world: World, what: str) -> None:
    world.site.result = lambda result: replace(result, **WRONG_RESULTS[what])
    checkout = []

    def serve(link: Link) -> Any:
        checkout.append(world.checkout(link))
        return checkout[0].charge(PRICE)

    client, device = meet(lambda link: world.client(link).authorize(Holder()), serve)
    assert codes(client, device) == ["result_invalid", "result_invalid"]
    assert not checkout[0].is_open
    assert states(world) == [State.COUNTERSIGNED]


def test_a_device_that_opened_is_shut_for_the_next_one(world: World) -> None:
    near, far = Loopback.pair()
    checkout = world.checkout(far)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: world.client(near).authorize(Holder()))
        checkout.charge(PRICE)
        asked.result()
        assert checkout.is_open
        asked = pool.submit(ended, lambda: world.client(near).authorize(Holder(says=False)))
        assert codes(ended(lambda: checkout.charge(PRICE)), asked.result()) == ["declined"] * 2
    assert not checkout.is_open


def test_at_a_gate_nothing_is_paid(world: World) -> None:
    client, device = meet(
        lambda link: world.client(link).authorize(Holder()), lambda link: world.gate(link).admit()
    )
    assert client == device
    assert client.money is None


def test_a_step_is_answered_by_the_token_and_sealed(world: World) -> None:
    world.site.bundle = b"bundle"
    client, _ = meet(
        lambda link: world.client(link).authorize(Holder(), step=STEP),
        lambda link: world.gate(link, "approval").admit(),
    )
    assert client.is_approved
    assert "sealed" in world.site.asked[-1][1]


@pytest.mark.parametrize("bundle", [None, b"bundle"])
def test_a_bundle_is_there_exactly_when_there_is_a_step(
    world: World, bundle: bytes | None
) -> None:
    world.site.bundle = bundle
    step, kind = (STEP, "approval") if bundle is None else (None, "gate")
    ends = meet(
        lambda link: world.client(link).authorize(Holder(), step=step),
        lambda link: world.gate(link, kind).admit(),
    )
    assert codes(*ends) == ["tbs_mismatch", "tbs_mismatch"]


@pytest.mark.parametrize(("step", "kind"), [(STEP, "gate"), (None, "approval")])
def test_what_is_not_offered_is_not_asked_for(world: World, step: bytes | None, kind: str) -> None:
    ends = meet(
        lambda link: world.client(link).authorize(Holder(), step=step),
        lambda link: world.gate(link, kind).admit(),
    )
    assert codes(*ends) == ["service_denied", "service_denied"]
    # Not even a serial was spent.
    assert world.store.registration().counter == 0


SIGNED_BY_PLATFORM = (Typ.OFFLINE_TBS, Typ.OFFLINE_RESULT)
HOSTILE = [b"", b"\xff", b"\x80", pack(Kind.CODE, b""), pack(Kind.OFFER, b"", "", 9, None)]


@pytest.mark.parametrize("message", HOSTILE[1:])
def test_whatever_is_said_to_a_client_it_refuses_and_says_so(world: World, message: bytes) -> None:
    near, far = Loopback.pair()
    far.send(message)
    client = replace(world.client(near), talk=Talk(near, patience=0.2))
    assert isinstance(ended(lambda: client.authorize(Holder())), Exception)
    kind, (code,) = unpack(far.recv(1), Kind.REFUSAL)
    assert (kind, code.islower()) == (Kind.REFUSAL, True)
    assert world.store.registration().counter == 0


@pytest.mark.parametrize("message", [*HOSTILE[1:], pack(Kind.APPLICATION, b"none")])
def test_whatever_is_said_to_a_device_it_refuses_and_says_so(world: World, message: bytes) -> None:
    near, far = Loopback.pair()
    near.send(message)
    checkout = world.checkout(far)
    checkout.talk = Talk(far, patience=0.2)
    assert isinstance(ended(lambda: checkout.charge(PRICE)), Exception)
    assert Offer(*unpack(near.recv(1), Kind.OFFER)[1]) == Offer(
        SERVICE, "Corner shop", Asks.PAYMENT, PRICE
    )
    assert unpack(near.recv(1), Kind.REFUSAL)[0] is Kind.REFUSAL
    assert world.site.asked == []


@settings(max_examples=30)
@given(st.binary(max_size=300))
def test_no_bytes_pass_for_the_platforms_word(data: bytes) -> None:
    site = Site()
    for message in (data, *(cose.sign(site.key, typ, data) for typ in SIGNED_BY_PLATFORM)):
        for read in (open_tbs, open_result):
            with pytest.raises(TerminalError):
                read(site.pins, message, NOW)


def test_a_refusal_that_was_heard_is_not_said_back(world: World) -> None:
    near, far = Loopback.pair()
    far.send(pack(Kind.OFFER, *Offer(SERVICE, "Corner shop", Asks.RIGHT).parts()))
    far.send(pack(Kind.REFUSAL, "any_code"))
    assert codes(ended(lambda: world.client(near).authorize(Holder()))) == ["any_code"]
    assert unpack(far.recv(1), Kind.APPLICATION)
    with pytest.raises(LinkError):
        far.recv(0.05)


def test_a_refusal_that_somebody_else_was_told_ends_nothing(world: World) -> None:
    near, far = Loopback.pair()
    far.send(pack(Kind.REFUSAL, "limit_exceeded"))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ended, lambda: world.client(near).authorize(Holder()))
        world.checkout(far).charge(PRICE)
        assert asked.result().is_approved
    far.send(pack(Kind.REFUSAL, "limit_exceeded"))
    world.client(near).show_code(PRICE_BY_CODE)
    near.send(pack(Kind.REFUSAL, "limit_exceeded"))
    assert world.checkout(far).take_code(PRICE_BY_CODE).is_approved


def test_other_kinds_are_passed_over_until_patience_ends(world: World) -> None:
    near, far = Loopback.pair()
    for kind in (Kind.CODE, Kind.RESULT, Kind.COUNTERSIGN):
        far.send(pack(kind, b"said before"))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ended, lambda: world.client(near).authorize(Holder()))
        world.checkout(far).charge(PRICE)
        assert asked.result().is_approved
    far.send(pack(Kind.RESULT, b"said before"))
    with pytest.raises(ProtocolError) as refused:
        Talk(near, patience=0.1).hear(Kind.OFFER)
    assert refused.value.code == "typ_unexpected"
    with pytest.raises(LinkError) as silent:
        Talk(near, patience=0.1).hear(Kind.OFFER)
    assert silent.value.code == "link_timeout"


def test_whoever_goes_on_saying_what_is_not_awaited_holds_nobody_up() -> None:
    near, far = Loopback.pair()
    heard = near.recv

    def flooded(timeout: float = 30) -> bytes:
        far.send(pack(Kind.RESULT, b"again"))
        return heard(timeout)

    near.recv = flooded  # type: ignore[method-assign]
    with pytest.raises(ProtocolError):
        Talk(near, patience=0.1).hear(Kind.OFFER)


def test_a_countersign_that_nothing_but_noise_follows_is_learnt_on_line(world: World) -> None:
    near, far = Loopback.pair()
    device = world.checkout(far)
    say, noise = far.send, pack(Kind.CODE, b"")
    far.send = lambda message: say(noise if message[1] == Kind.RESULT else message)  # type: ignore[method-assign]
    client = replace(world.client(near), talk=Talk(near, patience=2))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ended, lambda: client.authorize(Holder()))
        ended(lambda: device.charge(PRICE))
        refused = asked.result()
    assert refused.code == "typ_unexpected"
    assert "offline sync tells" in str(refused)


# Folders in place of the air

Air = Callable[[], tuple[Link, Link]]


@pytest.fixture(params=["qr", "wav"])
def air(request: pytest.FixtureRequest, tmp_path: Path) -> Air:
    """Return what makes both ends anew over the same two folders, as processes do."""
    if request.param == "wav":
        pytest.importorskip("ggwave", reason="sound is an extra", exc_type=ImportError)
    kind = QrLink if request.param == "qr" else WavFileLink
    there, back = tmp_path / "there", tmp_path / "back"
    return lambda: (kind(there, back), kind(back, there))


def pays_over(world: World, air: Air) -> bool:
    """Have one exchange over the air."""
    near, far = air()
    client = replace(world.client(near), talk=Talk(near, patience=30))
    checkout = world.checkout(far)
    checkout.talk = Talk(far, patience=30)
    # The device begins: a phone that did would answer what was said before.
    begun = beginning(far)
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(ended, lambda: checkout.charge(PRICE))
        assert begun.wait(120)
        asked = ended(lambda: client.authorize(Holder()))
        return asked == served.result() and bool(asked.is_approved)


def test_after_an_offer_to_nobody_the_same_folders_serve_again(world: World, air: Air) -> None:
    _, far = air()
    device = world.checkout(far)
    device.talk = Talk(far, patience=0.1)
    assert codes(ended(lambda: device.charge(PRICE))) == ["link_timeout"]
    assert pays_over(world, air)
    assert pays_over(world, air)


LEFT_OVER = [
    pack(Kind.OFFER, *Offer(b"another!", "Another shop", Asks.RIGHT).parts()),
    pack(Kind.REFUSAL, "limit_exceeded"),
    *(pack(kind, b"said before") for kind in Kind if kind not in {Kind.OFFER, Kind.REFUSAL}),
]


def test_whatever_was_left_over_the_next_exchange_does_not_hear(world: World, air: Air) -> None:
    for end in air():
        for message in LEFT_OVER:
            end.send(message)
    assert pays_over(world, air)


def test_a_code_that_was_shown_for_something_else_is_not_taken(world: World, air: Air) -> None:
    near, far = air()
    world.client(near).show_code(PRICE_BY_CODE)
    device = world.checkout(far)
    device.talk = Talk(far, patience=0.1)
    assert codes(ended(lambda: device.take_code(PRICE_BY_CODE))) == ["link_timeout"]
    assert world.site.asked == []


def test_a_one_way_code_is_shown_once_and_taken(world: World) -> None:
    near, far = Loopback.pair()
    serial = world.client(near).show_code(Money(300, "EUR"))
    result = world.checkout(far).take_code(Money(250, "EUR"))
    assert (result.serial, result.money) == (serial, Money(250, "EUR"))
    assert states(world) == [State.CODE]
    assert world.site.asked[-1][1]["amount"] == 250
    # Nothing was said to the phone.
    with pytest.raises(LinkError):
        near.recv(0.05)


@pytest.mark.parametrize(
    ("most", "code"),
    [(Money(301, "EUR"), "limit_exceeded"), (Money(1, "SEK"), "codes_off")],
)
def test_a_one_way_code_keeps_to_its_limit(world: World, most: Money, code: str) -> None:
    near, _ = Loopback.pair()
    assert codes(ended(lambda: world.client(near).show_code(most))) == [code]
    world.store.register(replace(world.store.registration(), code_limit=0, code_currency=""))
    assert codes(ended(lambda: world.client(near).show_code(PRICE))) == ["codes_off"]
    assert world.store.registration().counter == 0


def assert_neither_believes(world: World, pins: Pins) -> None:
    """Have first the client and then the device trust these pins alone, and refuse the other."""
    ends = meet(
        lambda link: replace(world.client(link), pins=pins).authorize(Holder()),
        lambda link: world.checkout(link).charge(PRICE),
    )
    assert codes(*ends) == ["tbs_mismatch", "tbs_mismatch"]

    def charge(link: Link) -> Any:
        checkout = world.checkout(link)
        checkout.trust.pins = pins
        return checkout.charge(PRICE)

    ends = meet(lambda link: world.client(link).authorize(Holder()), charge)
    assert codes(*ends) == ["result_invalid", "result_invalid"]


@pytest.mark.parametrize("purpose", [Purpose.RECEIPT, Purpose.OFFLINE])
def test_a_key_of_another_purpose_or_another_root_is_believed_by_neither_end(
    world: World, purpose: Purpose
) -> None:
    root = world.site.root if purpose is Purpose.RECEIPT else SigningKey.generate()
    wrong = replace(world.site.pins, certificates=(certificate(root, world.site.key, purpose),))
    assert_neither_believes(world, wrong)


def test_a_key_that_is_known_to_have_ended_is_believed_by_neither_end(world: World) -> None:
    end = EndedKey(world.site.key.kid, None, int(NOW.timestamp()))
    directory = Shop(root=world.site.root).directory(ended=(end,))
    told = replace(world.site.pins.with_keys(directory), certificates=(world.site.certificate,))
    assert_neither_believes(world, told)


def test_a_key_that_the_client_never_heard_of_is_called_so(world: World) -> None:
    """As when the platform's key was changed while this phone had no network."""
    pins, holder = world.site.pins, Holder()
    world.site.key = SigningKey.generate()
    ends = meet(
        lambda link: replace(world.client(link), pins=pins).authorize(holder),
        lambda link: world.checkout(link).charge(PRICE),
    )
    assert codes(*ends) == ["signer_unknown", "signer_unknown"]
    assert "be on-line once" in str(ends[0])
    assert holder.shown == []
    assert states(world) == [State.APPLIED]


@pytest.mark.parametrize("newer", ["registration", "directory"])
def test_a_key_is_believed_that_either_the_registration_or_the_directory_brought(
    world: World, newer: str
) -> None:
    folder = Folder(world.folder)
    world.keys.save(folder.keys_file)
    pins = world.site.pins
    if newer == "registration":
        old = certificate(world.site.root, SigningKey.generate(), Purpose.OFFLINE)
        pins = replace(pins, certificates=(old,))
    else:
        world.store.register(replace(world.store.registration(), certificates=()))
    pins.save(folder.pins_file)
    ends = meet(
        lambda link: replace(OfflineClient.of(folder, link), clock=lambda: world.now).authorize(
            Holder()
        ),
        lambda link: world.checkout(link).charge(PRICE),
    )
    assert ends[0].is_approved
