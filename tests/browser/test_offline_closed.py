"""A kiosk does not open for what is not the platform's word, and says what it does not know."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Route, expect

from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, to_base64
from protocol.offline import Result
from terminal.errors import TerminalError
from terminal.offline.talking import HeardRefusal
from tests.browser import offline_kiosk
from tests.browser.near import CodeLink
from tests.browser.offline_kiosk import LITTLE, Kiosk
from tests.e2e.live import Live
from tests.e2e.offline import Anybody, Phone, said
from tests.e2e.party import Party

new_kiosk, holder, phone = offline_kiosk.new_kiosk, offline_kiosk.holder, offline_kiosk.phone


def _of_another_signer(real: bytes, _: bytes) -> bytes:
    result: Result = said(Result, real)
    return result.sign(SigningKey.generate())


def _changed(real: bytes, _: bytes) -> bytes:
    return real[:-1] + bytes([real[-1] ^ 1])


def _of_an_earlier_time(_: bytes, earlier: bytes) -> bytes:
    return earlier


def _unsigned(_: bytes, __: bytes) -> bytes:
    return b"approved"


def test_a_result_that_is_not_the_platforms_word_about_this_opens_nothing(
    new_kiosk: Callable[..., Kiosk], phone: Phone
) -> None:
    kiosk = new_kiosk()
    results: list[bytes] = []
    lies = iter(
        [lambda real, _: real, _of_another_signer, _changed, _of_an_earlier_time, _unsigned]
    )

    def answer(route: Route) -> None:
        body = route.fetch().json()
        results.append(from_base64(body["result"]))
        body["result"] = to_base64(next(lies)(results[-1], results[0]))
        route.fulfill(status=200, json=body)

    def ask() -> None:
        link = CodeLink(kiosk.near)
        kiosk.start()
        phone.client(link).authorize(Anybody())

    def forget_keys(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"certificates": {}})

    kiosk.page.route("**/offline/countersign", answer)
    # As if the platform had signed with other keys when this device began to wait.
    kiosk.page.route("**/offline/relay", forget_keys, times=1)
    ask()
    kiosk.expect_approved()
    for _ in range(4):
        kiosk.next()
        with pytest.raises(TerminalError):
            ask()
        kiosk.expect_unknown("not the platform's word about this")
    assert not list(lies)


def test_what_may_have_been_paid_is_asked_for_again_or_called_unknown(
    new_kiosk: Callable[..., Kiosk], phone: Phone, holder: Party
) -> None:
    kiosk = new_kiosk("checkout")
    kiosk.near.visitor.tolerate("offline/countersign")
    asked: list[str] = []
    answers: deque[Callable[[Route], None]] = deque(
        [_lost, _unfinished, Route.continue_, _lost, _refused, _lost, _lost, _lost]
    )

    def answer(route: Route) -> None:
        asked.append(route.request.headers["idempotency-key"])
        answers.popleft()(route)

    def pay() -> None:
        link = CodeLink(kiosk.near)
        kiosk.start(LITTLE)
        phone.client(link).authorize(Anybody())

    def balance() -> int:
        return int(holder.get("/wallet")["balances"][0]["wallet"])

    kiosk.page.route("**/offline/countersign", answer)
    before = balance()
    pay()
    kiosk.expect_approved()
    assert len(asked) == 3
    assert len(set(asked)) == 1
    for _ in range(2):
        kiosk.next()
        with pytest.raises(TerminalError):
            pay()
        kiosk.expect_unknown("The platform gave no answer.")
    kiosk.look()
    kiosk.next()
    expect(kiosk.page.get_by_label("Amount")).to_have_value("")
    assert not answers
    assert before - balance() == 3 * LITTLE.amount


def test_an_amount_stays_until_it_was_paid(new_kiosk: Callable[..., Kiosk], phone: Phone) -> None:
    kiosk = new_kiosk("checkout")
    field = kiosk.page.get_by_label("Amount")
    kiosk.start(LITTLE)
    kiosk.page.get_by_role("button", name="Stop").click()
    expect(field).to_have_value("0.20")
    # As it stands: it is typed anew where it was wrong, and the next customer's in its place.
    assert kiosk.page.evaluate("() => getSelection().toString()") == "0.20"
    # What was offered before is not before the phone's camera any more.
    link = CodeLink(kiosk.near)
    kiosk.page.route("**/offline/countersign", _refused, times=1)
    kiosk.start()
    with pytest.raises(TerminalError):
        phone.client(link).authorize(Anybody())
    kiosk.next()
    expect(field).to_have_value("0.20")
    kiosk.start()
    assert phone.client(link).authorize(Anybody()).is_approved
    kiosk.expect_approved()
    kiosk.next()
    expect(field).to_have_value("")


def _lost(route: Route) -> None:
    route.fetch()
    route.abort()


def _unfinished(route: Route) -> None:
    route.fulfill(status=409, json={"code": "idempotency_in_progress", "status": 409})


def _refused(route: Route) -> None:
    route.fulfill(status=429, json={"code": "rate_limited", "status": 429})


def test_without_the_platform_nothing_opens_and_the_phone_is_told(
    new_kiosk: Callable[..., Kiosk], phone: Phone
) -> None:
    kiosk = new_kiosk()
    kiosk.near.visitor.tolerate("offline/apply")
    kiosk.page.route("**/offline/apply", lambda route: route.abort())
    link = CodeLink(kiosk.near)
    kiosk.start()
    with pytest.raises(HeardRefusal) as told:
        phone.client(link).authorize(Anybody())

    assert told.value.code == "server_unavailable"
    kiosk.expect_closed("The platform cannot be reached.")

    # A clock that is wrong is no reason for another key.
    kiosk.page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=-10))
    kiosk.page.reload()
    expect(kiosk.page.locator("#trouble")).to_contain_text("The clock of this device is wrong.")
    expect(kiosk.page.get_by_role("button", name="Try again")).to_be_visible()
    expect(kiosk.page.locator("#setup")).to_be_hidden()


def test_a_device_that_was_taken_away_serves_nobody_until_it_is_set_up_again(
    new_kiosk: Callable[..., Kiosk], site: Live
) -> None:
    kiosk = new_kiosk()
    set_up_anew = kiosk.page.get_by_role("heading", name="Set this device up as a kiosk")
    device = kiosk.owner.get(f"/offline/services/{kiosk.service}/relays")[0]["device"]
    kiosk.owner.call("POST", f"/offline/relays/{device}/end")
    kiosk.start()
    expect(set_up_anew).to_be_visible()

    kiosk.near.visitor.sign_in_as(kiosk.owner.person)
    kiosk.page.reload()
    kiosk.page.get_by_role("button", name="Set it up").click()
    expect(kiosk.page.get_by_role("heading", name="Dana's garden")).to_be_visible()
    relays = kiosk.owner.get(f"/offline/services/{kiosk.service}/relays")
    assert [relay["device"] for relay in relays] == [device]

    # Handed on to somebody else it gets another key.
    kiosk.owner.call("POST", f"/offline/relays/{device}/end")
    other = site.party("Nadia Next")
    wanted = {"title": "Nadia's shed", "kind": "gate", "currency": ""}
    service = other.post("/offline/services", wanted)["id"]
    kiosk.near.visitor.sign_in_as(other.person)
    kiosk.page.reload()
    kiosk.page.get_by_role("button", name="Set it up").click()
    expect(kiosk.page.get_by_role("heading", name="Nadia's shed")).to_be_visible()
    (relay,) = other.get(f"/offline/services/{service}/relays")
    assert relay["device"] != device
