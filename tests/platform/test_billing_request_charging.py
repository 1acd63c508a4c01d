"""What ends a billing request: charged once, refused, paid back once, or over."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from audit.models import AuditRow
from billing.ledger.errors import FundsInsufficientError
from billing.ledger.models import Spending
from billing.ledger.services import freeze, pay_out, verify_ledger
from billing.packages.errors import (
    NotCapturedError,
    RequestClosedError,
    RequestExpiredError,
)
from billing.packages.models import BillingRequest as Row
from billing.packages.models import Nonce
from billing.packages.services.caps import set_cap
from billing.packages.services.charging import capture, refund_charge
from billing.packages.services.finish import expire_requests, finish_requests
from billing.packages.services.terminals import forget_nonces
from binding.errors import CarrierUnavailableError
from binding.services import remove_device
from common.errors import DomainError
from notices.models import Notice
from protocol.receipt import identity
from tests.platform.applications import Application, Biller
from tests.platform.ledger import money, rich
from tests.platform.operators import operator
from tests.platform.phones import sms_to
from tests.platform.proving import abandon, revoke
from tests.platform.world import Person, now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone_keys")]


@pytest.fixture
def payer() -> Person:
    return rich("Anna", 10_000)


def waiting(biller: Biller, dragons: Application, **changes: Any) -> Row:
    assert biller.bill(dragons, **changes).status == 202
    return Row.objects.latest("pk")


def charge(row: Row) -> Row:
    return capture(row.pk, from_state="awaiting_paypass", now=now())


def test_money_receipt_limits_notice_and_audit_come_with_the_charge(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    charged = charge(waiting(biller, dragons))
    assert charged.state == "captured"
    assert bytes(charged.receipt_id or b"") == identity(bytes(charged.receipt or b""))
    assert money(payer) == {"wallet": 9_750}
    assert money(dragons.developer) == {"earnings": 250}
    assert set(Spending.objects.values_list("spent", flat=True)) == {250}
    assert Notice.objects.filter(kind="charged", holder=payer.holder).count() == 1
    assert AuditRow.objects.filter(action="charge.captured").count() == 1
    assert charged == Row.objects.get(state="captured")


def test_a_request_is_charged_once(dragons: Application, biller: Biller, payer: Person) -> None:
    row = waiting(biller, dragons)
    charge(row)
    with pytest.raises(RequestClosedError):
        charge(row)
    assert money(payer) == {"wallet": 9_750}
    assert Spending.objects.filter(scope="apps", spent=250).count() == 2


def test_what_waits_for_another_proof_is_not_charged(dragons: Application, biller: Biller) -> None:
    row = waiting(biller, dragons)
    for state in ("verified", "awaiting_captcha"):
        with pytest.raises(RequestClosedError):
            capture(row.pk, from_state=state, now=now())


def test_a_proof_that_comes_too_late_charges_nothing(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    row = waiting(biller, dragons)
    with pytest.raises(RequestExpiredError):
        capture(row.pk, from_state=row.state, now=row.expires_at)
    assert money(payer) == {"wallet": 10_000}


def no_funds(dragons: Application, payer: Person) -> None:
    rest = payer.holder
    pay_out(holder=rest, amount=9_900, currency="EUR", key="all", now=now())


def too_much(dragons: Application, payer: Person) -> None:
    set_cap(holder=payer.holder, currency="EUR", day=249, month=9_999, now=now())


def frozen(dragons: Application, payer: Person) -> None:
    freeze(holder=payer.holder, operator=operator("Olga").holder, now=now())


def revoked(dragons: Application, payer: Person) -> None:
    revoke(dragons)


def left(dragons: Application, payer: Person) -> None:
    abandon(dragons)


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (no_funds, "funds_insufficient"),
        (too_much, "cap_exceeded"),
        (frozen, "account_frozen"),
        (revoked, "build_revoked"),
        (left, "package_unknown"),
    ],
)
def test_a_charge_that_cannot_be_made_changes_nothing(
    dragons: Application,
    biller: Biller,
    payer: Person,
    happens: Callable[[Application, Person], None],
    code: str,
) -> None:
    row = waiting(biller, dragons)
    happens(dragons, payer)
    before = money(payer)
    with pytest.raises(DomainError) as refused:
        charge(row)
    assert refused.value.code == code
    assert money(payer) == before
    assert not Spending.objects.filter(spent__gt=0).exists()
    row.refresh_from_db()
    assert (row.state, row.receipt) == ("awaiting_paypass", None)


def test_developers_cannot_pay_themselves(dragons: Application) -> None:
    row = waiting(Biller.of(dragons.developer), dragons)
    with pytest.raises(DomainError) as refused:
        charge(row)
    assert refused.value.code == "own_payee"


def test_a_charge_is_paid_back_once_and_gives_no_limit_back(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    row = charge(waiting(biller, dragons))
    refund_charge(row, by=dragons.developer.holder, now=now())
    with pytest.raises(NotCapturedError):
        refund_charge(row, by=dragons.developer.holder, now=now())
    row.refresh_from_db()
    assert row.state == "refunded"
    assert money(payer) == {"wallet": 10_000}
    assert money(dragons.developer) == {}
    assert Spending.objects.filter(scope="apps", spent=250).count() == 2
    assert verify_ledger(actor="system", now=now()) == []


def test_what_was_not_charged_is_not_paid_back(dragons: Application, biller: Biller) -> None:
    row = waiting(biller, dragons)
    with pytest.raises(NotCapturedError):
        refund_charge(row, by=dragons.developer.holder, now=now())


def test_nothing_is_paid_back_that_the_developer_has_not_got(
    dragons: Application, biller: Biller
) -> None:
    row = charge(waiting(biller, dragons))
    developer = dragons.developer.holder
    pay_out(holder=developer, amount=250, currency="EUR", key="all", now=now())
    with pytest.raises(FundsInsufficientError):
        refund_charge(row, by=developer, now=now())
    row.refresh_from_db()
    assert row.state == "captured"


def test_what_nobody_proved_in_time_is_over(dragons: Application, biller: Biller) -> None:
    row = waiting(biller, dragons)
    charged = charge(waiting(biller, dragons))
    assert expire_requests(now=row.expires_at - timedelta(seconds=1)) == 0
    assert expire_requests(now=row.expires_at) == 1
    assert expire_requests(now=row.expires_at) == 0
    row.refresh_from_db()
    charged.refresh_from_db()
    assert (row.state, charged.state) == ("expired", "captured")
    assert AuditRow.objects.get(action="charge.expired").subject == row.public_id


def test_what_a_removed_device_asked_for_is_not_charged(
    dragons: Application, biller: Biller, payer: Person
) -> None:
    row = waiting(biller, dragons)
    remove_device(holder=payer.holder, uid=bytes(biller.gadget.row.uid), now=now())
    row.refresh_from_db()
    assert row.state == "cancelled"
    with pytest.raises(RequestClosedError):
        charge(row)


def test_nonces_are_forgotten_when_they_are_over(biller: Biller) -> None:
    biller.nonce()
    assert forget_nonces(now=now()) == 0
    assert forget_nonces(now=now() + timedelta(days=31)) == 20
    assert not Nonce.objects.exists()


@pytest.fixture
def phone(payer: Person) -> Biller:
    return Biller.bound(payer)


class _Carrier:
    """Says what it is told to say, or nothing."""

    def __init__(self, answer: bool | None) -> None:  # noqa: FBT001  # what it says
        self.answer = answer

    def was_swapped(self, number: str, *, within_hours: int) -> bool:
        if self.answer is None:
            raise CarrierUnavailableError
        return self.answer


def test_a_charge_by_sms_waits_while_the_carrier_gives_no_answer(
    dragons: Application, phone: Biller, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = phone.bill_by_sms(dragons)
    monkeypatch.setattr("binding.services.swaps.carrier", lambda: _Carrier(None))
    assert finish_requests(now=now()) == 0
    asked.refresh_from_db()
    assert asked.state == "verified"
    monkeypatch.setattr("binding.services.swaps.carrier", lambda: _Carrier(answer=False))
    assert finish_requests(now=now()) == 1
    asked.refresh_from_db()
    assert asked.state == "captured"


def test_a_charge_by_sms_of_a_swapped_sim_is_refused(
    dragons: Application, phone: Biller, monkeypatch: pytest.MonkeyPatch, payer: Person
) -> None:
    asked = phone.bill_by_sms(dragons)
    monkeypatch.setattr("binding.services.swaps.carrier", lambda: _Carrier(answer=True))
    assert finish_requests(now=now()) == 1
    asked.refresh_from_db()
    assert (asked.state, asked.reason) == ("rejected", "sim_recently_swapped")
    assert money(payer) == {"wallet": 10_000}


def test_a_charge_by_sms_that_the_wallet_cannot_pay_is_refused_by_sms(
    dragons: Application, phone: Biller, payer: Person
) -> None:
    asked = phone.bill_by_sms(dragons)
    pay_out(holder=payer.holder, amount=9_900, currency="EUR", key="out", now=now())
    assert finish_requests(now=now()) == 1
    asked.refresh_from_db()
    assert (asked.state, asked.reason) == ("rejected", "funds_insufficient")
    assert phone.phone is not None
    assert sms_to(phone.phone.sim.number).startswith("Not paid.")


def test_a_verified_request_that_the_carrier_kept_waiting_expires(
    dragons: Application, phone: Biller
) -> None:
    asked = phone.bill_by_sms(dragons)
    late = asked.expires_at + timedelta(seconds=1)
    assert finish_requests(now=late) == 0
    assert expire_requests(now=late) == 1
