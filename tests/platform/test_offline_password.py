"""The higher level: a countersign with a proof of the offline password, sealed."""

import pytest

from notices.models import Notice
from offline.models import Client
from offline.services.clients import unlock
from protocol.ed25519 import SigningKey
from protocol.offline import Countersign, Level, digest_of, seal
from tests.platform.offline import (
    PAYPASS,
    WRONG,
    Exchange,
    Phone,
    Shop,
    reason_of,
    require_refused,
    result_of,
)
from tests.platform.world import Person, now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone_keys")]
INVALID = (403, "countersign_invalid")


@pytest.fixture
def phone() -> Phone:
    return Phone.rich()


@pytest.fixture
def shop() -> Shop:
    return Shop.of(Person.make("Shop"))


@pytest.fixture
def high(phone: Phone, shop: Shop) -> Exchange:
    phone.set_password()
    return phone.applies(shop, level=Level.HIGH)


def test_the_right_password_approves(high: Exchange) -> None:
    answer = high.brings_sealed()
    assert result_of(answer).is_approved
    assert high.row.way == "offline_high"


def test_without_a_proof_the_level_is_required(high: Exchange) -> None:
    answer = high.brings()
    assert answer.refusal == (403, "level_required")
    require_refused(high, answer, "level_required")


def test_sealed_without_a_proof_the_level_is_required(high: Exchange) -> None:
    assert high.brings_sealed(password=None).refusal == (403, "level_required")
    assert high.phone.row.failures == 0


def test_a_wrong_password_looks_like_a_wrong_signature(high: Exchange) -> None:
    answer = high.brings_sealed(password=WRONG)
    assert answer.refusal == INVALID
    require_refused(high, answer, "countersign_invalid")
    assert reason_of(high) == "offline_password_wrong"
    assert high.phone.row.failures == 1
    assert "password" not in answer.raw.decode()


def test_only_a_phone_counts_wrong_passwords(high: Exchange) -> None:
    forged = Countersign(digest_of(high.tbs)).sign(SigningKey.generate())
    assert high.brings_sealed(password=WRONG, countersign=forged).refusal == INVALID
    assert reason_of(high) == "signature_wrong"
    assert high.phone.row.failures == 0


def test_what_is_sealed_for_another_application_does_not_open(
    high: Exchange, phone: Phone
) -> None:
    assert high.brings_sealed(serial=phone.serial()).refusal == INVALID


def test_what_is_sealed_to_another_key_does_not_open(high: Exchange) -> None:
    other = Phone.of(Person.make("Ben"))
    box = bytes(other.client.box_key)
    sealed = seal(high.asked.serial, high.signs(), bytes(32), box)
    assert high.brings_sealed(sealed).refusal == INVALID


def test_a_right_password_counts_anew(phone: Phone, shop: Shop, high: Exchange) -> None:
    high.brings_sealed(password=WRONG)
    # Whoever was wrong proves it next time, whatever is asked.
    assert phone.applies(shop).brings_sealed().status == 200
    assert phone.row.failures == 0


def test_the_fifth_wrong_one_locks_everything(phone: Phone, shop: Shop) -> None:
    phone.set_password()
    waiting = phone.applies(shop)
    for _ in range(5):
        exchange = phone.applies(shop, level=Level.HIGH)
        assert exchange.brings_sealed(password=WRONG).refusal == INVALID
    assert phone.row.locked_at is not None
    assert phone.refused(shop, level=Level.HIGH) == (423, "offline_password_locked")
    answer = waiting.brings()
    assert answer.refusal == (423, "offline_password_locked")
    require_refused(waiting, answer, "offline_password_locked")
    assert Notice.objects.filter(kind="offline_locked").count() == 1
    unlock(client=phone.row, payment_password=PAYPASS, now=now())
    assert phone.applies(shop, level=Level.HIGH).brings_sealed().status == 200


def test_a_right_one_after_the_lock_is_refused(phone: Phone, shop: Shop) -> None:
    phone.set_password()
    waiting = phone.applies(shop, level=Level.HIGH)
    Client.objects.update(failures=5, locked_at=now())
    assert waiting.brings_sealed().refusal == (423, "offline_password_locked")


def test_each_tbs_takes_one_try(high: Exchange) -> None:
    high.brings_sealed(password=WRONG)
    for _ in range(3):
        assert high.brings_sealed(password=WRONG).refusal == INVALID
    assert high.phone.row.failures == 1
