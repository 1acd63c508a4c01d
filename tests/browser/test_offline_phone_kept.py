"""The phone's page between exchanges: how it is set up, and what it keeps."""

from typing import Any

from playwright.sync_api import expect

from countersign.stage import PAYMENT_PASSWORD
from tests.browser import offline_phone
from tests.browser.checks import assert_accessible, assert_fits
from tests.browser.near import Near
from tests.browser.offline_phone import NewVisitor, Phone, is_synced
from tests.e2e.live import Live
from tests.e2e.offline import PASSWORD, Place

place, own_phone, phone = offline_phone.place, offline_phone.own_phone, offline_phone.phone


def test_it_makes_sounds_without_a_network(phone: Phone) -> None:
    samples = phone.page.evaluate("""async () => {
      const { Codec } = await import('/static/offline/codec.js');
      const codec = new Codec(48000, () => {}, () => {});
      const samples = await codec.encode(new Uint8Array(20));
      codec.close();
      return samples.length;
    }""")
    assert samples > 10_000


def test_two_windows_never_use_one_counter(phone: Phone) -> None:
    draw = """async () => {
      const store = await import('/static/offline/store.js');
      const counted = [];
      for (let each = 0; each < 20; each += 1) {
        counted.push(store.change('client', (kept) => ({ ...kept, counter: kept.counter + 1 })));
      }
      return (await Promise.all(counted)).map(({ counter }) => counter);
    }"""
    other = phone.visitor.context.new_page()
    other.goto("/offline")
    both = [window.evaluate(draw) for window in (phone.page, other)]
    assert len({counter for drawn in both for counter in drawn}) == 40


def test_the_counter_of_a_copy_is_told_on_and_not_taken_over(phone: Phone) -> None:
    phone.visitor.context.set_offline(False)
    seen = phone.page.evaluate("""async () => {
      const { Client } = await import('/static/offline/client.js');
      const store = await import('/static/offline/store.js');
      const client = await Client.open();
      const kept = await store.read('client');
      const introduced = await client.device.call('GET', '/offline/client');
      const told = [];
      let state = 'suspended';
      // Somebody else paid, and listed it, with a copy of the key.
      client.device.call = async (method, path, body) => {
        if (path !== '/offline/reconcile') return { ...introduced, state, counter: 4_000_000 };
        told.push(body.counter);
        return { state, entries: [] };
      };
      const counted = [];
      await client.setPassword('payment', 'password');
      for (state of ['suspended', 'active', 'active']) {
        await client.sync();
        counted.push(client.registration.counter);
      }
      await store.write('client', kept);
      return { drawn: kept.counter, told, counted };
    }""")
    drawn, after = seen["drawn"], 4_000_000
    # It goes on behind the other once an operator has looked at it.
    assert seen["told"] == [drawn, drawn, after]
    assert seen["counted"] == [drawn, after, after]


def test_nothing_is_compared_with_the_platform_while_an_exchange_is_under_way(
    phone: Phone,
) -> None:
    phone.begin()
    expect(phone.page.get_by_text("Point the camera at the code")).to_be_visible()
    phone.visitor.context.set_offline(False)
    other = phone.visitor.context.new_page()
    asked: list[str] = []
    other.on("request", lambda request: asked.append(request.url))
    with other.expect_response("**/offline/client"):
        other.goto("/offline")
    with other.expect_response("**/offline/client"):
        other.get_by_role("button", name="Bring up to date").click()
    expect(other.get_by_role("button", name="Bring up to date")).to_be_enabled()
    assert not any("/offline/reconcile" in url for url in asked)

    phone.page.get_by_role("button", name="Stop").click()
    with other.expect_response(is_synced) as synced:
        other.get_by_role("button", name="Bring up to date").click()
    drawn = other.evaluate("""async () => {
      const { read } = await import('/static/offline/store.js');
      return (await read('client')).counter;
    }""")
    told: Any = synced.value.request.post_data_json
    assert told["counter"] == drawn, "a higher one is a copy's"
    other.close()


def test_a_network_that_leads_nowhere_keeps_nobody_from_beginning(phone: Phone) -> None:
    phone.visitor.context.set_offline(False)
    other = phone.visitor.context.new_page()
    other.add_init_script("""
      const { fetch } = window;
      window.fetch = (url, options) => {
        if (!String(url).includes('/api/')) return fetch(url, options);
        window.isAsked = true;
        return new Promise(() => {});
      };
    """)
    other.goto("/offline")
    other.wait_for_function("() => window.isAsked")
    held = other.evaluate("() => navigator.locks.query().then(({ held }) => held.length)")
    assert held == 0
    other.close()


def test_a_page_that_comes_back_as_it_was_left_begins_anew(phone: Phone) -> None:
    phone.begin()
    expect(phone.page.get_by_role("button", name="Stop")).to_be_visible()
    for event in ("pagehide", "pageshow"):
        phone.page.evaluate(
            "name => dispatchEvent(new PageTransitionEvent(name, { persisted: true }))", event
        )
    expect(phone.page.get_by_role("button", name="Begin")).to_be_visible()


def test_the_screen_stays_on_while_something_is_under_way(phone: Phone) -> None:
    page = phone.page
    page.evaluate("""() => {
      window.locks = [];
      navigator.wakeLock.request = async () => {
        const lock = { isHeld: true, async release() { this.isHeld = false } };
        locks.push(lock);
        return lock;
      };
    }""")
    held = "() => locks.map(({ isHeld }) => isHeld)"
    phone.begin()
    page.wait_for_function("() => locks.length")
    # In the background browsers take it away.
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function("() => locks.length === 2")
    assert page.evaluate(held) == [True, True]
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Begin")).to_be_visible()
    assert page.evaluate(held) == [False, False]
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    assert page.evaluate(held) == [False, False]


def test_the_key_cannot_be_taken_out(phone: Phone) -> None:
    taken = phone.page.evaluate("""async () => {
      const { read } = await import('/static/offline/store.js');
      const { pair } = await read('device.phone');
      return crypto.subtle.exportKey('pkcs8', pair.privateKey).then(() => 'taken', (e) => e.name);
    }""")
    assert taken == "InvalidAccessError"
    kept = phone.page.evaluate("""async () => {
      const { read } = await import('/static/offline/store.js');
      return JSON.stringify([await read('client'), await read('device.phone')]);
    }""")
    assert PASSWORD not in kept


def test_a_phone_is_set_up_by_who_is_signed_in_and_has_a_payment_password(
    site: Live, new_visitor: NewVisitor
) -> None:
    visitor = new_visitor()
    visitor.go("/offline")
    visitor.page.get_by_role("link", name="Set up this phone").click()
    expect(visitor.page).to_have_url(f"{site.origin}/accounts/login/?next=/offline/set-up")

    visitor.sign_in_as(site.party("Nora New").person)
    visitor.go("/offline/set-up")
    expect(visitor.page.get_by_role("link", name="Set a payment password")).to_be_visible()

    # Some browsers keep nothing, as their owners want it.
    blocked = visitor.context.new_page()
    blocked.add_init_script("""
      const refuse = () => { throw new DOMException('blocked', 'SecurityError') };
      IDBFactory.prototype.open = refuse;
      Object.defineProperty(window, 'localStorage', { get: refuse });
    """)
    blocked.goto("/offline")
    expect(blocked.get_by_text("This browser keeps nothing for this site")).to_be_visible()


def test_a_phone_is_set_up_by_the_payment_password_and_anew_once_removed(
    place: Place, new_visitor: NewVisitor
) -> None:
    near = Near(new_visitor())
    near.visitor.tolerate("Failed to load resource")
    near.visitor.sign_in_as(place.holder.person)
    page = near.page
    near.visitor.go("/offline/set-up")
    # As earlier versions did, which held up the whole site.
    page.evaluate("() => navigator.serviceWorker.register('/sw.js').then(() => {})")
    page.get_by_label("Payment password").fill("not-this-one")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("alert")).to_be_visible()

    # Nobody tries a payment password at somebody else's account.
    near.visitor.sign_in_as(place.owner.person)
    page.reload()
    expect(page.locator("#other-account")).to_have_text(place.holder.account)
    expect(page.get_by_label("Payment password")).to_be_hidden()
    assert_fits(page)
    assert_accessible(page)
    near.visitor.sign_in_as(place.holder.person)
    page.reload()
    page.evaluate(
        "() => { navigator.storage.persist = async () => { sessionStorage.is = 'kept' } }"
    )

    # What was begun is gone on with.
    page.get_by_label("Payment password").fill(PAYMENT_PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_text("For larger ones set an offline password.")).to_be_visible()

    # A key that was removed is of no use any more; another one is made.
    client = page.locator("#client-id").text_content()
    assert page.evaluate("() => sessionStorage.is") == "kept", "the browser was asked to keep it"
    expect(page.get_by_text("This page is kept on this phone")).to_be_visible()
    scopes = (
        "() => navigator.serviceWorker.getRegistrations().then((all) => all.map((a) => a.scope))"
    )
    assert page.evaluate(scopes) == [f"{place.live.origin}/o"], "other pages hold no update up"
    page.add_init_script("navigator.serviceWorker.register = () => Promise.reject(new Error())")
    place.holder.call("POST", f"/offline/clients/{client}/remove")
    page.reload()
    expect(page.get_by_text("This page is not kept on this phone")).to_be_visible()
    page.get_by_role("link", name="Set it up anew").click()
    page.get_by_label("Payment password").fill(PAYMENT_PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_text("For larger ones set an offline password.")).to_be_visible()
    expect(page.locator("#client-id")).not_to_have_text(client or "")

    near.visitor.sign_in_as(place.owner.person)
    near.visitor.go("/offline/set-up")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_label("Payment password")).to_be_visible()


def test_the_page_works_by_keyboard_and_fits_in_the_dark(phone: Phone) -> None:
    phone.page.emulate_media(color_scheme="dark")
    assert_fits(phone.page)
    assert_accessible(phone.page)
    phone.page.get_by_role("button", name="Begin").focus()
    phone.page.keyboard.press("Enter")
    expect(phone.page.get_by_role("button", name="Stop")).to_be_visible()
    phone.page.get_by_role("button", name="Stop").focus()
    phone.page.keyboard.press("Enter")
    expect(phone.page.get_by_role("button", name="Begin")).to_be_visible()
