"""Devices of a holder: added by a code and a proof, known by their key, removed at once."""

from datetime import timedelta

import pytest
import time_machine

from audit.models import AuditRow
from binding.dpop import LEEWAY
from binding.models import Device, DeviceCode, SeenProof
from binding.services import forget_old_proofs
from notices.models import Notice
from protocol import hpke
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, to_base64
from protocol.keys import KeyCertificate, Purpose
from signing.services import create_keys
from tests.platform.gadgets import Gadget, proof
from tests.platform.world import Person, call, now
from transactions.services import leave

ROOT = SigningKey.generate()
WRONG_CODE = "AAAA-AAAA-AAAA-AAAA"
INVALID = (401, "device_proof_invalid")


@pytest.fixture(autouse=True)
def own_keys(db: None) -> None:
    create_keys(root=ROOT, now=now())


def test_a_device_is_added_by_the_code_that_its_holder_typed(dora: Person) -> None:
    gadget = Gadget()
    code = dora.post("/devices/codes")["code"]

    answer = gadget.add(code.lower().replace("-", " "), " Anna's desk ")

    assert answer.status == 201, answer
    device = gadget.row
    assert device.holder == dora.holder
    assert device.name == "Anna's desk"
    assert bytes(device.key) == gadget.keys.signing.public
    assert bytes(device.box_key) == gadget.keys.box_key
    (listed,) = dora.get("/devices")
    assert listed.pop("created_at")
    assert listed == {"device": device.public_id, "name": device.name, "seen_at": None}


def test_it_learns_whom_it_obeys(dora: Person) -> None:
    gadget = Gadget()
    body = gadget.add(dora.post("/devices/codes")["code"]).body

    assert body["account"] == dora.account
    assert body["platform"]["origin"] == "http://localhost:8000"
    assert from_base64(body["root"]) == ROOT.public
    for purpose in (Purpose.BILLING, Purpose.PERMIT):
        message = from_base64(body["certificates"][purpose])
        assert KeyCertificate.open(message, root=ROOT.public).purpose is purpose


def test_its_holder_hears_of_it(dora: Person) -> None:
    gadget = Gadget.of(dora)
    notice = Notice.objects.get(kind="device_added")
    assert (notice.holder_id, notice.email) == (dora.holder.pk, dora.email)
    assert AuditRow.objects.filter(action="device.added", actor=gadget.row.actor).count() == 1


def test_a_code_adds_one_device(dora: Person) -> None:
    code = dora.post("/devices/codes")["code"]
    assert Gadget().add(code).status == 201
    assert Gadget().add(code).refusal == (403, "device_code_invalid")
    assert Device.objects.count() == 1


def test_a_code_lives_ten_minutes(dora: Person) -> None:
    code = dora.post("/devices/codes")["code"]
    with time_machine.travel(now() + timedelta(minutes=10), tick=False):
        assert Gadget().add(code).refusal == (403, "device_code_invalid")


def test_a_new_code_voids_the_one_before(dora: Person) -> None:
    first, second = (dora.post("/devices/codes")["code"] for _ in range(2))
    assert Gadget().add(first).refusal == (403, "device_code_invalid")
    assert Gadget().add(second).status == 201


@pytest.mark.parametrize("code", [WRONG_CODE, "", "ключ"])
def test_an_unknown_code_adds_nothing(dora: Person, code: str) -> None:
    dora.post("/devices/codes")
    assert Gadget().add(code).refusal == (403, "device_code_invalid")
    assert not Device.objects.exists()


def test_a_code_is_stored_as_its_hash_alone(dora: Person) -> None:
    code = dora.post("/devices/codes")["code"].replace("-", "")
    row = DeviceCode.objects.get()
    assert code.encode() not in bytes(row.code_hash)
    assert all(code not in audit.subject for audit in AuditRow.objects.all())


def test_a_key_is_registered_once_and_the_code_stays_good(dora: Person) -> None:
    gadget = Gadget.of(dora)
    code = dora.post("/devices/codes")["code"]
    assert gadget.add(code).refusal == (409, "device_known")
    assert Gadget().add(code).status == 201


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ""}, "text_empty"),
        ({"name": "x" * 41}, "text_too_long"),
        ({"name": "a\u202eb"}, "text_refused"),
        ({"box_key": to_base64(bytes(32))}, "key_invalid"),
        ({"box_key": "!" * 43}, "encoding_invalid"),
        ({"box_key": "A"}, "input_invalid"),
        ({"holder": 1}, "input_invalid"),
    ],
)
def test_a_device_that_breaks_a_rule_is_not_added(
    dora: Person, changes: dict[str, object], code: str
) -> None:
    refused = Gadget().add(dora.post("/devices/codes")["code"], **changes)  # type: ignore[arg-type]
    assert refused.refusal == (422, code)
    assert not Device.objects.exists()


def test_nobody_has_more_than_twenty(dora: Person) -> None:
    fields = {"holder": dora.holder, "name": "x", "created_at": now()}
    for number in range(20):
        some = bytes([number]) * 32
        Device.objects.create(key=some, thumbprint=some, box_key=some, **fields)
    code = dora.post("/devices/codes")["code"]
    assert Gadget().add(code).refusal == (409, "too_many_devices")
    dora.call("POST", f"/devices/{Device.objects.first()}/remove")
    assert Gadget().add(code).status == 201


def test_a_removed_device_is_gone(dora: Person) -> None:
    gadget = Gadget.of(dora)
    path = f"/devices/{gadget.row}/remove"
    assert dora.call("POST", path).status == 204
    assert dora.get("/devices") == []
    assert dora.call("POST", path).refusal == (404, "not_found")
    # Its key never comes back: a thief may have a copy.
    assert gadget.add(dora.post("/devices/codes")["code"]).refusal == (409, "device_known")


def test_nobody_removes_a_device_of_somebody_else(dora: Person) -> None:
    gadget, eve = Gadget.of(dora), Person.make("Eve")
    assert eve.call("POST", f"/devices/{gadget.row}/remove").refusal == (404, "not_found")
    assert gadget.row.removed_at is None


def test_who_leaves_leaves_no_device_behind(dora: Person) -> None:
    gadget = Gadget.of(dora, "Dora's desk")
    assert leave(holder=dora.holder, now=now())
    assert gadget.row.removed_at is not None
    assert gadget.row.name == ""


def test_no_device_is_listed_or_invited_without_signing_in(db: None) -> None:
    assert call("GET", "/devices").refusal == (401, "not_authenticated")
    assert call("POST", "/devices/codes").refusal == (401, "not_authenticated")


def test_without_a_proof_nothing_is_added_and_the_proof_wanted_is_named(dora: Person) -> None:
    body = {"code": dora.post("/devices/codes")["code"], "name": "x", "box_key": "A" * 43}
    answer = call("POST", "/devices", body)
    assert answer.refusal == INVALID
    assert answer.headers["WWW-Authenticate"] == 'DPoP algs="EdDSA"'


def test_a_proof_is_used_once(dora: Person) -> None:
    gadget = Gadget()
    once = proof(gadget.keys.signing, "POST", "/devices", b"{}")
    answers = [call("POST", "/devices", b"{}", headers={"DPoP": once}) for _ in range(2)]
    assert answers[0].status == 422
    assert answers[1].refusal == INVALID


def test_proofs_are_forgotten_when_they_are_worth_nothing_any_more(dora: Person) -> None:
    gadget = Gadget.of(dora)
    row = SeenProof.objects.get(thumbprint=gadget.keys.thumbprint)
    assert forget_old_proofs(now=row.at + 2 * LEEWAY) == 0
    assert forget_old_proofs(now=row.at + 2 * LEEWAY + timedelta(seconds=1)) == 1


def test_a_repeated_request_gets_its_answer_for_a_new_proof_and_no_old_one(dora: Person) -> None:
    gadget = Gadget()
    code = dora.post("/devices/codes")["code"]
    key = {"Idempotency-Key": "one"}
    body = {"code": code, "name": "Desk", "box_key": to_base64(gadget.keys.box_key)}
    first = gadget.call("POST", "/devices", body, headers=key)
    again = gadget.call("POST", "/devices", body, headers=key)
    assert first.status == again.status == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.body == first.body
    # Another key that sends the same asks for itself.
    assert Gadget().call("POST", "/devices", body, headers=key).refusal == (
        403,
        "device_code_invalid",
    )


def test_a_stored_answer_is_not_for_who_copied_the_request(dora: Person) -> None:
    gadget = Gadget()
    raw = b'{"code": "x", "name": "x", "box_key": "x"}'
    once = proof(gadget.keys.signing, "POST", "/devices", raw)
    headers = {"DPoP": once, "Idempotency-Key": "one"}
    assert call("POST", "/devices", raw, headers=headers).status == 422
    assert call("POST", "/devices", raw, headers=headers).refusal == INVALID


def test_what_is_sealed_to_a_device_it_opens(dora: Person) -> None:
    gadget = Gadget.of(dora)
    sealed = hpke.seal(b"key", bytes(gadget.row.box_key), b"info")
    assert hpke.unseal(sealed, gadget.keys.box, b"info") == b"key"


def test_a_body_beyond_measure_is_refused_before_it_is_proved(db: None) -> None:
    raw = b" " * 1_000_001
    once = proof(SigningKey.generate(), "POST", "/devices", raw)
    for more in ({}, {"Idempotency-Key": "one"}):
        answer = call("POST", "/devices", raw, headers={"DPoP": once, **more})
        assert answer.refusal == (413, "too_large")
    assert not SeenProof.objects.exists()
