"""The money comes back and access closes; operators suspend, resume and revoke; time runs out."""

import secrets
from datetime import timedelta
from unittest import mock

import pytest
import time_machine

from accounts.services import choose_language
from audit.models import AuditRow
from billing.entitlements import services
from billing.entitlements.models import Entitlement, Purchase, StatusCode, Version
from billing.entitlements.services import refund
from billing.ledger.services import pay_out
from billing.ledger.verification import faults
from notices.models import Notice
from protocol.ed25519 import SigningKey
from signing.services import create_keys
from tests.platform.billing import Copy
from tests.platform.gadgets import Gadget
from tests.platform.ledger import money
from tests.platform.shopping import PRICE, Sold, bought, buyer, offer, on_shelf, try_to_buy
from tests.platform.world import Person, everything_stored, now


@pytest.fixture
def sold(db: None) -> Sold:
    create_keys(root=SigningKey.generate(), now=now())
    return on_shelf(Person.make("Dev"))


@pytest.fixture
def dora(sold: Sold) -> Person:
    return buyer()


@pytest.fixture
def path(dora: Person, sold: Sold) -> str:
    """Where Dora's purchase is."""
    return f"/purchases/{bought(dora, sold)['id']}"


@pytest.fixture
def copy(dora: Person, sold: Sold, path: str) -> Copy:
    """Dora's copy, on her device."""
    return Copy(Version.objects.select_related("resource").get(), Gadget.of(dora), dora)


def use(copy: Copy) -> None:
    """Use the resource once."""
    copy.rnonce = secrets.token_bytes(16)
    answer = copy.present(copy.code())
    assert answer.status == 200, answer


def test_what_was_never_used_is_refunded_at_once(
    dora: Person, sold: Sold, path: str, copy: Copy
) -> None:
    code = copy.code()
    after = dora.post(f"{path}/refund", {"reason": "by mistake"})

    assert after["state"] == "refunded"
    assert money(dora) == {"wallet": 10_000}
    assert money(sold.developer) == {}
    assert Entitlement.objects.get().state == "refunded"
    # The code that was on its way opens nothing any more.
    assert StatusCode.objects.get().state == "revoked"
    assert copy.present(code).status >= 400
    assert copy.ask().refusal == (402, "entitlement_refunded")
    assert Notice.objects.filter(kind="refunded", holder=dora.holder).count() == 1
    assert not list(faults())


def test_a_refund_asked_for_again_is_paid_once(dora: Person, path: str) -> None:
    first, again = (dora.post(f"{path}/refund") for _ in range(2))
    assert first == again
    assert money(dora) == {"wallet": 10_000}
    assert AuditRow.objects.filter(action="purchase.refunded").count() == 1


def test_what_was_refunded_may_be_bought_again(dora: Person, sold: Sold, path: str) -> None:
    dora.post(f"{path}/refund")
    assert bought(dora, sold)["state"] == "paid"


def test_of_what_was_used_the_developer_decides(
    dora: Person, sold: Sold, path: str, copy: Copy
) -> None:
    use(copy)
    asked = dora.post(f"{path}/refund", {"reason": "too loud"})

    assert asked["state"] == "paid"
    assert asked["refund_asked_at"] is not None
    use(copy)
    (waiting,) = sold.developer.get("/sales/asked")["results"]
    assert (waiting["id"], waiting["refund_reason"]) == (asked["id"], "too loud")
    assert Notice.objects.filter(kind="refund_asked", holder=sold.developer.holder).exists()
    # Asking again changes nothing.
    assert dora.post(f"{path}/refund")["refund_asked_at"] == asked["refund_asked_at"]

    granted = sold.developer.post(f"{path}/refund/grant")
    assert granted["state"] == "refunded"
    assert money(dora) == {"wallet": 10_000}
    assert copy.ask().refusal == (402, "entitlement_refunded")
    assert sold.developer.get("/sales/asked")["results"] == []
    assert sold.developer.post(f"{path}/refund/grant") == granted
    assert not list(faults())


def test_a_refused_refund_is_not_asked_for_again(
    dora: Person, sold: Sold, path: str, copy: Copy
) -> None:
    use(copy)
    dora.post(f"{path}/refund")
    refused = sold.developer.post(f"{path}/refund/refuse", {"reason": "You heard all of it."})
    assert refused["refund_refused_at"] is not None
    assert sold.developer.post(f"{path}/refund/refuse") == refused
    assert dora.call("POST", f"{path}/refund", {}).refusal == (409, "refund_refused")
    use(copy)
    # The developer may think better of it.
    assert sold.developer.post(f"{path}/refund/grant")["state"] == "refunded"


def test_the_buyer_of_a_refused_refund_is_told_once_in_their_language_and_reads_why(
    dora: Person, sold: Sold, path: str, copy: Copy
) -> None:
    choose_language(user=dora.holder.user, language="zh-hans")
    use(copy)
    dora.post(f"{path}/refund")
    for _ in range(2):
        sold.developer.post(f"{path}/refund/refuse", {"reason": "You heard all of it."})

    notice = Notice.objects.get(kind="refund_refused")
    assert (notice.holder_id, notice.email) == (dora.holder.pk, dora.holder.user.email)
    assert (notice.language, notice.path) == ("zh-hans", path.replace("/purchases/", "/library/"))
    assert dora.get(path)["refund_answer"] == "You heard all of it."


def test_a_reason_for_refusing_that_may_not_be_kept_refuses_nothing(
    dora: Person, sold: Sold, path: str, copy: Copy
) -> None:
    use(copy)
    dora.post(f"{path}/refund")
    answer = sold.developer.call("POST", f"{path}/refund/refuse", {"reason": "x" * 201})
    assert answer.refusal == (422, "text_too_long")
    assert dora.get(path)["refund_refused_at"] is None
    assert not Notice.objects.filter(kind="refund_refused").exists()


def test_what_nobody_asked_for_is_not_refused(dora: Person, sold: Sold, path: str) -> None:
    answer = sold.developer.call("POST", f"{path}/refund/refuse", {})
    assert answer.refusal == (409, "refund_not_asked")


def test_when_the_days_are_over_nobody_asks_any_more(dora: Person, sold: Sold, path: str) -> None:
    before = everything_stored()
    with time_machine.travel(now() + timedelta(days=14, minutes=1), tick=False):
        answer = dora.call("POST", f"{path}/refund", {})
        assert answer.refusal == (409, "refund_too_late")
        assert everything_stored() == before
        assert sold.developer.post(f"{path}/refund/grant")["state"] == "refunded"


def test_the_days_promised_when_it_was_bought_count(dora: Person, sold: Sold, path: str) -> None:
    body = {"title": "Morning", "summary": "", "device_limit": 3, "refund_days": 0}
    sold.developer.post(f"/resources/{sold.id}", body)
    assert dora.post(f"{path}/refund")["state"] == "refunded"


def test_of_a_withdrawn_resource_even_what_was_used_is_refunded(
    dora: Person, sold: Sold, path: str, copy: Copy
) -> None:
    use(copy)
    sold.developer.post(f"/resources/{sold.id}/withdraw")
    assert copy.ask().refusal == (410, "resource_withdrawn")
    assert dora.post(f"{path}/refund")["state"] == "refunded"


def test_of_a_withdrawn_resource_the_money_may_be_asked_for_late(
    dora: Person, sold: Sold, path: str
) -> None:
    sold.developer.post(f"/resources/{sold.id}/withdraw")
    with time_machine.travel(now() + timedelta(days=15), tick=False):
        asked = dora.post(f"{path}/refund")
    assert (asked["state"], asked["refund_asked_at"] is not None) == ("paid", True)


def test_earnings_that_are_gone_are_waited_for(dora: Person, sold: Sold, path: str) -> None:
    pay_out(holder=sold.developer.holder, amount=PRICE, currency="EUR", key="all of it", now=now())
    asked = dora.post(f"{path}/refund")
    assert (asked["state"], asked["refund_asked_at"] is not None) == ("paid", True)
    before = everything_stored()
    answer = sold.developer.call("POST", f"{path}/refund/grant", {})
    assert answer.refusal == (402, "funds_insufficient")
    assert everything_stored() == before
    assert Entitlement.objects.get().state == "active"


def test_what_was_given_back_before_is_not_given_twice(
    dora: Person, sold: Sold, path: str
) -> None:
    payment = dora.get(path)["payment"]
    sold.developer.post(f"/payments/{payment}/refunds", {"amount": 100})
    dora.post(f"{path}/refund")
    assert money(dora) == {"wallet": 10_000}
    assert money(sold.developer) == {}
    assert not list(faults())


def test_a_use_that_slips_in_leaves_the_refund_to_the_developer(
    dora: Person, path: str, copy: Copy
) -> None:
    revoke = refund.revoke_codes

    def slip_in(purchase: Purchase) -> None:
        use(copy)
        revoke(purchase)

    with mock.patch.object(refund, "revoke_codes", slip_in):
        asked = dora.post(f"{path}/refund")

    assert (asked["state"], asked["refund_asked_at"] is not None) == ("paid", True)
    assert Entitlement.objects.get().state == "active"
    assert money(dora) == {"wallet": 10_000 - PRICE}


@pytest.mark.parametrize("reason", ["x" * 201, "a\u202eb"])
def test_a_reason_that_cannot_be_kept_is_refused(dora: Person, path: str, reason: str) -> None:
    before = everything_stored()
    assert dora.call("POST", f"{path}/refund", {"reason": reason}).refusal[0] == 422
    assert everything_stored() == before


# Operators.


def test_what_is_suspended_is_not_used_until_it_is_resumed(
    olga: Person, path: str, copy: Copy
) -> None:
    code = copy.code()
    assert olga.post(f"{path}/suspend")["state"] == "suspended"
    assert copy.present(code).status >= 400
    copy.rnonce = secrets.token_bytes(16)
    assert copy.ask().status >= 400
    assert olga.call("POST", f"{path}/suspend", {}).refusal == (409, "entitlement_state_wrong")

    assert olga.post(f"{path}/resume")["state"] == "active"
    use(copy)
    assert olga.call("POST", f"{path}/resume", {}).refusal == (409, "entitlement_state_wrong")
    assert AuditRow.objects.filter(actor=olga.holder.operator_actor).count() == 2


def test_what_is_revoked_stays_so(olga: Person, path: str, copy: Copy) -> None:
    assert olga.post(f"{path}/revoke")["state"] == "revoked"
    for action in ("resume", "suspend", "revoke"):
        answer = olga.call("POST", f"{path}/{action}", {})
        assert answer.refusal == (409, "entitlement_state_wrong")
    assert copy.ask().status >= 400


@pytest.mark.parametrize("action", ["suspend", "revoke"])
def test_what_an_operator_closed_is_not_refunded_unseen(
    dora: Person, olga: Person, path: str, action: str
) -> None:
    olga.post(f"{path}/{action}")
    assert dora.post(f"{path}/refund")["state"] == "paid"
    assert olga.post(f"{path}/refund/grant")["state"] == "refunded"
    assert money(dora) == {"wallet": 10_000}


@pytest.mark.parametrize("action", ["suspend", "resume", "revoke"])
def test_only_operators_close_what_others_bought(dora: Person, path: str, action: str) -> None:
    assert dora.call("POST", f"{path}/{action}", {}).refusal == (403, "forbidden")


# Time and uses.


def test_what_is_past_its_time_expires(dora: Person, sold: Sold) -> None:
    week = offer(sold.developer, sold.id, term="until", days=7)
    bought(dora, Sold(sold.developer, sold.id, week))
    assert services.expire_entitlements(now=now() + timedelta(days=6, hours=23)) == 0
    assert services.expire_entitlements(now=now() + timedelta(days=7, minutes=1)) == 1
    assert Entitlement.objects.get().state == "expired"


def test_what_is_used_up_expires(dora: Person, sold: Sold) -> None:
    two = Sold(sold.developer, sold.id, offer(sold.developer, sold.id, term="metered", uses=2))
    bought(dora, two)
    copy = Copy(Version.objects.select_related("resource").get(), Gadget.of(dora), dora)
    use(copy)
    assert services.expire_entitlements(now=now()) == 0
    use(copy)
    assert services.expire_entitlements(now=now()) == 1
    assert copy.ask().refusal == (402, "entitlement_expired")
    bought(dora, two)
    use(copy)


def test_what_has_expired_unused_is_refunded_within_the_days(dora: Person, sold: Sold) -> None:
    week = offer(sold.developer, sold.id, term="until", days=7)
    purchase = bought(dora, Sold(sold.developer, sold.id, week))
    services.expire_entitlements(now=now() + timedelta(days=8))
    with time_machine.travel(now() + timedelta(days=8), tick=False):
        assert dora.post(f"/purchases/{purchase['id']}/refund")["state"] == "refunded"


def test_what_is_taken_out_for_a_while_is_still_used(sold: Sold, path: str, copy: Copy) -> None:
    sold.developer.post(f"/resources/{sold.id}/unlist")
    use(copy)
    other = buyer("Ben")
    assert try_to_buy(other, sold).refusal == (410, "offer_ended")
    assert Copy(copy.version, Gadget.of(other), other).ask().refusal == (404, "unknown_resource")
