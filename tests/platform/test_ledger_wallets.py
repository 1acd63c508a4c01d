"""The payment password, its lock, and what freezing does."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from billing.ledger import selectors, services
from billing.ledger.errors import (
    PaypassLockedError,
    PaypassNotSetError,
    PaypassWeakError,
    PaypassWrongError,
)
from billing.ledger.models import Wallet
from billing.ledger.services import wallets
from notices.models import Notice
from tests.platform.world import Person

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
# As it is before conftest.py makes it cheap.
HASHER = wallets._HASHER
GOOD, WRONG = "violet-otter-3", "violet-otter-4"


@pytest.fixture
def dora(dora: Person) -> Person:
    services.set_payment_password(holder=dora.holder, password=GOOD, now=NOON)
    return dora


def check(person: Person, password: str, after: timedelta = timedelta()) -> None:
    services.check_payment_password(holder=person.holder, password=password, now=NOON + after)


def lock(person: Person, after: timedelta = timedelta()) -> PaypassLockedError:
    """Type it wrong until it is locked."""
    for left in (4, 3, 2, 1):
        with pytest.raises(PaypassWrongError) as wrong:
            check(person, WRONG, after)
        assert wrong.value.extra == {"tries_left": left}
    with pytest.raises(PaypassLockedError) as locked:
        check(person, WRONG, after)
    return locked.value


def test_the_right_password_passes(dora: Person) -> None:
    check(dora, GOOD)


def test_nobody_passes_before_a_password_is_set(db: None) -> None:
    with pytest.raises(PaypassNotSetError):
        check(Person.make("Nora"), GOOD)


def test_the_password_is_stored_by_argon2id_with_the_parameters_of_owasp(
    dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallets, "_HASHER", HASHER)
    services.set_payment_password(holder=dora.holder, password=GOOD, now=NOON)
    stored = Wallet.objects.get(holder=dora.holder).password
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_fifth_wrong_password_locks_for_fifteen_minutes(dora: Person) -> None:
    until = NOON + timedelta(minutes=15)
    assert lock(dora).extra == {"until": int(until.timestamp())}
    with pytest.raises(PaypassLockedError):
        check(dora, GOOD, timedelta(minutes=14, seconds=59))
    check(dora, GOOD, timedelta(minutes=15))


def test_each_further_lock_is_twice_as_long(dora: Person) -> None:
    lock(dora)
    again = timedelta(minutes=15)
    assert lock(dora, again).extra["until"] == int((NOON + 3 * again).timestamp())


def test_the_right_password_ends_the_doubling(dora: Person) -> None:
    lock(dora)
    later = timedelta(minutes=15)
    check(dora, GOOD, later)
    assert lock(dora, later).extra["until"] == int((NOON + 2 * later).timestamp())


def test_no_lock_is_longer_than_eleven_days(dora: Person) -> None:
    Wallet.objects.update(lock_level=30_000)
    assert lock(dora).extra["until"] < int((NOON + timedelta(days=11)).timestamp())


def test_the_holder_is_told_of_a_lock_once(dora: Person) -> None:
    lock(dora)
    with pytest.raises(PaypassLockedError):
        check(dora, WRONG)
    assert Notice.objects.filter(kind="paypass_locked", holder=dora.holder).count() == 1


def test_a_new_password_opens_the_lock_and_ends_the_old_one(dora: Person) -> None:
    lock(dora)
    services.set_payment_password(holder=dora.holder, password="amber-lynx-77", now=NOON)
    check(dora, "amber-lynx-77")
    with pytest.raises(PaypassWrongError):
        check(dora, GOOD)


def test_a_password_is_the_same_however_its_letters_are_composed(db: None) -> None:
    nora = Person.make("Nora")
    services.set_payment_password(holder=nora.holder, password="gr\u00fcnspan", now=NOON)
    check(nora, "gru\u0308nspan")


@pytest.mark.parametrize(
    "weak", ["", "12345", "111111", "123456", "987654", "password", "Qwerty", "x" * 65]
)
def test_what_everybody_tries_first_is_no_payment_password(dora: Person, weak: str) -> None:
    with pytest.raises(PaypassWeakError):
        services.set_payment_password(holder=dora.holder, password=weak, now=NOON)
    check(dora, GOOD)


@pytest.mark.parametrize("odd", ["", "\0", "\ud800", "x" * 100_000])
def test_no_input_is_more_than_wrong(dora: Person, odd: str) -> None:
    with pytest.raises(PaypassWrongError):
        check(dora, odd)


def test_a_try_inside_a_transaction_would_not_count_so_there_is_none(
    dora: Person,
) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        check(dora, GOOD)


def test_the_first_payment_password_takes_that_of_the_sign_in(db: None) -> None:
    nora = Person.make("Nora")
    nora.holder.user.set_password("sign-in-of-nora")
    with pytest.raises(PaypassWrongError):
        services.change_payment_password(
            holder=nora.holder, current="guess", password=GOOD, now=NOON
        )
    assert not selectors.has_payment_password(nora.holder.pk)
    services.change_payment_password(
        holder=nora.holder, current="sign-in-of-nora", password=GOOD, now=NOON
    )
    check(nora, GOOD)


def test_a_change_takes_the_payment_password_before(dora: Person) -> None:
    dora.holder.user.set_password("sign-in-of-dora")
    with pytest.raises(PaypassWrongError):
        services.change_payment_password(
            holder=dora.holder, current="sign-in-of-dora", password="amber-lynx-77", now=NOON
        )
    services.change_payment_password(
        holder=dora.holder, current=GOOD, password="amber-lynx-77", now=NOON
    )
    check(dora, "amber-lynx-77")


def test_freezing_tells_the_holder_once_and_is_on_record(dora: Person, olga: Person) -> None:
    for _ in range(2):
        services.freeze(holder=dora.holder, operator=olga.holder, now=NOON)
    assert selectors.is_frozen(dora.holder.pk)
    for _ in range(2):
        services.thaw(holder=dora.holder, operator=olga.holder, now=NOON)
    assert not selectors.is_frozen(dora.holder.pk)
    told = Notice.objects.filter(holder=dora.holder, kind__startswith="wallet").order_by("pk")
    assert [notice.kind for notice in told] == ["wallet_frozen", "wallet_thawed"]
