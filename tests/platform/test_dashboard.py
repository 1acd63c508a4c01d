"""/: what waits for a holder, the newest transactions and the tokens; and what waits, counted."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from enrolment.models import AuthserverHost
from tests.platform.operators import browser_of
from tests.platform.test_step_pages import stored
from tests.platform.world import Person, now, seconds_ago, step_row
from transactions.selectors import standing_of
from transactions.selectors_lists import to_continue

# Session, login, holder; what is to be answered and to be continued; three of the newest
# transactions; tokens; the numbers at the navigation.
DASHBOARD_QUERIES = 12


def home(person: Person) -> str:
    """Open a person's first page; return its text."""
    answer = browser_of(person).get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def counts(person: Person) -> dict[str, int]:
    """What the numbers at the navigation are."""
    return dict(browser_of(person).get("/waiting").json())


def waits(person: Person, step: dict[str, Any]) -> bool:
    """Whether a signed step waits for a person to continue; the two rules must agree."""
    row = step_row(step)
    row.transaction.refresh_from_db()
    standing = standing_of(transaction=row.transaction, holder=person.holder, now=now())
    is_listed = to_continue(holder=person.holder, now=now()).filter(pk=row.pk).exists()
    link = f"/continue/{row.public_receipt_id}"
    assert (link in home(person)) is is_listed
    assert is_listed is (standing.can_continue and standing.head == row)
    return is_listed


def test_whoever_is_not_signed_in_is_told_what_this_is(db: None) -> None:
    answer = Client().get("/")

    assert answer.status_code == 200
    assert "Make an account" in answer.content.decode()


def test_without_a_token_the_first_thing_is_to_enrol_one(mallory: Person) -> None:
    shown = home(mallory)

    assert 'href="/tokens/new"' in shown
    assert "First, you need a token" in shown


def test_without_a_transaction_the_first_thing_is_to_write_one(anna: Person) -> None:
    shown = home(anna)

    assert "No transaction yet" in shown
    assert 'class="button" href="/transactions/new"' in shown


def test_a_challenge_waits_until_it_is_answered(anna: Person) -> None:
    step = anna.open()

    assert "Answer with your token" in home(anna)
    assert f'href="/steps/{step["id"]}"' in home(anna)
    assert counts(anna)["waits"] == 1
    anna.sign(step)
    assert "Answer with your token" not in home(anna)
    assert counts(anna)["waits"] == 0


def test_a_challenge_past_its_time_does_not_wait(anna: Person) -> None:
    with seconds_ago(600):
        anna.open()

    assert "Answer with your token" not in home(anna)
    assert counts(anna)["waits"] == 0


@pytest.mark.parametrize("way", ["account", "email"])
def test_an_invitation_waits_until_it_is_taken_up(anna: Person, ben: Person, way: str) -> None:
    step = anna.open(next={way: getattr(ben, way)})
    receipt = anna.sign(step)

    assert waits(ben, step)
    assert not waits(anna, step)
    assert counts(ben)["waits"] == 1
    ben.sign(ben.follow(receipt))
    assert not waits(ben, step)
    assert counts(ben)["waits"] == 0


def test_an_invitation_to_anyone_waits_for_nobody(anna: Person, ben: Person) -> None:
    anna.sign(anna.open())

    assert counts(ben) == {"waits": 0, "unread": 0}


def test_an_invitation_does_not_wait_while_the_owner_holds_the_place(
    anna: Person, ben: Person, cora: Person
) -> None:
    first = anna.open(may_repeat_holder=True, next={"account": ben.account})
    receipt = anna.sign(first)
    step = anna.follow(receipt)

    assert not waits(ben, first)
    anna.post(f"/steps/{step['id']}/cancel")
    assert waits(ben, first)


def test_a_place_whose_time_is_up_is_free_again(anna: Person, ben: Person) -> None:
    first = anna.open(may_repeat_holder=True, next={"account": ben.account})
    receipt = anna.sign(first)
    with seconds_ago(50):
        anna.follow(receipt, ttl=30)

    assert waits(ben, first)


def test_an_invitation_given_up_twice_does_not_wait_any_more(anna: Person, ben: Person) -> None:
    step = anna.open(next={"account": ben.account})
    receipt = anna.sign(step)

    for is_waiting in (True, False):
        given_up = ben.follow(receipt)
        ben.post(f"/steps/{given_up['id']}/cancel")
        assert waits(ben, step) is is_waiting


def test_an_invitation_left_unanswered_twice_does_not_wait_any_more(
    anna: Person, ben: Person
) -> None:
    step = anna.open(next={"account": ben.account})
    receipt = anna.sign(step)
    ben.post(f"/steps/{ben.follow(receipt)['id']}/cancel")

    with seconds_ago(50):
        ben.follow(receipt, ttl=30)

    assert not waits(ben, step)


def test_an_invitation_to_a_closed_transaction_does_not_wait(anna: Person, ben: Person) -> None:
    step = anna.open(next={"account": ben.account})
    anna.sign(step)
    anna.post(f"/transactions/{step['transaction']}/close")

    assert not waits(ben, step)


def test_an_invitation_of_oneself_waits_only_where_one_may_repeat(anna: Person) -> None:
    for may_repeat in (False, True):
        step = anna.open(next={"account": anna.account}, may_repeat_holder=may_repeat)
        anna.sign(step)
        assert waits(anna, step) is may_repeat


def test_what_is_unread_is_counted_apart(anna: Person, ben: Person) -> None:
    anna.sign(anna.open(next={"account": ben.account}))

    assert counts(ben) == {"waits": 1, "unread": 1}
    shown = home(ben)
    assert '<span class="count" data-count="waits">1</span>' in shown
    assert '<span class="count" data-count="unread">1</span>' in shown


def test_nobody_is_told_of_nothing(db: None) -> None:
    assert Client().get("/waiting").json() == {"waits": 0, "unread": 0}


def test_the_newest_transactions_and_all_tokens_are_listed(anna: Person) -> None:
    steps = [anna.open() for _ in range(3)]

    shown = home(anna)

    for step in steps:
        assert f"/transactions/{step['transaction']}" in shown
    assert f"/tokens/{anna.token.serial}" in shown
    assert 'href="/transactions"' in shown


def test_looking_at_the_first_page_changes_nothing(anna: Person, ben: Person) -> None:
    anna.sign(anna.open(next={"account": ben.account}))
    home(ben)
    before = stored()

    home(ben)
    counts(ben)

    assert stored() == before


def test_the_first_page_takes_few_queries(
    anna: Person,
    ben: Person,
    host: AuthserverHost,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(3):
        anna.sign(anna.open(next={"account": ben.account}))
    ben.open()
    browser = browser_of(ben)

    with django_assert_max_num_queries(DASHBOARD_QUERIES):
        browser.get("/")
    # Session, login, holder; answers, continuations, notices.
    with django_assert_max_num_queries(6):
        browser.get("/waiting")
