"""SMS that come in by a signed webhook: taken once, and only from whoever has the secret."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from notices.models import SmsReceived
from notices.services import sign

FROM, TEXT = "+46 70 174 06 05", "BIND abcdef"
SECRETS = [b"old" * 11, b"new" * 11]
taken: list[tuple[str, str]] = []

pytestmark = pytest.mark.django_db


def take(sender: str, text: str, now: object) -> bool:
    taken.append((sender, text))
    if text == "break":
        raise RuntimeError
    return text == TEXT


def take_nothing(sender: str, text: str, now: object) -> bool:
    return False


@pytest.fixture(autouse=True)
def handlers(settings: Any) -> Iterator[None]:
    settings.SMS_HANDLERS = [f"{__name__}.take_nothing", f"{__name__}.take"]
    settings.SMS_INBOUND_SECRETS = SECRETS
    taken.clear()
    yield
    taken.clear()


def post(body: object = None, *, secret: bytes = SECRETS[0], **changes: Any) -> Any:
    content = body if isinstance(body, str) else json.dumps(body or {"from": FROM, "text": TEXT})
    message_id, at = changes.get("id", "msg_1"), changes.get("at", str(int(time.time())))
    number = int(at) if at.isdecimal() and at.isascii() else 0
    signature = changes.get("signature", sign(secret, message_id, number, content))
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": at,
        "webhook-signature": signature,
    }
    return Client(enforce_csrf_checks=True).post(
        "/sms/inbound", content.encode(), content_type="application/json", headers=headers
    )


@pytest.mark.parametrize("secret", SECRETS)
def test_a_signed_sms_goes_to_whoever_waits_for_it(secret: bytes) -> None:
    assert post(secret=secret).status_code == 204
    assert taken == [("+46701740605", TEXT)]
    row = SmsReceived.objects.get()
    assert row.handler == f"{__name__}.take"
    assert b"46701740605" not in bytes(row.sender_hash)


def test_one_that_comes_again_is_taken_once() -> None:
    assert [post().status_code for _ in range(3)] == [204] * 3
    assert len(taken) == 1
    post(id="msg_2")
    assert len(taken) == 2


def test_one_that_nobody_waits_for_is_noted_and_forgotten() -> None:
    assert post({"from": FROM, "text": "hello"}).status_code == 204
    assert SmsReceived.objects.get().handler == ""


def test_one_from_a_name_or_a_short_code_proves_no_number() -> None:
    for number, sender in enumerate(("Bank", "12345", "", "+999")):
        assert post({"from": sender, "text": TEXT}, id=f"msg_{number}").status_code == 204
    assert taken == []


def test_one_that_could_not_be_handled_may_come_again(settings: Any) -> None:
    with pytest.raises(RuntimeError):
        post({"from": FROM, "text": "break"})
    assert not SmsReceived.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": b"other" * 7},
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": "v1,é"},
        {"id": ""},
        {"id": "x" * 65},
        {"at": ""},
        {"at": "-1"},
        {"at": "1e9"},
        {"at": "9" * 13},
        {"at": str(int(time.time()) - 400)},
        {"at": str(int(time.time()) + 4000)},
    ],
)
def test_what_is_not_signed_just_now_is_refused(changes: dict[str, Any]) -> None:
    answer = post(**changes)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")
    assert taken == []
    assert not SmsReceived.objects.exists()


def test_a_signature_is_of_one_body() -> None:
    at = str(int(time.time()))
    genuine = sign(SECRETS[0], "msg_1", int(at), json.dumps({"from": FROM, "text": TEXT}))
    assert (
        post({"from": "+46701740606", "text": TEXT}, at=at, signature=genuine).status_code == 401
    )
    assert (
        post(
            at=at, signature=f"v2,x v1,{base64.b64encode(b'x' * 32).decode()} {genuine}"
        ).status_code
        == 204
    )


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"from": 1, "text": "x"}', '{"from": "+46701740605"}', "[" * 4000]
)
def test_what_is_no_sms_is_refused(body: str) -> None:
    answer = post(body)
    assert (answer.status_code, answer.json()["code"]) == (422, "input_invalid")


def test_what_is_no_text_is_refused() -> None:
    answer = Client().post("/sms/inbound", b"\xff", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")


def test_what_is_too_long_is_refused() -> None:
    assert post({"from": FROM, "text": "x" * 9000}).status_code == 401


def test_without_a_secret_there_is_no_such_page(settings: Any) -> None:
    settings.SMS_INBOUND_SECRETS = []
    assert post().status_code == 404
    assert Client().get("/sms/inbound").status_code == 405


def test_our_own_handlers_exist() -> None:
    from django.utils.module_loading import import_string

    from countersign import settings as ours  # the setting of the site itself

    assert all(callable(import_string(path)) for path in ours.SMS_HANDLERS)
