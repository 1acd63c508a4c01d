"""A status code is good once, for whom it was issued, and releases the key; flow B, 6 to 8."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from audit.models import AuditRow
from billing.entitlements import services
from billing.entitlements.models import Entitlement, StatusCode
from billing.entitlements.services.verify import expire_codes
from billing.ledger import services as ledger
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.jwk import thumbprint, to_base64
from signing.services import create_keys
from tests.platform.billing import CONTENT, Copy, on_sale, pay, verdict_in
from tests.platform.gadgets import Gadget
from tests.platform.ledger import fill
from tests.platform.world import Person, now

INVALID = (403, "status_code_invalid")


@pytest.fixture(autouse=True)
def own_world(db: None, settings: Any, tmp_path: Path) -> None:
    settings.RESOURCE_STORE = tmp_path
    create_keys(root=SigningKey.generate(), now=now())


@pytest.fixture
def copy(dora: Person) -> Copy:
    """A copy on Dora's device, of a picture that she has paid for."""
    version = on_sale(Person.make("Dev"))
    pay(dora, version.resource)
    return Copy(version, Gadget.of(dora), dora)


def file_of(copy: Copy, settings: Any) -> bytes:
    return bytes((settings.RESOURCE_STORE / copy.version.path).read_bytes())


def state() -> str:
    return StatusCode.objects.get().state


def test_a_code_opens_the_file_once(copy: Copy, settings: Any) -> None:
    code = copy.code()
    answer = copy.present(code)

    assert answer.status == 200, answer
    assert copy.opened(answer, file_of(copy, settings)) == CONTENT
    assert state() == "consumed"
    again = copy.present(code)
    assert again.refusal == (409, "status_code_used")
    assert not verdict_in(again).allowed


def test_the_verdict_says_for_what_it_is(copy: Copy) -> None:
    verdict = verdict_in(copy.present(copy.code()))
    assert verdict.resource == bytes(copy.version.resource.uid)
    assert verdict.version == 1
    assert verdict.operation == "view"
    assert verdict.rnonce == copy.rnonce
    assert verdict.device == copy.gadget.keys.thumbprint
    assert verdict.expires - verdict.issued == 60


def test_the_server_knows_that_the_resource_itself_asked(copy: Copy) -> None:
    copy.present(copy.code())
    row = AuditRow.objects.get(action="billing.verified")
    assert row.actor == f"key:{thumbprint(copy.key.public).hex()[:32]}"
    assert row.subject == str(copy.version.resource)


def test_the_key_opens_on_that_device_alone(copy: Copy, dora: Person, settings: Any) -> None:
    answer = copy.present(copy.code())
    copy.gadget = Gadget.of(dora)
    copy.rnonce = copy.rnonce
    with pytest.raises(ProtocolError):
        copy.opened(answer, file_of(copy, settings))


OTHER = "0" * 16


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"resource_id": OTHER}, "other_resource"),
        ({"resource_version": 2}, "other_version"),
        ({"operation": "open"}, "other_operation"),
        ({"rnonce": "0" * 32}, "other_rnonce"),
        ({"device": to_base64(bytes(32))}, "other_device"),
        ({"by": SigningKey.generate()}, "other_key"),
    ],
)
def test_a_code_is_good_for_what_it_was_issued_for_alone(
    copy: Copy, changes: dict[str, Any], reason: str
) -> None:
    code = copy.code()
    answer = copy.present(code, **changes)
    assert answer.refusal == INVALID
    verdict = verdict_in(answer)
    assert (verdict.allowed, verdict.code) == (False, "status_code_invalid")
    # Only the audit trail knows why.
    assert AuditRow.objects.get(action="billing.status_code_invalid").code == reason
    assert reason not in answer.raw.decode()
    # It was nobody's use.
    assert copy.present(code).status == 200


@pytest.mark.parametrize("code", ["A" * 26, "", "é", "A" * 64])
def test_a_made_up_code_opens_nothing(copy: Copy, code: str) -> None:
    copy.code()
    assert copy.present(code).refusal == INVALID
    assert AuditRow.objects.get(action="billing.status_code_invalid").code == "unknown"
    assert state() == "issued"


def test_the_manager_that_passed_a_code_on_cannot_use_it(copy: Copy) -> None:
    code = copy.code()
    assert copy.present(code, by=copy.gadget.keys.signing).refusal == INVALID


def test_a_code_of_another_user_is_no_use_to_anybody(copy: Copy) -> None:
    code = copy.code()
    eve = Person.make("Eve")
    thief = Copy(copy.version, Gadget.of(eve), eve, rnonce=copy.rnonce)
    assert thief.present(code).refusal == INVALID


def test_a_code_lives_for_a_minute(copy: Copy) -> None:
    code = copy.code()
    with time_machine.travel(now() + timedelta(seconds=60), tick=False):
        answer = copy.present(code)
        assert answer.refusal == (403, "status_code_expired")
        assert not verdict_in(answer).allowed
        assert expire_codes(now=timezone.now()) == 1
        assert copy.present(code).refusal == (403, "status_code_expired")
    assert state() == "expired"


@pytest.mark.parametrize(
    ("became", "refusal"),
    [
        ("refunded", (402, "entitlement_refunded")),
        ("expired", (402, "entitlement_expired")),
        ("suspended", (403, "entitlement_closed")),
        ("revoked", (403, "entitlement_closed")),
    ],
)
def test_what_ended_meanwhile_opens_nothing(
    copy: Copy, became: str, refusal: tuple[int, str]
) -> None:
    code = copy.code()
    Entitlement.objects.update(state=became)
    answer = copy.present(code)
    assert answer.refusal == refusal
    assert verdict_in(answer).code == refusal[1]
    assert state() == "issued"


def test_a_refund_voids_the_codes_that_are_out(copy: Copy, dora: Person) -> None:
    code = copy.code()
    StatusCode.objects.update(state="revoked")
    assert copy.present(code).refusal == INVALID
    assert AuditRow.objects.get(action="billing.status_code_invalid").code == "revoked"


def test_every_use_of_a_counted_purchase_counts(dora: Person, settings: Any) -> None:
    version = on_sale(Person.make("Dev"))
    entitlement = pay(dora, version.resource, term="metered", uses=2)
    copies = [Copy(version, gadget, dora) for gadget in [Gadget.of(dora)] * 4]
    # Codes cost nothing: what counts is to use them.
    codes = [copy.code() for copy in copies[:3]]
    assert copies[0].present(codes[0]).status == 200
    assert copies[1].present(codes[1]).status == 200
    assert copies[2].present(codes[2]).refusal == (402, "entitlement_expired")
    entitlement.refresh_from_db()
    assert entitlement.uses_left == 0
    assert copies[3].ask().refusal == (402, "entitlement_expired")


def test_a_key_that_does_not_open_costs_no_use(dora: Person) -> None:
    version = on_sale(Person.make("Dev"))
    entitlement = pay(dora, version.resource, term="metered", uses=1)
    copy = Copy(version, Gadget.of(dora), dora)
    code = copy.code()
    type(version).objects.update(sealed_key=bytes(60))
    assert copy.present(code).status == 500
    entitlement.refresh_from_db()
    assert entitlement.uses_left == 1
    assert state() == "issued"


def test_a_repeated_request_gets_its_answer_again(copy: Copy, settings: Any) -> None:
    # A lost answer costs no use: the same request, proved anew, under the same key.
    code = copy.code()
    key = {"Idempotency-Key": "one"}
    first, again = (copy.present(code, headers=key) for _ in range(2))
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.body == first.body
    assert copy.opened(again, file_of(copy, settings)) == CONTENT


@pytest.mark.parametrize(
    "changes",
    [
        {"status_code": 1},
        {"status_code": "A" * 65},
        {"device": "!" * 43},
        {"device": ""},
        {"rnonce": ""},
        {"operation": ""},
        {"resource_version": 0},
        {"allowed": True},
    ],
)
def test_what_is_malformed_is_refused(copy: Copy, changes: dict[str, Any]) -> None:
    code = copy.code()
    assert copy.present(code, **changes).status == 422
    assert state() == "issued"


def test_a_purchase_is_used_and_its_refund_closes_it(dora: Person, settings: Any) -> None:
    version = on_sale(Person.make("Dev"))
    fill(dora, 1_000)
    ledger.set_payment_password(holder=dora.holder, password="correct horse", now=now())
    purchase = services.buy(
        buyer=dora.holder,
        offer_uid=bytes(version.resource.offers.get().uid),
        way="wallet",
        key="one",
        payment_password="correct horse",
        now=now(),
    )
    copy, later = (Copy(version, gadget, dora) for gadget in [Gadget.of(dora)] * 2)
    assert copy.opened(copy.present(copy.code()), file_of(copy, settings)) == CONTENT
    code = later.code()

    developer = version.resource.developer
    services.grant_refund(developer=developer, purchase_uid=bytes(purchase.uid), now=now())

    assert later.present(code).refusal == (402, "entitlement_refunded")
    later.rnonce = bytes(16)
    assert later.ask().refusal == (402, "entitlement_refunded")
