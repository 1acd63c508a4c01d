"""A host that is slow, absent, or answers nonsense: nothing changes, and a retry succeeds."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from audit.models import AuditRow
from enrolment import authserver_client
from enrolment.authserver_client import AuthserverClient
from enrolment.errors import AuthserverUnavailableError, HostInvalidError
from enrolment.models import AuthserverHost
from enrolment.services import add_host
from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.verdict import Reason, Verdict
from tests.platform.world import Authserver, Person, everything_stored, now, step_row, to_base64
from tests.tokens.service import Service, serving
from transactions.models import Step
from transactions.services import reconcile_steps


@dataclass
class Impostor:
    """What answers in the place of a host, and the host it displaces."""

    service: Service
    host: AuthserverHost

    def takes_over(self) -> None:
        if self.service.delay:
            # Only then: a busy machine may itself take so long.
            settings.AUTHSERVER_TIMEOUT_SECONDS = self.service.delay / 3
        AuthserverHost.objects.filter(pk=self.host.pk).update(origin=self.service.origin)

    def goes(self) -> None:
        settings.AUTHSERVER_TIMEOUT_SECONDS = 5.0
        AuthserverHost.objects.filter(pk=self.host.pk).update(origin=self.host.origin)


@pytest.fixture
def impostor(host: AuthserverHost) -> Iterator[Impostor]:
    authserver_client._pool.cache_clear()
    with override_settings(), serving() as service:
        yield Impostor(service, host)
        authserver_client._pool.cache_clear()


def accepted(message: bytes) -> dict[str, Any]:
    return {"accepted": True, "verdict": to_base64(message), "locked_until": None}


def verdict_on(step: Step, key: SigningKey, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "vk": bytes(step.token.vk),
        "s": bytes(step.s),
        "reason": Reason.ACCEPTED,
        "decided": int(now().timestamp()),
        "seq": 5,
    }
    return Verdict(**(fields | changes)).sign(key)


NONSENSE: dict[str, Callable[[Service, Step], None]] = {
    "nothing": lambda service, _: service.answer(b""),
    "garbage": lambda service, _: service.answer(b"\x00\xff\xfe garbage"),
    "a page": lambda service, _: service.answer(b"<html>Welcome</html>"),
    "half an answer": lambda service, _: service.answer(b'{"accepted": tr'),
    "no object": lambda service, _: service.answer([1, 2, 3]),
    "deep nesting": lambda service, _: service.answer(b"[" * 200_000),
    "a huge number": lambda service, _: service.answer(b'{"seq": ' + b"9" * 10_000 + b"}"),
    "a huge body": lambda service, _: service.answer(b" " * 1_500_000 + b"{}"),
    "an empty object": lambda service, _: service.answer({}),
    "accepted without a verdict": lambda service, _: service.answer({"accepted": True}),
    "a verdict of the wrong type": lambda service, _: service.answer(
        {"accepted": True, "verdict": 5}
    ),
    "a verdict that is no base64": lambda service, _: service.answer(
        {"accepted": True, "verdict": "ä"}
    ),
    "a verdict that is none": lambda service, _: service.answer(accepted(b"hello")),
    "a verdict of another key": lambda service, step: service.answer(
        accepted(verdict_on(step, SigningKey.generate()))
    ),
    "a message of another kind": lambda service, step: service.answer(
        accepted(cose.sign(SigningKey.generate(), Typ.RECEIPT, bytes(step.s)))
    ),
    "a redirect": lambda service, _: redirect(service),
    "not authenticated": lambda service, _: service.answer({"code": "not_authenticated"}, 401),
    "an error without a code": lambda service, _: service.answer({"error": "no"}, 400),
    "a code of the wrong type": lambda service, _: service.answer({"code": 5}, 422),
    "a page of an error": lambda service, _: service.answer(b"<h1>Bad gateway</h1>", 502),
    "a trouble of its own": lambda service, _: service.answer({"code": "internal_error"}, 500),
    "not ready": lambda service, _: service.answer({"code": "not_ready"}, 503),
    "it hangs up": lambda service, _: setattr(service, "drop", 9),
    "it is slow": lambda service, _: setattr(service, "delay", 1.0),
}


def redirect(service: Service) -> None:
    service.answer({}, 307)
    service.location = "http://127.0.0.1:1/elsewhere"


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_an_answer_of_nonsense_leaves_the_step_open_and_a_retry_succeeds(
    anna: Person, impostor: Impostor, nonsense: str
) -> None:
    step = anna.open()
    response = anna.response(step)
    NONSENSE[nonsense](impostor.service, step_row(step))
    impostor.takes_over()
    before = everything_stored()

    answer = anna.answer(step, response)

    assert answer.refusal == (503, "authserver_unavailable")
    assert answer.headers["Retry-After"]
    assert everything_stored() == before
    impostor.goes()
    assert anna.answer(step, response).body["accepted"] is True


def test_a_true_verdict_on_another_statement_is_not_taken(
    anna: Person, impostor: Impostor
) -> None:
    signed, step = anna.open(), anna.open()
    anna.sign(signed)
    response = anna.response(step)
    impostor.service.answer(accepted(bytes(step_row(signed).verdict or b"")))
    impostor.takes_over()

    assert anna.answer(step, response).refusal == (503, "authserver_unavailable")
    assert step_row(step).state == Step.State.CHALLENGED
    impostor.goes()
    assert anna.answer(step, response).body["accepted"] is True


@pytest.mark.parametrize(
    "nonsense", ["a verdict that is none", "a verdict of another key", "a message of another kind"]
)
def test_a_verdict_that_is_not_the_server_s_is_an_alarm(
    anna: Person, impostor: Impostor, nonsense: str
) -> None:
    step = anna.open()
    response = anna.response(step)
    NONSENSE[nonsense](impostor.service, step_row(step))
    impostor.takes_over()

    anna.answer(step, response)

    row = AuditRow.objects.get(action="verdict.refused")
    assert (row.actor, row.subject, row.code) == ("system", step["id"], "verdict_invalid")


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_an_ending_that_is_nonsense_leaves_the_step_closing(
    anna: Person, impostor: Impostor, nonsense: str
) -> None:
    step = anna.open()
    NONSENSE[nonsense](impostor.service, step_row(step))
    impostor.takes_over()

    answer = anna.call("POST", f"/steps/{step['id']}/cancel")

    assert answer.refusal[0] == 503
    assert step_row(step).state == Step.State.CLOSING
    impostor.goes()
    assert reconcile_steps(now=now()) == (1, 0)
    assert step_row(step).state == Step.State.CANCELLED


@pytest.mark.parametrize(
    "nonsense", [name for name in NONSENSE if "verdict" not in name and "message" not in name]
)
def test_a_token_is_not_paired_by_nonsense(
    mallory: Person, impostor: Impostor, nonsense: str
) -> None:
    NONSENSE[nonsense](impostor.service, Step())
    impostor.takes_over()
    before = everything_stored()

    assert mallory.call("POST", "/tokens", {}).refusal == (503, "authserver_unavailable")
    assert everything_stored() == before
    impostor.goes()
    assert mallory.post("/tokens", {})["state"] == "issued"


@pytest.mark.parametrize(
    "shown",
    [
        {"root": None},
        {"root": "AAAA"},
        {"root": f"{'A' * 42}B"},
        {"certificates": None},
        {"certificates": [5]},
        {"certificates": ["AAAA"]},
        {"certificates": []},
        {"name": ""},
        {"name": "n" * 21},
        {"name": "a\x00"},
    ],
    ids=str,
)
def test_a_host_that_shows_nonsense_is_not_registered(
    authserver: Authserver, impostor: Impostor, shown: dict[str, Any]
) -> None:
    keys = AuthserverClient(authserver.origin).keys()
    impostor.service.answer(keys | shown)
    before = everything_stored()

    with pytest.raises((HostInvalidError, AuthserverUnavailableError)):
        add_host(
            origin=impostor.service.origin,
            key="key",
            fingerprint=authserver.fingerprint,
            now=now(),
        )

    assert everything_stored() == before


def test_a_server_that_no_key_of_the_host_certified_is_not_taken(
    mallory: Person, impostor: Impostor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = AuthserverClient.pair

    def forged(client: AuthserverClient, **asked: Any) -> dict[str, Any]:
        answer = pair(client, **asked)
        genuine = cose.parse(authserver_client.from_base64(answer["certificate"]))
        message = cose.sign(SigningKey.generate(), Typ.SERVER, genuine.payload)
        return answer | {"certificate": to_base64(message)}

    monkeypatch.setattr(AuthserverClient, "pair", forged)

    assert mallory.call("POST", "/tokens", {}).refusal == (503, "authserver_unavailable")


def test_an_end_that_says_only_that_a_response_was_wrong_is_no_end(
    anna: Person, impostor: Impostor
) -> None:
    step = anna.open()
    impostor.service.answer({"accepted": False, "reason": "response_wrong"})
    impostor.takes_over()

    assert anna.call("POST", f"/steps/{step['id']}/cancel").refusal[0] == 503
    assert step_row(step).state == Step.State.CLOSING


def test_a_redirect_is_not_followed(anna: Person, impostor: Impostor) -> None:
    with serving() as elsewhere:
        impostor.service.answer({}, 302)
        impostor.service.location = f"{elsewhere.origin}/v1/stolen"
        impostor.takes_over()
        step = anna.open()

        anna.answer(step)

        assert elsewhere.asked == []


def test_a_call_that_got_no_answer_is_repeated_once(anna: Person, impostor: Impostor) -> None:
    step = anna.open()
    impostor.service.drop = 1
    impostor.service.answer({"accepted": False, "reason": "response_wrong", "tries_left": 3})
    impostor.takes_over()

    answer = anna.answer(step)

    assert answer.body["tries_left"] == 3
    first, second = impostor.service.asked
    assert first == second


def test_a_pairing_that_got_no_answer_is_not_repeated(mallory: Person, impostor: Impostor) -> None:
    impostor.service.drop = 1
    impostor.takes_over()

    mallory.call("POST", "/tokens", {})

    assert len(impostor.service.asked) == 1


def test_a_refusal_of_the_host_is_passed_on_with_its_time(
    anna: Person, impostor: Impostor
) -> None:
    step = anna.open()
    impostor.service.answer(
        {"code": "token_locked", "detail": "The token is locked.", "locked_until": 5, "secret": 1},
        423,
    )
    impostor.takes_over()

    answer = anna.answer(step)

    assert answer.refusal == (423, "token_locked")
    assert answer.body["locked_until"] == 5
    assert "secret" not in answer.body


def test_numbers_that_are_none_are_left_out(anna: Person, impostor: Impostor) -> None:
    impostor.service.answer(
        {"accepted": False, "reason": "response_wrong", "tries_left": "3", "locked_until": []}
    )
    step = anna.open()
    response = anna.response(step)
    impostor.takes_over()

    answer = anna.answer(step, response)

    assert answer.body["reason"] == "response_wrong"
    assert answer.body["tries_left"] is None


def test_what_goes_to_a_host_is_statement_response_and_no_more(
    anna: Person, impostor: Impostor
) -> None:
    step = anna.open()
    impostor.takes_over()
    response = anna.response(step)

    anna.answer(step, response)

    method, path, body = impostor.service.asked[0]
    assert (method, path) == ("POST", f"/v1/servers/{anna.token.vk.hex()}/verdicts")
    assert set(json.loads(body)) == {"statement", "certificate", "response", "last_seq"}


def test_a_connection_left_with_an_unread_answer_is_not_used_again(
    anna: Person, impostor: Impostor
) -> None:
    step = anna.open()
    response = anna.response(step)
    impostor.takes_over()
    impostor.service.answer(b"x" * 3_000_000)
    anna.answer(step, response)

    impostor.service.answer({"accepted": False, "reason": "response_wrong", "tries_left": 2})

    assert anna.answer(step, response).body["tries_left"] == 2
