"""What the policy allows a token to be asked."""

import pytest

from enrolment import selectors
from enrolment.models import Policy, Token
from tests.platform.composing import NEW, beside, form
from tests.platform.operators import browser_of, text
from tests.platform.policies import set_policy
from tests.platform.world import APPROVAL, PAYMENT, TYPED_SUITE, Person, step_row
from transactions.models import Step

pytestmark = pytest.mark.django_db


@pytest.fixture
def typist(mallory: Person) -> Person:
    """A holder whose only token has a keypad."""
    mallory.enrol(TYPED_SUITE)
    return mallory


def lifetime(step: Step) -> float:
    return (step.expires_at - step.issued_at).total_seconds()


def test_amount_above_the_limit_is_refused_for_a_typed_token(typist: Person) -> None:
    set_policy(typed_limits={"EUR": 100_000})
    assert typist.try_open(PAYMENT).refusal == (422, "amount_above_limit")
    assert not Step.objects.filter(kind=1).exists()
    assert typist.try_open({**PAYMENT, "amount": 100_000}).status == 201


def test_refusal_of_an_amount_names_the_limit(typist: Person) -> None:
    set_policy(typed_limits={"EUR": 100_000})
    refused = typist.try_open(PAYMENT).body
    assert (refused["limit"], refused["currency"], refused["field"]) == (100_000, "EUR", "amount")


def test_limit_in_one_currency_bars_all_currencies_without_one(typist: Person) -> None:
    set_policy(typed_limits={"USD": 100_000})
    assert typist.try_open({**PAYMENT, "amount": 1}).refusal == (422, "amount_above_limit")


def test_demand_without_an_amount_has_no_limit(typist: Person) -> None:
    set_policy(typed_limits={"EUR": 1})
    assert typist.try_open(APPROVAL).status == 201


def test_token_that_shows_everything_has_no_limit(anna: Person) -> None:
    set_policy(typed_limits={"EUR": 1}, typed_kinds=[])
    assert anna.try_open(PAYMENT).status == 201


def test_kind_that_is_barred_is_refused_for_a_typed_token(typist: Person) -> None:
    set_policy(typed_kinds=["approval"])
    assert typist.try_open(PAYMENT).refusal == (422, "kind_not_allowed")
    assert typist.try_open(APPROVAL).status == 201


def test_typed_token_is_activated_though_every_kind_is_barred(mallory: Person) -> None:
    set_policy(typed_kinds=[], typed_limits={"EUR": 1}, max_ttl_seconds=60, ttl_seconds=60)
    mallory.enrol(TYPED_SUITE)
    assert Token.objects.get(holder=mallory.holder).state == "active"


def test_challenge_lives_as_long_as_the_policy_says_when_nothing_is_said(anna: Person) -> None:
    set_policy(ttl_seconds=90)
    assert lifetime(step_row(anna.open())) == 90


def test_challenge_that_would_live_too_long_is_refused(anna: Person) -> None:
    set_policy(max_ttl_seconds=200)
    assert anna.try_open(ttl=201).refusal == (422, "lifetime_above_limit")
    assert anna.try_open(ttl=200).status == 201


def test_token_has_as_many_open_challenges_as_the_policy_says(anna: Person) -> None:
    set_policy(open_challenges=1)
    anna.open()
    assert anna.try_open().refusal == (429, "too_many_challenges")


def test_later_step_is_bound_by_the_policy_as_well(anna: Person, typist: Person) -> None:
    receipt = anna.sign(anna.open())
    set_policy(typed_kinds=["approval"])
    assert typist.try_follow(receipt, PAYMENT).refusal == (422, "kind_not_allowed")


def test_form_says_the_limits_before_anything_is_sent(typist: Person) -> None:
    set_policy(typed_limits={"EUR": 100_000, "JPY": 5000}, typed_kinds=["payment", "approval"])
    page = text(browser_of(typist).get(NEW))
    assert "at most 1,000.00\u00a0EUR, 5,000\u00a0JPY" in page
    assert "only: Payment, Approval" in page


def test_form_offers_no_longer_life_than_allowed(anna: Person) -> None:
    set_policy(ttl_seconds=90, max_ttl_seconds=240)
    page = text(browser_of(anna).get(NEW))
    assert '<option value="90" selected>' in page
    assert '<option value="180">' in page
    assert "10 minutes" not in page


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"typed_limits": {"EUR": 100_00}}, "amount", "more than may be signed with a token"),
        ({"typed_kinds": ["other"]}, "kind", "This token may not sign this"),
    ],
)
def test_form_says_beside_the_field_what_the_policy_forbids(
    typist: Person, fields: dict[str, object], field: str, told: str
) -> None:
    set_policy(**fields)
    answer = browser_of(typist).post(NEW, form(typist))
    assert answer.status_code == 422
    assert told in beside(answer, field)


def test_policy_that_another_process_changed_is_known_soon(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert selectors.policy().ttl_seconds == 180
    Policy.objects.create(ttl_seconds=90)
    assert selectors.policy().ttl_seconds == 180, "kept for a moment, so that no step asks anew"
    monkeypatch.setattr(selectors, "POLICY_KEPT_SECONDS", 0)
    assert selectors.policy().ttl_seconds == 90
