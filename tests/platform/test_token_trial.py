"""Test mode: a step of kind test is marked everywhere, and is never the base of anything."""

import io

import pytest
from django.test import Client
from PIL import Image

from notices.models import Notice
from tests.platform.operators import browser_of, text
from tests.platform.world import Person, call, everything_stored, scan, step_row
from transactions.models import Transaction

MARK = "TEST, nothing is approved"
NOTE = "This is a TEST"


@pytest.fixture
def browser(anna: Person) -> Client:
    return browser_of(anna)


@pytest.fixture
def tried(anna: Person) -> str:
    """The step of a test that went well."""
    step = anna.post(f"/tokens/{anna.token.serial}/test")
    anna.sign(step)
    return str(step["id"])


def test_a_token_is_tried_and_its_transaction_is_closed(anna: Person) -> None:
    step = anna.post(f"/tokens/{anna.token.serial}/test")

    assert step["demand"] == {"kind": "test"}
    assert anna.sign(step)
    assert step_row(step).transaction.state == "closed"


def test_the_token_shows_that_it_is_a_test(anna: Person) -> None:
    step = anna.post(f"/tokens/{anna.token.serial}/test")

    assert anna.look(step).lines[0] == "TEST: nothing is bought or approved"


def test_the_page_says_what_a_test_does_before_it_begins_one(
    anna: Person, browser: Client
) -> None:
    path = f"/tokens/{anna.token.serial}/try"
    before = everything_stored()
    assert "Nothing is bought or approved" in text(browser.get(path))
    assert everything_stored() == before

    first, second = (browser.post(path, {"csrfmiddlewaretoken": "1"}) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert "/steps/" in first["Location"]


def test_every_page_of_a_test_is_marked(anna: Person, browser: Client, tried: str) -> None:
    waiting = anna.post(f"/tokens/{anna.token.serial}/test")["id"]
    chain = step_row({"id": tried}).transaction

    for path in (f"/steps/{waiting}", f"/steps/{tried}", f"/transactions/{chain}"):
        page = text(browser.get(path))
        assert NOTE in page
        assert MARK in page
    assert MARK in text(browser.get("/")), "it waits on the first page"


def test_the_operators_see_that_it_is_a_test(console: Client, anna: Person, tried: str) -> None:
    chain = step_row({"id": tried}).transaction

    for path in (f"/console/transactions/{chain}", f"/console/tokens/{anna.token.serial}"):
        assert MARK in text(console.get(path))


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_pictures_of_a_test_say_so_and_are_read_as_ever(
    anna: Person, browser: Client, tried: str, form: str
) -> None:
    shown = anna.get(f"/steps/{tried}")
    path = f"/receipts/{shown['receipt_id']}"

    picture = anna.call("GET", f"{path}.{form}")

    assert (
        f'filename="test-receipt-1-{shown["transaction"]}.{form}"'
        in (picture.headers["Content-Disposition"])
    )
    if form == "svg":
        assert ">TEST</text>" in picture.raw.decode()
    else:
        assert scan(picture.raw) == anna.call("GET", f"{path}.txt").raw.decode()
        with Image.open(io.BytesIO(picture.raw)) as image:
            bar = image.crop((0, 0, image.width, image.height - image.width))
            assert {0, 255} == set(bar.get_flattened_data())
            assert bar.getpixel((0, 0)) == 0


def test_the_picture_of_what_counts_is_not_marked(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    shown = anna.get(f"/steps/{step['id']}")

    picture = anna.call("GET", f"/receipts/{shown['receipt_id']}.png")

    assert "test" not in picture.headers["Content-Disposition"]
    with Image.open(io.BytesIO(picture.raw)) as image:
        assert image.width == image.height


def test_the_verifier_says_that_it_was_a_test(anna: Person, tried: str) -> None:
    receipt_id = anna.get(f"/steps/{tried}")["receipt_id"]
    receipt = anna.call("GET", f"/receipts/{receipt_id}.txt").raw.decode()

    report = call("POST", "/receipts/verify", {"receipt": receipt}).body

    assert report["steps"][0]["kind"] == "test"


def test_a_test_is_never_the_base_of_a_step(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.post(f"/tokens/{anna.token.serial}/test"))

    for person in (anna, ben):
        assert person.try_follow(receipt).refusal == (409, "not_to_be_continued")
    page = browser_of(ben).post("/continue", {"receipt": receipt})
    assert "no step can follow" in text(page)


def test_a_test_is_in_nobody_s_history(anna: Person, browser: Client, tried: str) -> None:
    chain = str(step_row({"id": tried}).transaction)

    assert anna.get("/transactions")["results"] == []
    for path in ("/transactions", f"/transactions?token={anna.token.serial}", "/"):
        assert chain not in text(browser.get(path))


def test_nobody_is_written_to_about_a_test(anna: Person, tried: str) -> None:
    assert not Notice.objects.exists()


def test_nobody_opens_a_test_as_a_transaction(anna: Person) -> None:
    assert anna.try_open({"kind": "test"}).refusal == (422, "input_invalid")
    assert Transaction.objects.count() == 1, "the activation"


@pytest.mark.parametrize("state", ["suspended", "confirmed", "revoked"])
def test_a_token_that_is_not_active_is_not_tried(
    anna: Person, browser: Client, state: str
) -> None:
    anna.holder.tokens.update(state=state)
    path = f"/tokens/{anna.token.serial}"

    assert browser.get(f"{path}/try")["Location"] == path
    assert anna.call("POST", f"{path}/test").refusal == (409, "token_not_active")


def test_nobody_tries_the_token_of_another(anna: Person, mallory: Person) -> None:
    for serial in (anna.token.serial, "NOSUCHTOKEN"):
        assert mallory.call("POST", f"/tokens/{serial}/test").refusal == (404, "not_found")


def test_a_test_that_came_to_nothing_is_begun_again_where_it_was(
    anna: Person, browser: Client
) -> None:
    step = anna.post(f"/tokens/{anna.token.serial}/test")
    anna.post(f"/steps/{step['id']}/cancel")

    page = text(browser.get(f"/steps/{step['id']}"))

    assert f'href="/tokens/{anna.token.serial}/try"' in page
    assert NOTE in page
