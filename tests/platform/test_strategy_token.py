"""A charge that a dynamic token confirms: its step is a link of a chain."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.ledger.services import pay_out
from billing.packages.models import BillingRequest
from billing.packages.services import proving_token
from billing.packages.services.proving_token import settle_requests
from common.errors import DomainError
from enrolment.models import AuthserverHost
from tests.platform.applications import Application, Biller
from tests.platform.ledger import money
from tests.platform.proving import (
    Waiting,
    assert_charged,
    is_uncharged,
    want,
    withdrawals,
)
from tests.platform.shopping import ready_to_pay
from tests.platform.world import Person, now, seconds_ago, unreachable
from transactions.models import Transaction
from transactions.services import reconcile_steps


@pytest.fixture
def waiting(anna: Person) -> Waiting:
    """Anna's sword, which waits for her token."""
    ready_to_pay(anna)
    return Waiting.on(Application.make(), Biller.of(anna), "token")


def asked(waiting: Waiting) -> dict[str, str]:
    """Ask Anna's token; return the step as her API shows it."""
    person = waiting.biller.person
    answer = waiting.post("token", {"token": person.token.serial})
    assert answer.status == 201, answer
    return dict(person.get(f"/steps/{answer.body['step']}"))


def test_the_tokens_signature_charges_and_closes_the_chain(waiting: Waiting) -> None:
    step = asked(waiting)
    assert is_uncharged(waiting.biller.person)
    waiting.biller.person.sign(step)
    assert_charged(waiting, waiting.biller.gadget.call("GET", f"/billing/requests/{waiting.uid}"))
    assert Transaction.objects.get(tx=waiting.row.transaction).state == "closed"


def test_the_token_shows_amount_payee_item_and_request(waiting: Waiting) -> None:
    demand = waiting.biller.person.look(asked(waiting)).statement.demand
    developer = waiting.application.developer
    assert (demand.amount, demand.currency) == (250, "EUR")
    assert demand.payee_account == developer.account
    assert demand.text == "Golden sword (Dragons)"
    assert demand.reference == waiting.uid


def test_a_declined_step_ends_the_request_uncharged(waiting: Waiting) -> None:
    step = asked(waiting)
    waiting.biller.person.post(f"/steps/{step['id']}/decline", {"reason": "not mine"})
    assert waiting.state == "cancelled"
    assert is_uncharged(waiting.biller.person)


def test_calling_the_charge_off_ends_the_step(waiting: Waiting) -> None:
    step = asked(waiting)
    assert waiting.post("cancel").body["state"] == "cancelled"
    assert waiting.biller.person.get(f"/steps/{step['id']}")["state"] == "cancelled"


def test_a_step_that_nobody_answered_ends_the_request(waiting: Waiting) -> None:
    with seconds_ago(400):
        asked(waiting)
    reconcile_steps(now=now())
    assert waiting.state == "cancelled"
    assert is_uncharged(waiting.biller.person)


def test_a_token_is_asked_once(waiting: Waiting) -> None:
    first, second = asked(waiting), asked(waiting)
    assert first["id"] == second["id"]
    assert waiting.get("strategy")["others"] == []
    answer = waiting.post("strategy", {"strategy": "passkey"})
    assert answer.refusal == (409, "strategy_unavailable")


def test_what_cannot_be_asked_leaves_the_request_as_it_was(waiting: Waiting, ben: Person) -> None:
    ends = waiting.row.expires_at
    answer = waiting.post("token", {"token": ben.token.serial})
    assert answer.refusal[1] == "token_not_paired"
    assert (waiting.row.transaction, waiting.row.expires_at) == (None, ends)
    asked(waiting)


def test_nobody_else_asks_the_token(waiting: Waiting, ben: Person) -> None:
    answer = waiting.post("token", {"token": ben.token.serial}, by=ben)
    assert answer.refusal == (404, "not_found")


def test_without_a_token_nothing_as_strict_is_open(host: AuthserverHost, dora: Person) -> None:
    ready_to_pay(dora)
    biller = Biller.of(dora)
    application = Application.make()
    want("token", application.package)
    assert biller.bill(application).refusal == (409, "strategy_unavailable")


def test_a_signed_step_that_the_wallet_cannot_pay_is_told_as_rejected(waiting: Waiting) -> None:
    step = asked(waiting)
    person = waiting.biller.person
    pay_out(holder=person.holder, amount=9_900, currency="EUR", key="out", now=now())
    person.sign(step)
    assert (waiting.state, waiting.row.reason) == ("rejected", "funds_insufficient")
    assert money(waiting.application.developer) == {}


@withdrawals
def test_for_an_application_that_was_withdrawn_no_token_is_asked(
    waiting: Waiting, withdraw: Callable[[Application], None], refusal: tuple[int, str]
) -> None:
    withdraw(waiting.application)
    answer = waiting.post("token", {"token": waiting.biller.person.token.serial})
    assert answer.refusal == refusal
    assert waiting.row.transaction is None


@withdrawals
def test_a_step_that_is_signed_after_the_application_was_withdrawn_charges_nothing(
    waiting: Waiting, withdraw: Callable[[Application], None], refusal: tuple[int, str]
) -> None:
    step = asked(waiting)
    withdraw(waiting.application)
    waiting.biller.person.sign(step)
    assert (waiting.state, waiting.row.reason) == ("rejected", refusal[1])
    assert is_uncharged(waiting.biller.person)


def test_what_was_cut_off_before_the_step_is_given_up_after_a_while(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(proving_token, "open_transaction", gone)
    with pytest.raises(KeyboardInterrupt):
        proving_token.ask_token(
            waiting.row, serial=waiting.biller.person.token.serial, permit=None, now=now()
        )
    assert settle_requests(now=now() + timedelta(minutes=14)) == 0
    assert settle_requests(now=now() + timedelta(minutes=16)) == 1
    assert waiting.state == "cancelled"


def test_the_worker_settles_what_could_not_be_charged_at_once(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TroubleError(DomainError):
        status = 503

    def broken(*_: object, **__: object) -> None:
        raise TroubleError

    step = asked(waiting)
    with monkeypatch.context() as patched:
        patched.setattr(proving_token, "capture", broken)
        waiting.biller.person.sign(step)
        assert waiting.state == "awaiting_token"
    assert settle_requests(now=now()) == 1
    assert waiting.state == "captured"
    assert settle_requests(now=now()) == 0
    assert money(waiting.biller.person) == {"wallet": 9_750}


def test_a_row_that_was_changed_is_not_charged_though_the_step_is_signed(
    waiting: Waiting,
) -> None:
    step = asked(waiting)
    BillingRequest.objects.update(amount=9_000)
    waiting.biller.person.sign(step)
    assert waiting.state == "rejected"
    assert is_uncharged(waiting.biller.person)


def test_while_the_host_is_away_calling_it_off_is_tried_again(
    waiting: Waiting, host: AuthserverHost
) -> None:
    asked(waiting)
    with unreachable(host):
        assert waiting.post("cancel").refusal[0] == 503
    assert waiting.state == "awaiting_token"
