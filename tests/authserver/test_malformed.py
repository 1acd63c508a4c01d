"""Bad input to every endpoint: a clear answer, no 500, nothing changed."""

import json
from typing import Any

import pytest

from authserver.models import Server
from tests.authserver.world import LocalHost, Paired

S = "0" * 64
ANSWER = {"statement": "AA", "certificate": "AA", "response": "00000000"}
DEEP = b"[" * 30_000 + b"]" * 30_000

FIELDS: dict[str, dict[str, Any]] = {
    "/v1/servers": {"suite": "x", "certificate": "AA"},
    "/v1/servers/{vk}/activate": {"digits": "00000000"},
    "/v1/servers/{vk}/suspend": {},
    "/v1/servers/{vk}/resume": {},
    "/v1/servers/{vk}/unlock": {"proof": "passkey"},
    "/v1/servers/{vk}/revoke": {},
    "/v1/servers/{vk}/replace": {"successor": "0" * 16},
    "/v1/servers/{vk}/release": {},
    "/v1/servers/{vk}/verdicts": ANSWER | {"last_seq": 0},
    "/v1/servers/{vk}/logins": ANSWER | {"last_seq": 0},
    "/v1/servers/{vk}/proofs": {"statement": "AA", "certificate": "AA", "challenge": "0"},
    "/v1/servers/{vk}/resynchronise": {"answers": [ANSWER, ANSWER], "last_seq": 0},
    "/v1/servers/assign": {"serial": "CS0", "certificate": "AA", "label": ""},
    "/v1/servers/{vk}/verdicts/" + S + "/void": {
        "statement": "AA",
        "certificate": "AA",
        "reason": "declined",
        "last_seq": 0,
    },
    "/v1/enrolments": {"ticket": "A" * 22, "share": "A" * 43},
}
# Of these any text is of their type.
TEXTS = {
    *("response", "suite", "digits", "reason"),
    *("successor", "challenge", "serial", "label"),
}
BODIES = {
    "not JSON": (b"suite=x", "json_invalid"),
    "cut short": (b'{"suite": ', "json_invalid"),
    "not UTF-8": (b'{"suite": "\xff\xfe"}', "json_invalid"),
    "UTF-16": ('{"suite": "x"}'.encode("utf-16"), "json_invalid"),
    "a list": (b"[]", "json_invalid"),
    "a text": (b'"x"', "json_invalid"),
    "null": (b"null", "json_invalid"),
    "not a number": (b'{"last_seq": NaN}', "json_invalid"),
    "nested deeply": (DEEP, "json_invalid"),
    "number of 5000 digits": (b'{"last_seq": ' + b"1" * 5000 + b"}", "json_invalid"),
    "given twice": (b'{"suite": "x", "suite": "x"}', "json_invalid"),
    "unknown field": (b'{"sweet": "x"}', "input_invalid"),
    "one megabyte": (b'{"suite": "' + b"x" * 1_000_000 + b'"}', "too_large"),
}
STATUS = {"json_invalid": 400, "input_invalid": 422, "too_large": 413}
every_path = pytest.mark.parametrize("path", FIELDS)


def post(paired: Paired, path: str, body: object) -> Any:
    return paired.host.call("POST", path.format(vk=paired.vk), body, paired.bank.key)


@every_path
@pytest.mark.parametrize(("body", "code"), BODIES.values(), ids=BODIES)
def test_a_malformed_body_gets_a_clear_answer(
    paired: Paired, path: str, body: bytes, code: str
) -> None:
    before = Server.objects.values().get()
    refused = post(paired, path, body)
    assert (refused.status, refused.code) == (STATUS[code], code)
    assert Server.objects.values().get() == before


def wrong_types() -> list[tuple[str, str, object]]:
    """Every field of every endpoint, with every value that is not of its type."""
    values: list[object] = [None, True, 1.5, -1, 2**53, [], {}, "\ud800", "ä", "AA=", "A A", "AB"]
    return [
        (path, name, value)
        for path, fields in FIELDS.items()
        for name, right in fields.items()
        for value in values
        if name not in TEXTS or not isinstance(value, str)
        if not (isinstance(right, int) and value == 1.5 and isinstance(value, int))
    ]


@pytest.mark.parametrize(("path", "name", "value"), wrong_types())
def test_a_field_of_another_type_gets_a_clear_answer(
    paired: Paired, path: str, name: str, value: object
) -> None:
    body = json.dumps(FIELDS[path] | {name: value}).encode()
    refused = post(paired, path, body)
    assert (refused.status, refused.code) == (422, "input_invalid")
    assert refused.body["detail"]


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_nothing_can_store_is_refused(paired: Paired, name: str) -> None:
    for path, fields in FIELDS.items():
        for text in ("\ud800", "a\0"):
            if name in fields:
                assert post(paired, path, {**fields, name: text}).code == "input_invalid"


@every_path
def test_a_missing_field_is_named(paired: Paired, path: str) -> None:
    for name in FIELDS[path]:
        rest = {other: value for other, value in FIELDS[path].items() if other != name}
        refused = post(paired, path, rest)
        assert refused.code == "input_invalid"
        assert name in refused.body["detail"]


@pytest.mark.parametrize(
    "query",
    [
        *("after=-1", "after=x", "after=\uff11", "after=\u00b2", "after=%ff"),
        *("after=" + "9" * 5000, "after=9007199254740992", "limit=1001", "limit=", "limit=1.0"),
    ],
)
def test_a_malformed_query_gets_a_clear_answer(paired: Paired, query: str) -> None:
    refused = paired.host.call("GET", f"/v1/verdicts?{query}", key=paired.bank.key)
    assert (refused.status, refused.code) == (422, "input_invalid")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/servers/",
        "/v1/servers/xyz",
        "/v1/servers/0000000000000000%0A",
        "/v1/servers/00000000000000000",
        "/v1/servers/%ff%fe",
        "/v1/servers/%00",
        "/v1/servers/ABCDEF0123456789",
        "/v1/servers/0000000000000000/verdicts/00",
        "/static/../settings.py",
        "/enrolment.py",
    ],
)
def test_an_unknown_address_is_not_found(host: LocalHost, path: str) -> None:
    answer = host.call("GET", path)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/v1/servers"), ("DELETE", "/v1/keys"), ("POST", "/healthz")]
)
def test_another_method_is_told_which_are_allowed(host: LocalHost, method: str, path: str) -> None:
    response = host.client.generic(method, path)
    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"
    assert response["Allow"]


@pytest.mark.parametrize("length", ["-1", "x", "²", "1e9"])
def test_a_length_that_is_no_number_is_no_fault(host: LocalHost, length: str) -> None:
    response = host.client.generic(
        "POST", "/v1/enrolments", b"{}", content_type="application/json", CONTENT_LENGTH=length
    )
    assert response.status_code == 400


@pytest.mark.parametrize("name", ["", "evil.example", "a b", "<", "[::1"])
def test_a_host_header_changes_nothing(host: LocalHost, name: str) -> None:
    response = host.client.get("/healthz", headers={"Host": name})
    assert response.status_code == 200
