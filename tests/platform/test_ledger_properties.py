"""Whatever is done in whatever order: no money is made, none is lost, and the books are right."""

from itertools import count

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.ledger import services
from billing.ledger.models import LedgerAccount, Payment
from billing.ledger.verification import faults
from common.errors import DomainError
from tests.platform.world import Person, now

AMOUNTS = st.integers(-1, 500)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["top_up", "pay_out"]), st.booleans(), AMOUNTS),
    st.tuples(st.sampled_from(["hold", "pay"]), st.booleans(), AMOUNTS),
    st.tuples(st.sampled_from(["capture", "release", "refund"]), st.integers(0, 5), AMOUNTS),
)
fresh = count()


def take(step: tuple[str, int, int], people: list[Person], payments: list[Payment]) -> None:
    """Do one thing, which may be refused."""
    what, which, amount = step
    key, moment = f"key {next(fresh)}", now()
    one, other = (people[which % 2].holder, people[1 - which % 2].holder)
    if what in ("top_up", "pay_out"):
        getattr(services, what)(holder=one, amount=amount, currency="EUR", key=key, now=moment)
    elif what in ("hold", "pay"):
        payments.append(
            getattr(services, what)(
                payer=one,
                payee=other,
                amount=amount,
                currency="EUR",
                reference="thing",
                key=key,
                now=moment,
            )
        )
    elif payments:
        uid = bytes(payments[which % len(payments)].uid)
        more = {"amount": amount, "key": key} if what == "refund" else {}
        getattr(services, what)(uid, now=moment, **more)


@pytest.mark.django_db
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(STEPS, max_size=25))
def test_the_books_are_right_after_anything(steps: list[tuple[str, int, int]]) -> None:
    people = [Person.make(f"Bea{next(fresh)}"), Person.make(f"Sam{next(fresh)}")]
    payments: list[Payment] = []
    for step in steps:
        try:
            take(step, people, payments)
        except DomainError:
            continue
    assert list(faults()) == []
    assert LedgerAccount.objects.aggregate(all=Sum("balance"))["all"] in (None, 0)
