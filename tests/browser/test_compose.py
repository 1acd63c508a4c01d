"""Writing a step in a browser: the server reads along, and says what it reads."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.browser import PATIENCE_MS, Visitor
from tests.browser.checks import assert_accessible, assert_fits
from tests.e2e.live import Live
from tests.e2e.party import Party

NewVisitor = Callable[..., Visitor]
NEW = "/transactions/new"
NARROW = {"width": 360, "height": 740}


@pytest.fixture
def anna(site: Live) -> Party:
    """Somebody with a token that has not been asked for much."""
    anna = site.party("Anna Compose")
    anna.token()
    return anna


def field(page: Page, name: str) -> Locator:
    """One field with its label and all that is said about it."""
    return page.locator(".field").filter(has=page.locator(f"[name={name}]"))


def complaint(page: Page, name: str) -> Locator:
    """What is said to be wrong with a field."""
    return field(page, name).locator(".errorlist")


@pytest.fixture
def page(new_visitor: NewVisitor, anna: Party) -> Page:
    """The page on which Anna begins a transaction."""
    visitor = new_visitor()
    visitor.sign_in_as(anna.person)
    visitor.go(NEW)
    return visitor.page


def test_what_is_understood_and_what_is_wrong_is_said_while_writing(page: Page) -> None:
    page.fill("[name=amount]", "1 250,5")
    expect(field(page, "amount")).to_contain_text("Understood as 1,250.50\u00a0EUR")
    page.press("[name=amount]", "Tab")
    page.select_option("[name=currency]", "JPY")
    expect(complaint(page, "amount")).to_have_text("JPY has no decimals.")
    expect(page.locator("[name=amount]")).to_have_attribute("aria-invalid", "true")
    page.fill("[name=amount]", "1250")
    expect(complaint(page, "amount")).to_have_text("")
    expect(field(page, "amount")).to_contain_text("Understood as 1,250\u00a0JPY")
    expect(page.locator("[name=amount]")).to_have_attribute("aria-invalid", "false")


def test_a_field_that_nobody_has_touched_is_not_complained_about(page: Page) -> None:
    page.locator("[name=remark]").press_sequentially("花" * 41)
    expect(field(page, "remark")).to_contain_text("123 of 120 bytes")
    # Still writing: the count is enough.
    expect(complaint(page, "remark")).to_have_text("")
    page.press("[name=remark]", "Tab")
    expect(complaint(page, "remark")).to_contain_text("3 bytes too long")
    for name in ("amount", "payee_account", "token"):
        expect(complaint(page, name)).to_have_text("")


def test_texts_that_do_not_fit_together_are_told_at_the_end_of_the_form(
    new_visitor: NewVisitor, site: Live, anna: Party
) -> None:
    # Letters of which compression can make little, the same in each run.
    letters = [chr(0x4E00 + 7919 * number % 20_000) for number in range(200)]
    words = "".join(letters)
    texts = {"payee_name": words[:23], "text": words[23:63]}
    plain = {"payee_account": "QzXw7Rk2Lp9Vt4Nb6Hs1Jd8Fg3Mc5Ya0Ue", "reference": "Wq8Zr5Xt2Cv7Bn4"}
    demand = {"kind": "payment", "amount": 1, "currency": "EUR", **texts, **plain}
    first = anna.sign(anna.open(demand=demand, remark=words[63:103]))
    ben = site.party("Ben Compose")
    ben.token()
    visitor = new_visitor()
    visitor.sign_in_as(ben.person)
    page = visitor.page
    visitor.go(f"/continue/{first['receipt_id']}")
    page.check("[name=kind][value=payment]")
    page.fill("[name=amount]", "1")
    for name, text in {
        **{"payee_name": words[103:126], "text": words[126:160], "remark": words[160:200]},
        **{"payee_account": plain["payee_account"][::-1], "reference": "Ks6Hd3Fj9"},
    }.items():
        page.fill(f"[name={name}]", text)
    expect(page.locator("[data-said-of-all]")).to_contain_text("too long for a QR code")


def test_fields_about_money_are_folded_when_the_kind_is_not_about_money(page: Page) -> None:
    page.check("[name=kind][value=approval]")
    expect(page.locator("[name=amount]")).to_be_hidden()
    page.check("[name=kind][value=order]")
    expect(page.locator("[name=amount]")).to_be_visible()
    page.fill("[name=amount]", "5")
    page.check("[name=kind][value=approval]")
    # What would be signed is never out of sight.
    expect(page.locator("[name=amount]")).to_be_visible()


def test_only_what_the_kind_does_not_need_is_called_optional(page: Page) -> None:
    optional = field(page, "amount").locator(".optional")
    expect(optional).to_be_hidden()
    page.check("[name=kind][value=order]")
    expect(optional).to_be_visible()


def test_who_comes_next_is_asked_for_in_the_way_that_was_chosen(page: Page) -> None:
    expect(page.locator("[name=next_email]")).to_be_hidden()
    page.check("[name=next][value=email]")
    expect(page.locator("[name=next_email]")).to_be_visible()
    expect(page.locator("[name=next_account]")).to_be_hidden()
    page.check("[name=next][value=account]")
    page.fill("[name=next_account]", "999999999999")
    page.press("[name=next_account]", "Tab")
    page.fill("[name=remark]", "Yes")
    page.check("[name=kind][value=approval]")
    expect(complaint(page, "next_account")).to_contain_text("Nobody here")


def fill_in_by_keyboard(page: Page) -> None:
    """Write an approval without a mouse."""
    keyboard = page.keyboard
    page.focus("[name=kind]:checked")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown"):
        keyboard.press(key)
    for name, text in (("text", "Flowers"), ("remark", "I agree")):
        for _ in range(20):
            if page.locator(f"[name={name}]").evaluate("e => e === document.activeElement"):
                break
            keyboard.press("Tab")
        keyboard.type(text)


def test_a_step_is_written_with_the_keyboard_alone(page: Page) -> None:
    fill_in_by_keyboard(page)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator("form[data-compose] .actions button").evaluate(
            "e => e === document.activeElement"
        ):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/steps/*")
    expect(page.locator("main")).to_contain_text("Flowers")
    expect(page.locator("main")).to_contain_text("Approval")


def test_going_back_and_sending_again_leads_to_the_same_step(page: Page) -> None:
    page.check("[name=kind][value=approval]")
    page.fill("[name=remark]", "I agree")
    page.click("form[data-compose] .actions button")
    page.wait_for_url("**/steps/*")
    step = page.url
    page.go_back()
    expect(page.locator("[name=remark]")).to_have_value("I agree")
    page.click("form[data-compose] .actions button")
    page.wait_for_url("**/steps/*")
    assert page.url == step


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_form_full_of_complaints_fits_a_phone_and_is_accessible(
    new_visitor: NewVisitor, anna: Party, language: str, scheme: str
) -> None:
    visitor = new_visitor(**NARROW, language=language, scheme=scheme)
    visitor.sign_in_as(anna.person)
    visitor.go(NEW)
    page = visitor.page
    page.fill("[name=amount]", "1,250")
    page.fill("[name=payee_account]", "DE89" * 12)
    page.fill("[name=remark]", "x" * 121)
    page.check("[name=next][value=account]")
    page.fill("[name=next_account]", "1")
    page.press("[name=next_account]", "Tab")
    expect(page.locator(".field-wrong")).to_have_count(4)
    assert_fits(page)
    assert_accessible(page)
    visitor.tolerate("status of 422")
    page.click("form[data-compose] .actions button")
    expect(page.locator(".note-bad")).to_be_visible()
    expect(page.locator(".field-wrong")).to_have_count(4)
    expect(page.locator("[name=remark]")).to_have_value("x" * 121)
    assert_fits(page)
    assert_accessible(page)


def test_without_a_connection_writing_goes_on_undisturbed(
    new_visitor: NewVisitor, anna: Party
) -> None:
    visitor = new_visitor()
    visitor.sign_in_as(anna.person)
    visitor.go(NEW)
    visitor.tolerate("ERR_INTERNET_DISCONNECTED")
    page = visitor.page
    visitor.context.set_offline(True)
    page.fill("[name=amount]", "x")
    page.press("[name=amount]", "Tab")
    page.wait_for_timeout(800)
    expect(complaint(page, "amount")).to_have_text("")
    visitor.context.set_offline(False)
    page.fill("[name=amount]", "y")
    expect(complaint(page, "amount")).to_contain_text("in digits")


def test_what_is_said_late_of_what_stood_there_before_is_not_shown(
    new_visitor: NewVisitor, anna: Party
) -> None:
    visitor = new_visitor()
    visitor.sign_in_as(anna.person)
    page = visitor.page
    late: list[Route] = []
    page.route(
        f"**{NEW}", lambda route: late.append(route) if is_check(route) else route.continue_()
    )
    # Nothing is asked before this test says so.
    page.clock.install()
    visitor.go(NEW)
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    wait_for(page, late, 1)
    page.fill("[name=amount]", "x")
    page.press("[name=amount]", "Tab")
    late[0].fulfill(json={"errors": {"amount": "Stale."}, "notes": {"amount": "Stale."}})
    page.wait_for_timeout(300)
    expect(field(page, "amount")).not_to_contain_text("Stale.")

    page.clock.run_for(400)
    wait_for(page, late, 2)
    late[1].continue_()
    expect(complaint(page, "amount")).to_contain_text("in digits")


def is_check(route: Route) -> bool:
    return route.request.method == "POST"


def wait_for(page: Page, late: list[Route], number: int) -> None:
    """Wait until so many were asked; only while the browser is waited for, it tells."""
    for _ in range(PATIENCE_MS // 50):
        if len(late) >= number:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{len(late)} of {number} were asked")


def test_words_in_another_direction_change_nothing_beside_them(
    new_visitor: NewVisitor, site: Live, anna: Party
) -> None:
    first = anna.sign(anna.open(remark="سلام 5", demand={"kind": "approval", "text": "אבג 12"}))
    ben = site.party("Ben Compose")
    ben.token()
    visitor = new_visitor(**NARROW)
    visitor.sign_in_as(ben.person)
    visitor.go(f"/continue/{first['receipt_id']}")
    facts = visitor.page.locator(".facts").first
    expect(facts.locator("bdi", has_text="سلام 5")).to_be_visible()
    expect(facts.locator("bdi", has_text="אבג 12")).to_be_visible()
    assert_fits(visitor.page)
    assert_accessible(visitor.page)
