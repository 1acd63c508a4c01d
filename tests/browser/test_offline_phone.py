"""The phone's page in an exchange: without a network, by what the platform signed alone."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from countersign.stage import PAYMENT_PASSWORD, fill_wallet
from protocol import cbor
from protocol.ed25519 import SigningKey
from protocol.near_field import Asks, Kind, Offer, pack
from protocol.offline import Application, Money, OneWayCode, Outcome, Result, ToBeSigned
from terminal.links.frames import Splitter
from terminal.links.qr import text_of
from terminal.offline.relay import Relay
from terminal.offline.talking import HeardRefusal
from tests.browser import offline_phone
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.near import CodeLink, Near
from tests.browser.offline_phone import (
    MUCH,
    Holding,
    Lies,
    NewVisitor,
    Phone,
    agree,
    set_up,
    texts_in,
)
from tests.e2e.live import Live
from tests.e2e.offline import PASSWORD, PRICE, Place, put_up, said

place, own_phone, phone = offline_phone.place, offline_phone.own_phone, offline_phone.phone


def test_it_opens_a_gate_and_pays_at_both_levels_without_a_network(phone: Phone) -> None:
    person = Holding()
    opened = phone.meet(person, lambda relay: relay.serve(Asks.RIGHT), at="door")
    assert opened.is_approved
    assert opened.money is None
    assert "Nothing is paid." in person.shown[0]
    phone.expect_end("Approved", "Dana's garden")
    phone.done()

    # What the device calls it is no more than its word; what was signed is shown.
    flattery = {"offer": lambda parts: [parts[0], "A free gift", *parts[2:]]}
    paid = phone.pay(person, lies=flattery)
    assert paid.money == PRICE
    assert all(part in person.shown[1] for part in ("4.50\u00a0EUR", "Dana Doors"))
    phone.expect_end("Approved", "4.50\u00a0EUR")
    expect(phone.page.locator("#approved-what")).to_have_text("Dana's corner shop")
    assert_fits(phone.page)
    assert_accessible(phone.page)
    phone.done()

    high = phone.pay(Holding(password=PASSWORD), MUCH)
    assert high.money == MUCH
    phone.done()
    expect(phone.page.locator("#journal li").first).to_contain_text("26.00\u00a0EUR")

    phone.go_online()
    expect(phone.page.locator("#synced")).to_contain_text("Last on-line")
    (mine,) = (
        client
        for client in phone.place.holder.get("/offline/clients")
        if client["id"] == phone.client_id
    )
    assert mine["state"] == "active", "its journal knows all that was approved"


def test_who_always_wants_the_offline_password_is_asked_for_it(phone: Phone) -> None:
    phone.page.get_by_text("More choices").click()
    always = phone.page.get_by_label("Ask for my offline password every time")
    always.check()
    refused = phone.pay(Holding(password="seven tall spruces"))
    assert refused.code == "countersign_invalid"
    phone.expect_end("Not approved")
    phone.done()
    always.uncheck()
    # After a wrong one it is always asked for, until it is right.
    assert phone.pay(Holding(password=PASSWORD)).is_approved


def test_declining_signs_nothing_and_tells_the_device(phone: Phone) -> None:
    def decline(page: Page) -> None:
        assert_fits(page)
        assert_accessible(page)
        page.get_by_role("button", name="Decline").click()

    refused = phone.pay(Holding(decline))
    assert isinstance(refused, HeardRefusal)
    assert refused.code == "declined"
    phone.expect_end("Not approved", "You declined. Nothing was signed.")
    expect(phone.page.locator("#last-code canvas")).to_be_visible()


class _StoppedError(Exception):
    """Whoever holds the phone is done with the device."""


def test_stopping_while_the_countersign_is_said_does_not_look_as_if_nothing_was_signed(
    phone: Phone,
) -> None:
    def stop(page: Page) -> None:
        # As when saying it takes half a minute.
        page.evaluate("() => { SubtleCrypto.prototype.sign = () => new Promise(() => {}) }")
        agree(page)
        expect(page.get_by_text("Hold this code before the camera")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        raise _StoppedError

    with pytest.raises(_StoppedError):
        phone.pay(Holding(stop))
    phone.expect_end("You confirmed; the result did not come")


def test_a_step_that_a_device_does_not_take_is_said_so_and_asked_for_once(phone: Phone) -> None:
    phone.page.get_by_text("More choices").click()
    field = phone.page.get_by_label("Number of the step to be signed")
    field.fill("0123 4567 89AB CDEF")
    refused = phone.pay(Holding())
    assert refused.code == "service_denied"
    phone.expect_end("Not approved", "A step is not signed at this device")
    phone.done()
    expect(field).to_have_value("")


def _damaged(parts: list[Any]) -> list[Any]:
    return [parts[0][:-1] + bytes([parts[0][-1] ^ 1]), parts[1]]


@pytest.mark.parametrize(
    "lies",
    [
        {"to_be_signed": _damaged},
        {"to_be_signed": lambda parts: [parts[0], b"a bundle that nobody asked for"]},
    ],
    ids=["changed", "with a bundle"],
)
def test_what_the_platform_did_not_sign_is_never_asked_about(lies: Lies, phone: Phone) -> None:
    person = Holding()
    refused = phone.pay(person, lies=lies)
    assert refused.code == "tbs_mismatch"
    assert person.shown == []
    phone.expect_end("Not approved", "something else than you asked for")


def test_a_key_that_the_phone_never_heard_of_is_called_so(phone: Phone) -> None:
    def by_a_stranger(parts: list[Any]) -> list[Any]:
        return [said(ToBeSigned, parts[0]).sign(SigningKey.generate()), None]

    person = Holding()
    assert phone.pay(person, lies={"to_be_signed": by_a_stranger}).code == "signer_unknown"
    assert person.shown == []
    phone.expect_end("Not approved", "with a key that this phone does not know")


def test_a_key_that_the_directory_alone_brought_is_believed(phone: Phone) -> None:
    phone.page.evaluate("""async () => {
      const { change } = await import('/static/offline/store.js');
      await change('client', (kept) => ({ ...kept, certificates: [] }));
    }""")
    phone.page.reload()
    assert phone.pay(Holding()).is_approved
    phone.done()
    phone.go_online()


def test_a_refusal_that_another_phone_was_told_ends_nothing(phone: Phone) -> None:
    def serve(relay: Relay) -> Result:
        relay.talk.say(Kind.REFUSAL, "limit_exceeded")
        # So long it stays on the screen, as that of the one before.
        phone.page.wait_for_timeout(1000)
        return relay.serve(Asks.PAYMENT, PRICE)

    assert phone.meet(Holding(), serve).is_approved


def test_another_amount_than_the_one_asked_for_is_never_asked_about(phone: Phone) -> None:
    person = Holding()
    first = phone.pay(person)
    assert first.is_approved
    phone.done()
    # A tbs of an earlier application, sound as it is.
    old = phone.place.stored(first.serial)["tbs"]
    refused = phone.pay(person, lies={"to_be_signed": lambda parts: [old, None]})
    assert refused.code == "tbs_mismatch"
    assert len(person.shown) == 1


def test_a_result_that_the_platform_did_not_sign_is_not_believed(phone: Phone) -> None:
    def forged(parts: list[Any]) -> list[Any]:
        real = said(Result, parts[0])
        key = phone.place.till.keys().signing
        return [replace(real, outcome=Outcome.APPROVED, code="approved").sign(key)]

    assert phone.pay(Holding(), lies={"result": forged}).is_approved
    phone.expect_end("You confirmed; the result did not come")
    phone.done()
    expect(phone.page.locator("#journal li").first).to_contain_text("the result did not come")
    # On-line it learns how it ended.
    phone.go_online()
    expect(phone.page.locator("#journal li").first).to_contain_text("Approved")


def test_a_one_way_code_is_shown_for_a_minute_and_drawn_once(phone: Phone) -> None:
    holder, page = phone.place.holder, phone.page
    client = phone.client_id
    limit = {"amount": 500, "currency": "EUR", "payment_password": PAYMENT_PASSWORD}
    holder.call("PUT", f"/offline/clients/{client}/codes", limit)
    phone.go_online()
    expect(page.get_by_label("At most")).to_be_visible()
    phone.visitor.context.set_offline(True)

    link = CodeLink(phone.near)
    page.get_by_label("At most").fill("5.01")
    page.get_by_role("button", name="Show the code").click()
    expect(page.locator("#facing")).to_be_hidden()
    page.get_by_label("At most").fill("5")
    page.get_by_role("button", name="Show the code").click()
    expect(page.locator("#code-until")).to_contain_text("s")
    assert_fits(page)

    kind, code = cbor.decode(link.recv())
    assert kind == Kind.CODE
    assert said(OneWayCode, code).most == Money(500, "EUR")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#journal li").first).to_contain_text("5.00\u00a0EUR")


def test_a_phones_camera_app_leads_right_into_the_exchange(phone: Phone) -> None:
    offer = Offer(b"\x05" * 8, "Dana's corner shop", Asks.PAYMENT, PRICE)
    text = text_of(Splitter().split(pack(Kind.OFFER, *offer.parts())))
    link = CodeLink(phone.near)
    phone.page.goto(f"/o#{text.partition('#')[2]}")

    kind, application = cbor.decode(link.recv())
    assert kind == Kind.APPLICATION
    assert said(Application, application).money == PRICE
    assert phone.page.url.endswith("/offline")
    phone.page.get_by_role("button", name="Stop").click()
    expect(phone.page.locator("#journal li").first).to_contain_text("Not confirmed")


def test_a_step_is_signed_by_the_answer_of_the_holders_token(
    site: Live, place: Place, new_visitor: NewVisitor
) -> None:
    signer = site.party("Sina Signs")
    fill_wallet(signer.person, 100)
    near = Near(new_visitor(width=360, height=740))
    set_up(near, signer)
    desk = put_up(site, place.owner, "Dana's desk", "approval", "")
    phone, step = Phone(near, replace(place, gate=desk)), signer.open()
    near.page.get_by_text("More choices").click()
    grouped = " ".join(re.findall("....", step["id"][:16].upper()))
    near.page.get_by_label("Number of the step to be signed").fill(grouped)

    def answer(page: Page) -> None:
        code = page.locator("#bundle canvas").evaluate("canvas => canvas.toDataURL()")
        (text,) = texts_in(code)
        token, now = signer.tokens[step["token"]], datetime.now(UTC)
        response = token.respond(token.read(text, now), now)
        field = page.get_by_label("What the token shows")
        field.fill("\u4e00\u4e8c")
        agree(page)
        expect(field).to_be_visible()
        # However a keyboard writes its digits.
        field.fill(response.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}))
        agree(page)

    person = Holding(answer, password=PASSWORD)
    signed = phone.meet(person, lambda relay: relay.serve(Asks.STEP), at="door")
    assert signed.is_approved
    assert signer.state(step) == "signed"
    phone.expect_end("Approved", "Dana's desk")
    phone.done()
    expect(near.page.locator("#step")).to_have_value("")
