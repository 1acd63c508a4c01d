"""Nonsense to every endpoint: a clear refusal in one shape, never a 500, and nothing changed."""

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from countersign.api import api
from tests.platform.gadgets import Gadget, proof
from tests.platform.world import API, Person, call, everything_stored

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no json": b"hello",
    "half": b'{"name": ',
    "non-utf-8": b'{"name": "\xff\xfe"}',
    "utf-16": '{"name": "x"}'.encode("utf-16"),
    "null": b"null",
    "number": b"5",
    "huge number": b"1" * 10_000,
    "not a number": b"NaN",
    "string": b'"hello"',
    "list": b"[]",
    "nested": b"[" * 100_000,
    "nested objects": b'{"a":' * 50_000,
    "surrogate": b'{"name": "\\ud800", "s": "\\ud800", "receipt": "\\ud800"}',
    "unknown": b'{"nobody": "asked"}',
    "nulls": json.dumps(
        dict.fromkeys(
            [
                "name",
                "suite",
                "digits",
                "demand",
                "remark",
                "token",
                "receipt",
                "response",
                "reason",
                "s",
                "tag",
            ]
        )
    ).encode(),
    "wrong types": json.dumps(
        {
            "name": {},
            "suite": [],
            "digits": 1.5,
            "demand": "x",
            "remark": [["a"]],
            "token": {"a": 1},
            "receipt": True,
            "response": {"a": []},
            "reason": 5,
            "s": None,
            "tag": [],
            "ttl": "long",
        }
    ).encode(),
    "nul": json.dumps(
        {
            "name": "\x00",
            "suite": "\x00",
            "digits": "\x00",
            "demand": {"kind": "\x00"},
            "remark": "\x00",
            "token": "\x00",
            "receipt": "\x00",
            "response": "\x00",
            "reason": "\x00",
            "s": "\x00",
            "tag": "\x00",
        }
    ).encode(),
    "huge text": json.dumps({"name": "x" * 900_000, "receipt": "9" * 50_000}).encode(),
    "twice": b'{"name": "a", "name": 5}',
}


# To describe the API takes long.
DESCRIBED: dict[str, dict[str, Any]] = api.get_openapi_schema()["paths"]
OPERATIONS = sorted(
    (method.upper(), path) for path, methods in DESCRIBED.items() for method in methods
)
# Open to everybody: a receipt proves itself, a token its answer by the tag, and a shop is a shop.
PUBLIC = {
    ("POST", f"{API}/receipts/verify"),
    ("POST", f"{API}/responses"),
    ("GET", f"{API}/resources"),
    ("GET", f"{API}/resources/{{uid}}"),
    ("GET", f"{API}/resources/{{uid}}/file"),
    ("GET", f"{API}/packages"),
    ("GET", f"{API}/packages/{{uid}}"),
    # Whoever holds a receipt or a checkpoint may ask whether the log holds to it.
    ("GET", f"{API}/log/checkpoint"),
    ("GET", f"{API}/log/checkpoint.cbor"),
    ("GET", f"{API}/log/consistency"),
    ("GET", f"{API}/log/cosignatures"),
    ("GET", f"{API}/log/receipts/{{receipt_id}}"),
    ("GET", f"{API}/log/receipts/{{receipt_id}}/proof.cbor"),
}
# A device calls these; the rest is called by holders as well, or alone.
_BY_DEVICES = tuple(
    f"{API}/billing/{name}"
    for name in ("authorize", "verify", "terminal", "nonces", "request", "attestations")
) + tuple(
    f"{API}/offline/{name}"
    for name in (
        *("client", "client/password", "reconcile"),
        *("relay", "apply", "countersign", "code"),
    )
)


def is_proved(method: str, path: str) -> bool:
    """Whether a proof of possession takes the place of a login."""
    if path == f"{API}/binding" or path.startswith(f"{API}/binding/") or path in _BY_DEVICES:
        return True
    is_shown_by_one = path.endswith(("/online", "/download"))
    return is_shown_by_one or (method, path) == ("POST", f"{API}/devices")


def concrete(path: str, step: dict[str, Any], receipt_id: str, serial: str) -> str:
    """Fill in a path with what there really is, so that the body is what is wrong."""
    return (
        path.replace("{tx}", step["transaction"])
        .replace("{s}", step["id"])
        .replace("{serial}", serial)
        .replace("{receipt_id}", receipt_id)
        .replace("{form}", "png")
        .replace("{action}", "resume")
        .replace("{key_id}", "999999")
    )


def takes_a_body(path: str) -> bool:
    return "requestBody" in DESCRIBED[path].get("post", {})


@pytest.mark.parametrize("path", sorted({path for _, path in OPERATIONS if takes_a_body(path)}))
def test_a_body_of_nonsense_is_refused(anna: Person, path: str) -> None:
    step = anna.open()
    filled = concrete(path, step, "0" * 64, anna.token.serial)
    gadget = Gadget.of(anna)
    # Once before, so that it has been seen.
    gadget.call("GET", "/binding")
    before = everything_stored()

    for name, body in BODIES.items():
        if is_proved("POST", path):
            once = proof(gadget.keys.signing, "POST", filled.removeprefix(API), body)
            answer = call("POST", filled, body, headers={"DPoP": once})
        else:
            answer = call("POST", filled, body, key=anna.key)
        status, code = answer.refusal
        assert status in (400, 409, 422), (name, answer)
        assert code != "internal_error", (name, answer)
        if name in ("number", "list", "string", "null", "no json"):
            assert status in (400, 422), (name, answer)

    assert everything_stored() == before


@pytest.mark.parametrize(("method", "path"), [pair for pair in OPERATIONS if pair not in PUBLIC])
def test_nobody_is_let_in_without_a_key(db: None, method: str, path: str) -> None:
    filled = concrete(path, {"transaction": "0" * 16, "id": "0" * 64}, "0" * 64, "T")
    before = everything_stored()

    code = "device_proof_invalid" if is_proved(method, path) else "not_authenticated"
    assert call(method, filled, b"{}").refusal == (401, code)
    assert call(method, filled, b"{}", key="cs_wrong").refusal == (401, code)
    assert everything_stored() == before


NONSENSE = ["%00", "%ff", "%f0%9f%98%80", "..", "-1", "%2e%2e%2f", "{}", "0" * 5000, "' OR 1=1"]


@pytest.mark.parametrize(("method", "path"), [pair for pair in OPERATIONS if "{" in pair[1]])
def test_an_address_of_nonsense_is_refused(db: None, method: str, path: str) -> None:
    person = Person.make("Anna")
    before = everything_stored()

    for part in NONSENSE:
        # That of an approval is any number; that of a version stands behind a resource.
        filled = path.replace("{number}", part) if "{uid}" in path else path
        for name in ("tx", "s", "serial", "receipt_id", "form", "action", "key_id", "uid"):
            filled = filled.replace(f"{{{name}}}", part)

        status, code = call(method, filled, b"{}", key=person.key).refusal

        if is_proved(method, path) and status == 401:
            assert code == "device_proof_invalid", "without a proof nothing is looked at"
        else:
            assert status in (404, 405, 422), part
            assert code in ("not_found", "method_not_allowed", "input_invalid"), part
    assert everything_stored() == before


@pytest.mark.parametrize("path", sorted({path for _, path in OPERATIONS}))
def test_a_method_that_an_address_does_not_take_is_refused(db: None, path: str) -> None:
    person = Person.make("Anna")
    known = {method for method, operation in OPERATIONS if operation == path}
    filled = concrete(path, {"transaction": "0" * 16, "id": "0" * 64}, "0" * 64, "T")

    for method in {"PUT", "PATCH", "TRACE", "DELETE", "HELLO"} - known:
        answer = call(method, filled, key=person.key)
        assert answer.refusal == (405, "method_not_allowed"), (method, answer)
        assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/", "/nothing", "/me/", "/transactions/1/2/3", "/%00", "/é"])
def test_an_address_that_there_is_not_is_not_found(db: None, path: str) -> None:
    assert call("GET", f"{API}{path}").refusal == (404, "not_found")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_body_of_a_megabyte_is_refused_unread(db: None, method: str, path: str) -> None:
    filled = concrete(path, {"transaction": "0" * 16, "id": "0" * 64}, "0" * 64, "T")

    assert call(method, filled, b"x" * 1_000_001).refusal == (413, "too_large")


@pytest.mark.parametrize("length", ["x", "-1", "1e3", "\xb2", "9" * 30])
def test_a_length_that_is_none_is_refused(db: None, length: str) -> None:
    answer = Client(raise_request_exception=False).post("/api/v1/me", CONTENT_LENGTH=length)

    assert answer.status_code == 413


def test_no_length_at_all_is_none(db: None) -> None:
    assert Client().get("/healthz", CONTENT_LENGTH="").status_code == 200


@pytest.mark.parametrize(
    "content_type", ["", "text/html", "application/xml", "application/json; charset=latin-1", "x"]
)
def test_the_announced_type_of_a_body_means_nothing(anna: Person, content_type: str) -> None:
    answer = anna.call("POST", "/me", b'{"name": "Anna"}', content_type=content_type)

    assert answer.status == 200


def test_a_refusal_says_where_the_fault_is_and_not_what_was_sent(anna: Person) -> None:
    body = anna.part(remark=12345, demand={"kind": "gift", "amount": "98765"})

    answer = anna.call("POST", "/transactions", body)

    assert {fault["field"] for fault in answer.body["faults"]} == {
        "demand.kind",
        "demand.amount",
        "remark",
    }
    assert b"98765" not in answer.raw
    assert b"12345" not in answer.raw


def test_our_own_mistake_is_answered_in_the_same_shape(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("the secret in the message")

    monkeypatch.setattr("accounts.services.rename_holder", fail)

    answer = anna.call("POST", "/me", {"name": "Anna"})

    assert answer.refusal == (500, "internal_error")
    assert b"secret" not in answer.raw


def test_a_database_that_cannot_be_reached_is_an_outage(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise OperationalError("connection refused at 10.0.0.1")

    monkeypatch.setattr("accounts.services.rename_holder", fail)

    answer = anna.call("POST", "/me", {"name": "Anna"})

    assert answer.refusal == (503, "database_unavailable")
    assert answer.headers["Retry-After"]
    assert b"10.0.0.1" not in answer.raw
