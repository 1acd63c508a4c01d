"""/transactions and /transactions/{tx}: the list, the chain as a timeline, and finishing it."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from common.sentences import sentence
from enrolment.models import AuthserverHost
from tests.platform.operators import browser_of
from tests.platform.test_step_pages import stored, told
from tests.platform.world import APPROVAL, PAYMENT, Person, seconds_ago, step_row, unreachable
from transactions.models import Step, Transaction

# Session, login, holder; transaction, party, steps; the numbers at the navigation.
CHAIN_QUERIES = 9
# Session, login, holder; count, page, first steps, signers; the numbers at the navigation.
LIST_QUERIES = 10


def page(person: Person, step: dict[str, Any]) -> str:
    """Open the page of a step's transaction; return its text."""
    answer = browser_of(person).get(f"/transactions/{step['transaction']}")
    assert answer.status_code == 200
    return answer.content.decode()


def finish(person: Person, step: dict[str, Any], action: str) -> Any:
    """Press one of the buttons below the chain; return the answer, or the page it leads to."""
    path = f"/transactions/{step['transaction']}"
    return browser_of(person).post(path, {"action": action}, follow=True)


def state_of(step: dict[str, Any]) -> str:
    """How the transaction of a step stands."""
    return Transaction.objects.get(tx=bytes.fromhex(step["transaction"])).state


def lines(person: Person, query: str = "") -> str:
    """Open a person's list of transactions; return its text."""
    answer = browser_of(person).get(f"/transactions{query}")
    assert answer.status_code == 200
    return answer.content.decode()


# The chain


def test_the_chain_shows_who_signed_what_in_order(anna: Person, ben: Person) -> None:
    first = anna.open(remark="The first word")
    ben.sign(ben.follow(anna.sign(first), APPROVAL, remark="The second word"))

    shown = page(ben, first)

    assert shown.index("The first word") < shown.index("The second word")
    assert shown.count("badge-good") == 2
    assert "1,250.00\u00a0EUR" in shown
    for step in Step.objects.filter(transaction__tx=bytes.fromhex(first["transaction"])):
        assert f'href="/steps/{step.public_id}"' in shown


def test_what_came_to_nothing_stands_small_between(anna: Person, ben: Person) -> None:
    first = anna.open()
    receipt = anna.sign(first)
    step = ben.follow(receipt)
    ben.post(f"/steps/{step['id']}/decline", {"reason": "Too dear"})
    ben.sign(ben.follow(receipt))

    shown = page(anna, first)

    assert shown.count('class="chain-aside"') == 1
    assert "Too dear" in shown


def test_a_step_past_its_time_is_shown_as_that(anna: Person) -> None:
    with seconds_ago(600):
        step = anna.open()

    shown = page(anna, step)

    assert "Out of time" in shown
    assert "Waits for the token" not in shown


def test_a_transaction_is_for_its_parties_alone(
    anna: Person, ben: Person, mallory: Person
) -> None:
    step = anna.open(next={"account": ben.account})
    anna.sign(step)
    path = f"/transactions/{step['transaction']}"

    assert browser_of(ben).get(path).status_code == 200
    assert browser_of(mallory).get(path).status_code == 404
    before = stored()
    for action in ("close", "cancel", "dispute"):
        assert finish(mallory, step, action).status_code == 404
    assert stored() == before
    assert Client().get(path)["Location"] == f"/accounts/login/?next={path}"


def test_continuing_is_offered_on_the_chain_to_whoever_may(anna: Person, ben: Person) -> None:
    step = anna.open(next={"account": ben.account})
    anna.sign(step)
    link = f"/continue/{step_row(step).public_receipt_id}"

    assert link in page(ben, step)
    assert link not in page(anna, step)


def test_looking_at_a_chain_changes_nothing(anna: Person) -> None:
    with seconds_ago(600):
        step = anna.open()
    page(anna, step)
    before = stored()

    page(anna, step)
    lines(anna)

    assert stored() == before


def test_the_page_of_a_long_chain_takes_no_more_queries(
    anna: Person, ben: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    first = anna.open()
    receipt = anna.sign(first)
    browser = browser_of(ben)
    for person in (ben, anna, ben, anna):
        receipt = person.sign(person.follow(receipt, APPROVAL))

    with django_assert_max_num_queries(CHAIN_QUERIES):
        answer = browser.get(f"/transactions/{first['transaction']}")

    assert answer.content.decode().count("badge-good") == 5


# Finishing it


@pytest.mark.parametrize(
    ("action", "state", "words"),
    [
        ("close", "closed", "This transaction is closed."),
        ("cancel", "cancelled", "This transaction is cancelled."),
        ("dispute", "disputed", "This transaction is marked as disputed."),
    ],
)
def test_the_owner_finishes_a_transaction(
    anna: Person, action: str, state: str, words: str
) -> None:
    step = anna.open()
    anna.sign(step)

    answer = finish(anna, step, action)

    assert answer.redirect_chain == [(f"/transactions/{step['transaction']}", 302)]
    assert words in told(answer)
    assert state_of(step) == state


def test_finishing_twice_tells_that_it_takes_no_further_steps(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    finish(anna, step, "close")

    answer = finish(anna, step, "close")

    assert answer.status_code == 409
    assert sentence("transaction_closed") in told(answer)


def test_only_the_owner_closes_or_cancels(anna: Person, ben: Person) -> None:
    step = anna.open()
    ben.sign(ben.follow(anna.sign(step)))

    for action in ("close", "cancel"):
        answer = finish(ben, step, action)
        assert answer.status_code == 403
        assert sentence("not_your_turn") in told(answer)
        assert f'value="{action}"' not in page(ben, step)
    assert state_of(step) == "open"


def test_the_last_signer_closes_where_the_owner_allowed_it(anna: Person, ben: Person) -> None:
    step = anna.open(last_signer_may_close=True)
    ben.sign(ben.follow(anna.sign(step)))

    assert 'value="close"' in page(ben, step)
    finish(ben, step, "close")
    assert state_of(step) == "closed"


def test_any_party_disputes(anna: Person, ben: Person) -> None:
    step = anna.open()
    ben.sign(ben.follow(anna.sign(step)))

    finish(ben, step, "dispute")

    assert state_of(step) == "disputed"


def test_nothing_is_closed_while_a_step_is_under_way(anna: Person, ben: Person) -> None:
    step = anna.open()
    ben.follow(anna.sign(step))

    assert 'value="close"' not in page(anna, step)
    answer = finish(anna, step, "close")

    assert answer.status_code == 409
    assert state_of(step) == "open"


def test_cancelling_ends_the_step_under_way(anna: Person, ben: Person) -> None:
    first = anna.open()
    step = ben.follow(anna.sign(first))

    finish(anna, first, "cancel")

    assert state_of(first) == "cancelled"
    assert step_row(step).state == "cancelled"


def test_cancelling_while_the_host_is_away_is_told(
    anna: Person, ben: Person, host: AuthserverHost
) -> None:
    first = anna.open()
    ben.follow(anna.sign(first))

    with unreachable(host):
        answer = finish(anna, first, "cancel")

    assert answer.status_code == 503
    assert sentence("authserver_unavailable") in told(answer)
    assert "Being ended" in told(answer)


def test_a_finished_transaction_offers_no_way_to_finish_it(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    finish(anna, step, "cancel")

    shown = page(anna, step)

    for action in ("close", "cancel", "dispute"):
        assert f'value="{action}"' not in shown
    assert "/continue/" not in shown


def test_an_unknown_way_to_finish_is_not_understood(anna: Person) -> None:
    step = anna.open()

    answer = finish(anna, step, "delete")

    assert answer.status_code == 400
    assert sentence("request_malformed") in told(answer)


# The list


def test_the_list_says_what_with_whom_and_how_it_stands(anna: Person, ben: Person) -> None:
    step = anna.open()
    ben.sign(ben.follow(anna.sign(step)))

    shown = lines(anna)

    assert f"/transactions/{step['transaction']}" in shown
    assert "1,250.00\u00a0EUR" in shown
    assert ben.account in shown
    assert anna.account not in shown
    assert "Open" in shown


def test_the_list_says_why_nothing_came_of_a_first_step(anna: Person) -> None:
    step = anna.open()
    anna.post(f"/steps/{step['id']}/decline", {"reason": "no"})

    assert "Refused" in lines(anna)


def test_the_list_holds_what_one_is_invited_to(anna: Person, ben: Person) -> None:
    step = anna.open(next={"email": ben.email})
    anna.sign(step)

    assert f"/transactions/{step['transaction']}" in lines(ben)


def test_the_list_holds_nothing_of_others(anna: Person, mallory: Person) -> None:
    anna.sign(anna.open())

    assert "No transaction yet" in lines(mallory)


def test_the_list_goes_on_over_pages_newest_first(anna: Person) -> None:
    newest, oldest = many(anna, 25)

    assert newest in lines(anna)
    assert oldest not in lines(anna)
    assert oldest in lines(anna, "?page=2")
    assert 'rel="next"' in lines(anna)


@pytest.mark.parametrize("number", ["0", "-1", "99", "x", "1e9", "%00"])
def test_a_page_that_is_not_there_is_the_nearest_one(anna: Person, number: str) -> None:
    anna.open()

    assert "1,250.00" in lines(anna, f"?page={number}")


def test_a_full_list_takes_no_more_queries(
    anna: Person, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    many(anna, 25)
    browser = browser_of(anna)

    with django_assert_max_num_queries(LIST_QUERIES):
        browser.get("/transactions")


def many(person: Person, count: int) -> tuple[str, str]:
    """Have a person have written many transactions; return the newest's and the oldest's id."""
    step = step_row(person.open(PAYMENT))
    ids = [str(step.transaction)]
    for number in range(1, count):
        chain = Transaction.objects.get(pk=step.transaction_id)
        chain.pk, chain.tx = None, number.to_bytes(8)
        chain.save()
        copy = Step.objects.get(pk=step.pk)
        copy.pk, copy.transaction, copy.s = None, chain, number.to_bytes(32)
        copy.state, copy.slot = "cancelled", 0
        copy.save()
        ids.append(str(chain))
    return ids[-1], ids[0]
