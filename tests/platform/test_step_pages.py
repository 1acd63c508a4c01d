"""/steps/{S}: the page of one step, in every state, and what may be done there."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from common.qrcodes import draw_svg
from common.sentences import sentence
from enrolment.models import AuthserverHost, Token
from signing import services as signing
from signing.models import PlatformKey
from signing.selectors import _certificate_of
from tests.platform.operators import BACKEND, browser_of
from tests.platform.world import (
    APPROVAL,
    TYPED_SUITE,
    Authserver,
    Person,
    everything_stored,
    lose_the_answer,
    now,
    seconds_ago,
    step_row,
    unreachable,
)
from tokens.errors import RefusedError
from transactions.models import Step, Transaction

ORIGIN = settings.COUNTERSIGN_ORIGIN


def page(person: Person, step: dict[str, Any], *, status: int = 200) -> str:
    """Open a step's page; return its text."""
    answer = browser_of(person).get(f"/steps/{step['id']}")
    assert answer.status_code == status
    return answer.content.decode()


def send(person: Person, step: dict[str, Any], action: str, **fields: str) -> Any:
    """Press one of the page's buttons; return the answer, or the page it leads to."""
    path = f"/steps/{step['id']}"
    return browser_of(person).post(path, {"action": action, **fields}, follow=True)


def respond(person: Person, step: dict[str, Any], response: str | None = None) -> Any:
    """Type a response into the page: the right one, unless another is given."""
    return send(person, step, "respond", response=response or person.response(step))


def told(answer: Any) -> str:
    """The words of a page, without its markup."""
    words = re.sub(r"<[^>]*>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", words).replace("&#x27;", "'")


def stored() -> dict[str, list[str]]:
    """All rows, but for those that signing in changes."""
    return {name: rows for name, rows in everything_stored().items() if name != "accounts.User"}


# The challenge


def test_the_challenge_page_says_in_words_what_is_signed(anna: Person) -> None:
    shown = page(anna, anna.open())

    assert "1,250.00\u00a0EUR" in shown
    for words in ("Flower shop", "DE89370400440532013000", "Flowers for the spring", "I agree"):
        assert words in shown


def test_the_challenge_page_offers_the_challenge_as_code_and_as_text(anna: Person) -> None:
    step = anna.open()

    shown = page(anna, step)

    assert f"/api/v1/steps/{step['id']}/challenge.svg" in shown
    assert f"/api/v1/steps/{step['id']}/challenge.png" in shown
    assert step["challenge"] in shown


def test_the_challenge_page_offers_the_present_key_to_a_token_without_a_network(
    anna: Person, authserver: Authserver
) -> None:
    step = anna.open()
    signing.create_keys(root=authserver.platform_root, now=now())
    renewed = anna.open()

    assert 'src="/k.svg"' in page(anna, step)
    text = signing.key_link(now=now())
    assert draw_svg(text) == Client().get("/k.svg").content
    with pytest.raises(RefusedError) as refused:
        anna.token.read(renewed["challenge"], now())
    assert refused.value.code == "statement_key_unknown"
    anna.token.with_key(text).read(renewed["challenge"], now())


def test_whoever_opens_a_key_s_code_with_a_phone_is_told_what_it_is_for(db: None) -> None:
    assert "A key for your token" in Client().get("/k").content.decode()


def test_the_challenge_page_asks_for_as_many_digits_as_the_token_shows(anna: Person) -> None:
    assert "Type the 8 digits" in page(anna, anna.open())


def test_a_typed_token_gets_its_ten_digits_and_no_code(mallory: Person) -> None:
    mallory.enrol(TYPED_SUITE)
    step = mallory.open()
    question = step["question"]

    shown = page(mallory, step)

    assert f"{question[:4]} {question[4:8]} {question[8:]}" in shown
    assert "challenge.svg" not in shown


def test_the_challenge_page_shows_the_steps_it_includes(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))

    shown = page(ben, step)

    assert "It includes what was signed before" in shown
    assert "Flowers for the spring" in shown


def test_whoever_does_not_sign_it_sees_for_whom_a_challenge_waits(
    anna: Person, ben: Person
) -> None:
    step = ben.follow(anna.sign(anna.open()))

    shown = page(anna, step)

    assert f"Waits for <bdi>{ben.account}</bdi>" in shown
    assert 'name="response"' not in shown
    assert step["challenge"] not in shown


def test_a_step_is_for_its_parties_alone(anna: Person, mallory: Person) -> None:
    step = anna.open()
    browser = browser_of(mallory)

    for path in (f"/steps/{step['id']}", f"/steps/{step['id']}/state", f"/steps/{'0' * 64}"):
        assert browser.get(path).status_code == 404
    before = stored()
    for action in ("respond", "decline", "cancel"):
        fields = {"response": "12345678", "reason": "no"}
        assert send(mallory, step, action, **fields).status_code == 404
    assert stored() == before


@pytest.mark.parametrize("path", ["", "/state"])
def test_whoever_is_not_signed_in_signs_in_first(anna: Person, path: str) -> None:
    address = f"/steps/{anna.open()['id']}{path}"

    answer = Client().get(address)

    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next={address}"


def test_looking_changes_nothing(anna: Person) -> None:
    with seconds_ago(600):
        late = anna.open()
    steps = [late, anna.open()]
    browser = browser_of(anna)
    before = stored()

    for step in steps:
        assert browser.get(f"/steps/{step['id']}").status_code == 200
        assert browser.get(f"/steps/{step['id']}/state").status_code == 200

    assert stored() == before


def test_no_cache_keeps_the_page(anna: Person) -> None:
    assert "no-store" in browser_of(anna).get(f"/steps/{anna.open()['id']}")["Cache-Control"]


# Answering


def test_the_right_digits_lead_to_the_signed_step(anna: Person) -> None:
    step = anna.open()

    answer = respond(anna, step)

    assert answer.redirect_chain == [(f"/steps/{step['id']}", 302)]
    assert "You have signed this" in told(answer)
    assert step_row(step).state == Step.State.SIGNED


def test_spaces_between_the_digits_do_no_harm(anna: Person) -> None:
    step = anna.open()
    digits = anna.response(step)

    assert "You have signed this" in told(respond(anna, step, f" {digits[:4]} {digits[4:]} "))


def test_the_right_digits_again_are_a_success_again(anna: Person) -> None:
    step = anna.open()
    digits = anna.response(step)
    respond(anna, step, digits)
    before = stored()

    assert "You have signed this" in told(respond(anna, step, digits))
    assert stored() == before


def test_wrong_digits_are_told_with_the_tries_left(anna: Person) -> None:
    step = anna.open()

    for number, left in enumerate(("4 tries are left", "3 tries are left")):
        answer = respond(anna, step, anna.wrong(step, number))
        assert answer.status_code == 422
        assert sentence("response_wrong") in told(answer)
        assert left in told(answer)


def test_the_last_try_is_told_in_the_singular(anna: Person) -> None:
    step = anna.open()
    for number in range(3):
        anna.answer(step, anna.wrong(step, number))

    assert "1 try is left" in told(respond(anna, step, anna.wrong(step, 3)))


def test_the_fifth_wrong_digits_lead_to_the_refused_step(anna: Person) -> None:
    step = anna.open()
    for number in range(4):
        anna.answer(step, anna.wrong(step, number))

    answer = respond(anna, step, anna.wrong(step, 4))

    assert answer.status_code == 200
    assert "Wrong digits were typed too often" in told(answer)
    assert "It unlocks at" in told(answer)


@pytest.mark.parametrize(
    "typed",
    ["1234567", "123456789", "1234567a", "\uff11" * 8, "1\u00a02345678", "1" * 65, "-1234567"],
    ids=["7", "9", "letter", "full-width", "no-break space", "65", "sign"],
)
def test_what_is_no_response_is_told_and_costs_no_try(anna: Person, typed: str) -> None:
    step = anna.open()

    answer = respond(anna, step, typed)

    assert answer.status_code == 422
    assert sentence("response_malformed") in told(answer)
    assert "4 tries are left" in told(respond(anna, step, anna.wrong(step)))


@pytest.mark.parametrize("typed", ["", " ", "\0"])
def test_nothing_typed_is_told(anna: Person, typed: str) -> None:
    step = anna.open()

    answer = send(anna, step, "respond", response=typed)

    assert answer.status_code == 422
    assert 'class="errorlist"' in answer.content.decode()
    assert step_row(step).state == Step.State.CHALLENGED


def test_digits_are_never_written_back_into_the_page(anna: Person, host: AuthserverHost) -> None:
    step = anna.open()
    digits = anna.response(step)
    wrong = anna.wrong(step)

    with unreachable(host):
        answers = [respond(anna, step, digits)]
    answers += [respond(anna, step, wrong), respond(anna, step, f"{digits}9")]

    for answer in answers:
        assert answer.status_code >= 400
        # The challenge is a long row of digits, in which anything may stand.
        shown = answer.content.decode().replace(step["challenge"], "")
        assert digits not in shown
        assert wrong not in shown


def test_a_host_without_an_answer_loses_nothing(anna: Person, host: AuthserverHost) -> None:
    step = anna.open()
    digits = anna.response(step)
    before = stored()

    with unreachable(host):
        answer = respond(anna, step, digits)

    assert answer.status_code == 503
    assert sentence("authserver_unavailable") in told(answer)
    assert "You may send the same digits once more" in told(answer)
    assert stored() == before
    assert "You have signed this" in told(respond(anna, step, digits))


def test_a_locked_token_is_told_until_when(anna: Person) -> None:
    step = anna.open()
    anna.lock(anna.open())

    answer = respond(anna, step)

    assert answer.status_code == 423
    assert sentence("token_locked") in told(answer)
    assert re.search(r"It unlocks at\s+<time datetime=", answer.content.decode())


def test_a_suspended_token_is_told(anna: Person) -> None:
    step = anna.open()
    anna.post(f"/tokens/{anna.token.serial}/suspend")

    answer = respond(anna, step, "12345678")

    assert answer.status_code == 409
    assert sentence("token_not_active") in told(answer)


def test_a_host_restored_from_a_backup_is_told(anna: Person) -> None:
    anna.sign(anna.open())
    Step.objects.filter(state="signed", position=0).exclude(kind=6).update(seq=1000)

    answer = respond(anna, anna.open(), "12345678")

    assert answer.status_code == 503
    assert sentence("host_rolled_back") in told(answer)


def test_another_server_than_the_tokens_is_told(anna: Person, ben: Person) -> None:
    step = anna.open()
    Token.objects.filter(serial=ben.token.serial).update(vk=bytes(8))
    Token.objects.filter(serial=anna.token.serial).update(vk=ben.token.vk)

    answer = respond(anna, step, "12345678")

    assert answer.status_code == 409
    assert sentence("wrong_authserver") in told(answer)


def test_another_token_than_the_servers_is_told(anna: Person) -> None:
    Token.objects.filter(serial=anna.token.serial).update(serial="ANOTHER")

    answer = respond(anna, anna.open(token="ANOTHER"), "12345678")

    assert answer.status_code == 409
    assert sentence("token_not_paired") in told(answer)


def test_clocks_that_contradict_each_other_are_told(anna: Person, ben: Person) -> None:
    first = anna.open()
    step = ben.follow(anna.sign(first))
    Step.objects.filter(s=bytes.fromhex(first["id"])).update(
        decided_at=now() + timedelta(days=366)
    )

    answer = respond(ben, step)

    assert answer.status_code == 422
    assert sentence("chain_broken") in told(answer)


def test_a_lost_signing_key_is_told(anna: Person) -> None:
    step = anna.open()
    digits = anna.response(step)
    PlatformKey.objects.filter(purpose="statement").delete()
    _certificate_of.cache_clear()

    answer = respond(anna, step, digits)

    assert answer.status_code == 503
    assert sentence("keys_missing") in told(answer)


def test_an_active_token_is_not_activated_again(mallory: Person) -> None:
    serial, digits = mallory.pair()
    first, second = (
        mallory.post(f"/tokens/{serial}/activate", {"digits": digits}) for _ in range(2)
    )
    mallory.sign(first)

    answer = respond(mallory, second, "12345678")

    assert answer.status_code == 422
    assert sentence("kind_refused") in told(answer)


def test_an_expired_challenge_leads_to_where_it_says_so(anna: Person) -> None:
    with seconds_ago(600):
        step = anna.open()

    answer = respond(anna, step, "12345678")

    assert answer.redirect_chain == [(f"/steps/{step['id']}", 302)]
    assert sentence("challenge_expired") in told(answer)
    assert step_row(step).state == Step.State.EXPIRED


def test_an_expired_challenge_whose_host_is_away_is_being_ended(
    anna: Person, host: AuthserverHost
) -> None:
    with seconds_ago(600):
        step = anna.open()
    Step.objects.filter(s=bytes.fromhex(step["id"])).update(state="closing", ending="expired")

    with unreachable(host):
        answer = send(anna, step, "cancel")

    assert answer.status_code == 503
    assert "This step is being ended" in told(answer)


def test_a_step_that_ended_meanwhile_leads_to_how_it_ended(anna: Person) -> None:
    step = anna.open()
    anna.post(f"/steps/{step['id']}/cancel")

    answer = respond(anna, step, "12345678")

    assert answer.redirect_chain == [(f"/steps/{step['id']}", 302)]
    assert sentence("challenge_void") in told(answer)
    assert "This step was called off" in told(answer)


def test_other_digits_for_a_signed_step_change_nothing(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    before = stored()

    answer = respond(anna, step, anna.wrong(step))

    assert sentence("response_replayed") in told(answer)
    assert "You have signed this" in told(answer)
    assert stored() == before


def test_an_answer_that_was_lost_is_taken_when_it_is_sent_again(anna: Person) -> None:
    step = anna.open()
    digits = anna.response(step)
    lose_the_answer(step, digits)

    assert "You have signed this" in told(respond(anna, step, digits))


@pytest.mark.parametrize("action", ["", "sign", "Respond"])
def test_an_unknown_button_is_not_understood(anna: Person, action: str) -> None:
    answer = send(anna, anna.open(), action)

    assert answer.status_code == 400
    assert sentence("request_malformed") in told(answer)


def test_only_the_holder_answers_or_declines(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))
    digits = ben.response(step)
    before = stored()

    assert respond(anna, step, digits).status_code == 404
    assert send(anna, step, "decline", reason="no").status_code == 404
    assert stored() == before


# Ending it otherwise


def test_saying_that_it_is_wrong_ends_the_step_with_the_reason(anna: Person) -> None:
    step = anna.open()

    answer = send(anna, step, "decline", reason="I ordered tulips <b>")

    assert "You said that this is wrong" in told(answer)
    assert "I ordered tulips &lt;b&gt;" in answer.content.decode()
    assert "Nothing was signed" in told(answer)


def test_the_owner_sees_who_said_that_it_is_wrong(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))
    send(ben, step, "decline", reason="Too dear")

    shown = page(anna, step)

    assert f"<bdi>{ben.account}</bdi> said that this is wrong" in shown
    assert "Too dear" in shown


@pytest.mark.parametrize(
    ("reason", "why"),
    [("", "This field is required"), ("花" * 41, "too long"), ("a\u202eb", "cannot be signed")],
)
def test_a_reason_that_cannot_be_kept_is_told_and_stays_typed(
    anna: Person, reason: str, why: str
) -> None:
    step = anna.open()

    answer = send(anna, step, "decline", reason=reason)

    assert answer.status_code == 422
    assert why in told(answer)
    assert reason in answer.content.decode()
    assert "<details open>" in answer.content.decode()
    assert step_row(step).state == Step.State.CHALLENGED


def test_a_reason_is_still_there_after_a_lost_session_and_the_digits_are_not(
    anna: Person,
) -> None:
    step = anna.open()
    path = f"/steps/{step['id']}"
    browser = Client()
    browser.post(path, {"action": "respond", "response": "31415926"})
    assert "31415926" not in str(dict(browser.session))
    browser.post(path, {"action": "decline", "reason": "I ordered tulips"})
    assert step_row(step).state == Step.State.CHALLENGED

    browser.force_login(anna.holder.user, backend=BACKEND)
    answer = browser.get(path)

    assert "I ordered tulips" in answer.content.decode()
    assert "<details open>" in answer.content.decode()


def test_its_holder_cancels_a_step(anna: Person) -> None:
    assert "This step was called off" in told(send(anna, anna.open(), "cancel"))


def test_the_owner_ends_the_step_of_another(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))

    assert "This step was called off" in told(send(anna, step, "cancel"))


def test_cancelling_twice_tells_that_it_ended_before(anna: Person) -> None:
    step = anna.open()
    send(anna, step, "cancel")

    answer = send(anna, step, "cancel")

    assert answer.status_code == 200
    assert sentence("challenge_void") in told(answer)


@pytest.mark.parametrize("way", ["cancel", "decline"])
def test_a_step_that_was_answered_before_is_signed_after_all(anna: Person, way: str) -> None:
    step = anna.open()
    lose_the_answer(step, anna.response(step))

    answer = send(anna, step, way, reason="no")

    assert "The token had answered before" in told(answer)
    assert "You have signed this" in told(answer)


@pytest.mark.parametrize("way", ["cancel", "decline"])
def test_a_step_whose_host_is_away_is_being_ended(
    anna: Person, host: AuthserverHost, way: str
) -> None:
    step = anna.open()

    with unreachable(host):
        answer = send(anna, step, way, reason="no")

    assert answer.status_code == 503
    assert "This step is being ended" in told(answer)
    assert 'data-state="closing"' in page(anna, step)
    assert send(anna, step, "cancel").status_code == 200
    assert not step_row(step).is_open


# How it ended


def test_a_challenge_past_its_time_offers_no_field_but_to_start_again(anna: Person) -> None:
    with seconds_ago(600):
        step = anna.open()

    shown = page(anna, step)

    assert "Nobody answered in time" in shown
    assert 'name="response"' not in shown
    assert f"/transactions/new?again={step['id']}" in shown


def test_a_later_step_starts_again_behind_the_same_receipt(anna: Person, ben: Person) -> None:
    first = anna.open()
    receipt = anna.sign(first)
    step = ben.follow(receipt)
    send(ben, step, "cancel")
    receipt_id = step_row(first).public_receipt_id

    assert f"/continue/{receipt_id}?again={step['id']}" in page(ben, step)
    assert "?again=" not in page(anna, step)


def test_a_later_step_does_not_start_again_when_somebody_else_came_first(
    anna: Person, ben: Person, cora: Person
) -> None:
    receipt = anna.sign(anna.open())
    step = ben.follow(receipt)
    send(ben, step, "cancel")
    cora.sign(cora.follow(receipt))

    assert "?again=" not in page(ben, step)


def test_an_activation_starts_again_where_tokens_are_activated(mallory: Person) -> None:
    serial, digits = mallory.pair()
    step = mallory.post(f"/tokens/{serial}/activate", {"digits": digits})
    send(mallory, step, "cancel")

    assert f"/tokens/{serial}/activate" in page(mallory, step)


def test_an_activation_that_is_signed_leads_to_a_first_transaction(mallory: Person) -> None:
    serial, digits = mallory.pair()
    step = mallory.post(f"/tokens/{serial}/activate", {"digits": digits})

    answer = respond(mallory, step)

    assert "Your token is active" in told(answer)
    assert 'href="/transactions/new"' in answer.content.decode()
    assert f"/transactions/{step['transaction']}" not in answer.content.decode()


def test_the_record_of_a_refusal_says_that_nothing_follows_it(anna: Person) -> None:
    step = anna.open()
    send(anna, step, "decline", reason="no")

    shown = page(anna, step)

    assert f"/api/v1/receipts/{step_row(step).public_receipt_id}.svg" in shown
    assert "No step can follow it" in shown
    assert "/continue/" not in shown


def test_a_signed_step_offers_its_receipt(anna: Person) -> None:
    step = anna.open()
    receipt = anna.sign(step)
    receipt_id = step_row(step).public_receipt_id

    shown = page(anna, step)

    assert f"/api/v1/receipts/{receipt_id}.svg" in shown
    assert f'href="/api/v1/receipts/{receipt_id}.png" download=' in shown
    assert f'href="{receipt}"' in shown
    assert receipt.startswith(f"{ORIGIN}/r#")
    assert f"/transactions/{step['transaction']}" in shown


def test_continuing_is_offered_to_whoever_may(anna: Person, ben: Person, cora: Person) -> None:
    step = anna.open(next={"account": ben.account})
    anna.sign(step)
    link = f"/continue/{step_row(step).public_receipt_id}"

    assert link in page(ben, step)
    assert link not in page(anna, step)
    assert "is invited to continue, and was told" in page(anna, step)
    page(cora, step, status=404)


def test_an_invited_address_is_shown_to_none_but_the_two(
    anna: Person, ben: Person, cora: Person
) -> None:
    first = anna.open()
    step = ben.follow(anna.sign(first), next={"email": cora.email})
    ben.sign(step)

    assert cora.email in page(ben, step)
    assert cora.email not in page(anna, step)
    assert "You are invited to continue" in page(cora, step)


def test_a_step_that_was_continued_says_so(anna: Person, ben: Person) -> None:
    step = anna.open()
    receipt = anna.sign(step)
    following = ben.follow(receipt)

    assert f"/steps/{following['id']}" in page(anna, step)
    ben.sign(following)
    assert "This transaction has gone on since" in page(anna, step)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({}, "Whoever has the receipt may continue"),
        ({"is_open_to_anyone": False}, "only you may add a step"),
    ],
)
def test_the_receipt_says_who_may_come_next(
    anna: Person, rules: dict[str, Any], words: str
) -> None:
    step = anna.open(**rules)
    anna.sign(step)

    assert words in page(anna, step)


def test_what_people_wrote_is_text_and_never_markup(anna: Person, ben: Person) -> None:
    anna.holder.name = "<i>Anna</i>"
    anna.holder.save()
    step = anna.open(remark="<script>alert(1)</script>")
    receipt = anna.sign(step)
    ben.sign(ben.follow(receipt))

    for person in (anna, ben):
        shown = page(person, step)
        assert "<script>alert" not in shown
        assert "<i>Anna" not in shown


# What the page asks for while it is open


def state(person: Person, step: dict[str, Any]) -> dict[str, Any]:
    """What the page is told when it asks how the step stands."""
    answer = browser_of(person).get(f"/steps/{step['id']}/state")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return dict(answer.json())


def test_the_state_says_how_the_step_stands_and_how_long_it_has(anna: Person, ben: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))

    for person in (anna, ben):
        seen = state(person, step)
        assert seen["state"] == "challenged"
        assert 170 <= seen["seconds_left"] <= 180
    ben.sign(step)
    assert state(anna, step)["state"] == "signed"


def test_the_state_says_that_time_is_up_before_the_host_has_confirmed_it(anna: Person) -> None:
    with seconds_ago(600):
        step = anna.open()

    assert state(anna, step) == {"state": "overdue", "seconds_left": 0}


def test_the_page_is_told_of_the_state_it_shows(anna: Person) -> None:
    step = anna.open()

    assert f'data-state="{state(anna, step)["state"]}"' in page(anna, step)
    anna.sign(step)
    assert "data-state" not in page(anna, step)


def test_asking_for_the_state_is_cheap_and_costs_no_try(
    anna: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    step = anna.open()
    browser = browser_of(anna)
    browser.get(f"/steps/{step['id']}/state")

    # Session, login, holder, step.
    with django_assert_num_queries(4):
        browser.get(f"/steps/{step['id']}/state")
    assert "4 tries are left" in told(respond(anna, step, anna.wrong(step)))


def test_the_page_costs_the_same_in_a_long_chain(
    anna: Person, ben: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    receipt = anna.sign(anna.open())
    for person in (ben, anna, ben):
        step = person.follow(receipt, APPROVAL)
        receipt = person.sign(step)
    step = anna.follow(receipt)
    browser = browser_of(anna)
    cache.clear()

    with django_assert_max_num_queries(9):
        browser.get(f"/steps/{step['id']}")


def test_a_step_of_a_cancelled_transaction_is_shown_as_it_was(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    Transaction.objects.update(state="cancelled")

    shown = page(anna, step)

    assert "You have signed this" in shown
    assert "Pass it on" not in shown
