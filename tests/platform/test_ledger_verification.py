"""verify_ledger: right after whatever the services do, and exact after an edit by hand."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from audit.models import AuditRow
from billing.ledger import services
from billing.ledger.models import Entry, Journal, LedgerAccount, Movement, Payment
from billing.ledger.verification import faults
from tests.platform.ledger import Slow, rich
from tests.platform.world import Person, now

DROP = {
    "sqlite": "DROP TRIGGER ledger_{0}_no_update; DROP TRIGGER ledger_{0}_no_delete",
    "postgresql": "DROP TRIGGER ledger_{0}_append_only ON ledger_{0}",
}


def run_sql(statements: str, *values: int) -> None:
    with connection.cursor() as cursor:
        for statement in statements.split(";"):
            cursor.execute(statement, values or None)


def drop_triggers() -> None:
    """Let the next statement change what nothing changes."""
    for table in ("journal", "entry"):
        run_sql(DROP[connection.vendor].format(table))


@pytest.fixture
def payment(db: None) -> Payment:
    """A captured payment with a refund, beside others in every state."""
    bea, sam = rich("Bea", 1000), Person.make("Sam")
    named: dict[str, Any] = {
        "payer": bea.holder,
        "payee": sam.holder,
        "currency": "EUR",
        "now": now(),
    }
    kept = services.pay(amount=300, reference="a", key="a", **named)
    services.refund(bytes(kept.uid), amount=100, key="r", now=now())
    services.hold(amount=200, reference="b", key="b", **named)
    gone = services.hold(amount=50, reference="c", key="c", **named)
    services.release(bytes(gone.uid), now=now())
    services.pay_out(holder=sam.holder, amount=150, currency="EUR", key="o", now=now())
    kept.refresh_from_db()
    return kept


def verified() -> str:
    """Run the command; return what it said, which must be about a fault."""
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_ledger", stdout=out)
    return out.getvalue()


def test_what_the_services_book_is_right(payment: Payment) -> None:
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert out.getvalue() == "the ledger is right\n"


def test_each_verification_is_on_record(payment: Payment) -> None:
    services.verify_ledger(actor="system", now=now())
    LedgerAccount.objects.filter(kind="wallet").update(balance=1)
    services.verify_ledger(actor="system", now=now())
    rows = AuditRow.objects.filter(action="ledger.verified").order_by("pk")
    assert [row.code for row in rows] == ["", "ledger_faulty"]


@pytest.mark.parametrize("table", ["journal", "entry"])
@pytest.mark.parametrize("change", ["UPDATE ledger_{0} SET id = id", "DELETE FROM ledger_{0}"])
def test_no_journal_is_ever_changed(payment: Payment, table: str, change: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run_sql(change.format(f"{table} "))


@pytest.mark.parametrize("table", ["journal", "entry"])
def test_no_journal_is_emptied_or_replaced(payment: Payment, table: str) -> None:
    if connection.vendor == "postgresql":
        # What waits to be checked would refuse it as well.
        change = "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE ledger_{0} CASCADE"
    else:
        change = "INSERT OR REPLACE INTO ledger_{0} SELECT * FROM ledger_{0}"
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        run_sql(change.format(table))


def test_a_balance_edited_by_hand_is_named(payment: Payment) -> None:
    account = LedgerAccount.objects.get(kind="earnings")
    run_sql("UPDATE ledger_ledgeraccount SET balance = balance + 1 WHERE id = %s", account.pk)
    assert verified() == (
        f"ledger_ledgeraccount {account.pk}: its balance is 51, its entries come to 50\n"
    )


def test_an_entry_edited_by_hand_is_named_with_all_that_it_belongs_to(payment: Payment) -> None:
    drop_triggers()
    entry = Entry.objects.filter(journal__kind="capture", amount__gt=0).get()
    run_sql("UPDATE ledger_entry SET amount = 299 WHERE id = %s", entry.pk)
    said = verified()
    assert f"ledger_journal {entry.journal_id}: its entries come to -1 EUR, not to zero" in said
    assert f"ledger_ledgeraccount {entry.account_id}: " in said
    assert f"ledger_payment {payment.pk} (" in said


def test_a_journal_without_entries_is_named(payment: Payment) -> None:
    drop_triggers()
    journal = Journal.objects.get(kind="refund")
    run_sql("DELETE FROM ledger_entry WHERE journal_id = %s", journal.pk)
    assert f"ledger_journal {journal.pk}: it has no entries" in verified()


@pytest.mark.parametrize(
    "change",
    [
        {"state": "released", "refunded": 0},
        {"state": "held", "refunded": 0},
        {"refunded": 101},
        {"refunded": 0},
        {"amount": 301},
        {"currency": "USD"},
        {"payee": F("payer")},
    ],
)
def test_a_payment_edited_by_hand_is_named(payment: Payment, change: dict[str, Any]) -> None:
    Payment.objects.filter(pk=payment.pk).update(**change)
    lines = verified().splitlines()
    assert lines
    assert all(line.startswith(f"ledger_payment {payment.pk} (") for line in lines)


@pytest.mark.parametrize("change", [{"state": "failed"}, {"amount": 1}, {"direction": "in"}])
def test_a_payout_edited_by_hand_is_named(payment: Payment, change: dict[str, Any]) -> None:
    movement = Movement.objects.get(direction="out")
    Movement.objects.filter(pk=movement.pk).update(**change)
    assert f"ledger_movement {movement.pk} (" in verified()


@pytest.mark.parametrize("change", [{"state": "pending"}, {"amount": 1}, {"direction": "out"}])
def test_a_top_up_edited_by_hand_is_named(payment: Payment, change: dict[str, Any]) -> None:
    movement = Movement.objects.get(direction="in")
    Movement.objects.filter(pk=movement.pk).update(**change)
    assert f"ledger_movement {movement.pk} (" in verified()


def test_a_payment_deleted_by_hand_leaves_journals_that_are_named(payment: Payment) -> None:
    numbers = Journal.objects.filter(reference=bytes(payment.uid).hex()).values_list("pk")
    run_sql("DELETE FROM ledger_payment WHERE id = %s", payment.pk)
    assert re.findall(r"ledger_journal (\d+): .* is gone", verified()) == [
        str(number) for (number,) in numbers.order_by("pk")
    ]


@pytest.mark.parametrize("reference", ["", "not hex", "00"])
def test_a_journal_for_nothing_is_named(payment: Payment, reference: str) -> None:
    journal = Journal.objects.create(
        idempotency_key="x", kind="refund", reference=reference, at=now()
    )
    assert f"ledger_journal {journal.pk}: what it is for, {reference}, is gone" in verified()


def test_missing_triggers_are_named(payment: Payment) -> None:
    drop_triggers()
    assert verified().count("it is missing, so journals can be changed") in (2, 4)


@pytest.mark.parametrize("outcome", list(Movement.State))
def test_movements_are_right_however_they_end(
    db: None, monkeypatch: pytest.MonkeyPatch, outcome: Movement.State
) -> None:
    bea = rich("Bea", 1000)
    monkeypatch.setattr("billing.ledger.services.movements.provider", lambda: Slow(outcome))
    services.top_up(holder=bea.holder, amount=5, currency="EUR", key="in", now=now())
    services.pay_out(holder=bea.holder, amount=70, currency="EUR", key="out", now=now())
    assert list(faults()) == []
