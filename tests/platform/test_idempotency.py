"""``Idempotency-Key``: a POST is safe to repeat for a day, and what is kept is sealed."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from common.idempotency import ABANDONED_AFTER, KEPT, IdempotencyMiddleware, forget_old_requests
from common.models import IdempotentRequest
from enrolment.models import AuthserverHost, Token
from protocol.errors import ProtocolError
from tests.platform.world import Answer, Person, call, everything_stored, now, unreachable
from transactions.models import Step


def repeat(person: Person, path: str, body: object, key: str = "key-1") -> Answer:
    return person.call("POST", path, body, headers={"Idempotency-Key": key})


def age(by: timedelta) -> None:
    IdempotentRequest.objects.update(claimed_at=now() - by)


def test_a_repeated_request_gets_the_same_answer_and_is_done_once(anna: Person) -> None:
    body = anna.part()

    first, second = (repeat(anna, "/transactions", body) for _ in range(2))

    assert second.status == first.status == 201
    assert second.raw == first.raw
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert Step.objects.filter(holder=anna.holder).count() == 2  # with the activation


def test_another_key_is_another_request(anna: Person) -> None:
    first = repeat(anna, "/transactions", anna.part(), "a").body
    second = repeat(anna, "/transactions", anna.part(), "b").body

    assert first["id"] != second["id"]


def test_the_key_of_another_body_is_refused(anna: Person) -> None:
    repeat(anna, "/transactions", anna.part())

    answer = repeat(anna, "/transactions", anna.part(remark="something else"))

    assert answer.refusal == (422, "idempotency_key_reused")


def test_a_key_belongs_to_one_caller_and_one_route(anna: Person, mallory: Person) -> None:
    mine = repeat(anna, "/api-keys", {"name": "till"})
    theirs = repeat(mallory, "/api-keys", {"name": "till"})
    elsewhere = repeat(anna, "/me", {"name": "till"})

    assert mine.body["key"] != theirs.body["key"]
    assert elsewhere.body == {"account": anna.account, "name": "till"}


def test_a_request_that_is_still_running_is_not_run_twice(anna: Person) -> None:
    repeat(anna, "/api-keys", {"name": "till"})
    IdempotentRequest.objects.update(status=None, sealed_answer=b"")

    answer = repeat(anna, "/api-keys", {"name": "till"})

    assert answer.refusal == (409, "idempotency_in_progress")


def test_a_request_whose_process_died_may_be_taken_over(anna: Person) -> None:
    repeat(anna, "/api-keys", {"name": "till"})
    IdempotentRequest.objects.update(status=None, sealed_answer=b"")
    age(ABANDONED_AFTER + timedelta(seconds=1))

    answer = repeat(anna, "/api-keys", {"name": "till"})

    assert answer.status == 201
    assert repeat(anna, "/api-keys", {"name": "till"}).raw == answer.raw


def test_a_dead_request_is_taken_over_with_the_same_body_alone(anna: Person) -> None:
    repeat(anna, "/api-keys", {"name": "till"})
    IdempotentRequest.objects.update(status=None, sealed_answer=b"")
    age(ABANDONED_AFTER + timedelta(seconds=1))

    answer = repeat(anna, "/api-keys", {"name": "another"})

    assert answer.refusal == (422, "idempotency_key_reused")


def test_an_outage_is_not_kept(anna: Person, host: AuthserverHost) -> None:
    step = anna.open()
    path, body = f"/steps/{step['id']}/response", {"response": anna.response(step)}

    with unreachable(host):
        assert repeat(anna, path, body).refusal == (503, "authserver_unavailable")

    assert repeat(anna, path, body).body["accepted"] is True


def test_our_own_mistake_is_not_kept(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("accounts.services.create_api_key", fail)
        assert repeat(anna, "/api-keys", {"name": "till"}).refusal == (500, "internal_error")

    assert repeat(anna, "/api-keys", {"name": "till"}).status == 201


def test_a_request_that_broke_off_leaves_its_key_free(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    request = Client().post("/api/v1/me", headers={"Idempotency-Key": "k"}).wsgi_request

    with pytest.raises(KeyboardInterrupt):
        IdempotencyMiddleware(stop)(request)  # type: ignore[arg-type]  # it answers nothing

    assert not IdempotentRequest.objects.exists()


@pytest.mark.parametrize("status", [401, 403, 409, 423, 429])
def test_a_refusal_that_may_pass_is_not_kept(anna: Person, status: int) -> None:
    request = Client().post("/api/v1/me", headers={"Idempotency-Key": "k"}).wsgi_request

    IdempotencyMiddleware(lambda _: HttpResponse(status=status))(request)

    assert not IdempotentRequest.objects.exists()


def test_a_refusal_of_the_body_is_kept(anna: Person) -> None:
    first, second = (repeat(anna, "/api-keys", {"name": ""}) for _ in range(2))

    assert second.raw == first.raw
    assert second.status == 422
    assert second.headers["Idempotency-Replayed"] == "true"


def test_nothing_of_request_or_answer_can_be_read_in_the_database(anna: Person) -> None:
    key = repeat(anna, "/api-keys", {"name": "secret till"}).body["key"]
    invitation = repeat(anna, "/tokens", {"name": "second phone"}).body["invitation"]

    IdempotentRequest.objects.filter(status=None).delete()
    kept = b"".join(
        bytes(value)
        for row in IdempotentRequest.objects.values_list("scope", "body_hash", "sealed_answer")
        for value in row
    )
    assert len(kept) > 2 * 64
    for secret in (key, invitation, "secret till", anna.key, "key-1"):
        assert secret.encode() not in kept


def test_an_answer_copied_to_another_request_does_not_open(anna: Person) -> None:
    repeat(anna, "/api-keys", {"name": "till"}, "a")
    repeat(anna, "/api-keys", {"name": "till"}, "b")
    first, second = IdempotentRequest.objects.order_by("pk")
    IdempotentRequest.objects.filter(pk=second.pk).update(sealed_answer=first.sealed_answer)

    answer = repeat(anna, "/api-keys", {"name": "till"}, "b")

    assert answer.status == 500
    assert ProtocolError.__name__ not in answer.raw.decode()


def test_the_key_of_a_revoked_api_key_gets_no_answer_again(anna: Person) -> None:
    made = anna.post("/api-keys", {"name": "till"})
    headers = {"Idempotency-Key": "k"}
    call("POST", "/api-keys", {"name": "x"}, key=made["key"], headers=headers)
    anna.call("DELETE", f"/api-keys/{made['id']}")

    answer = call("POST", "/api-keys", {"name": "x"}, key=made["key"], headers=headers)

    assert answer.refusal == (401, "not_authenticated")


@pytest.mark.parametrize("key", ["", " " * 0, "k" * 65, "k\x7f", "k\xe9"])
def test_what_is_no_key_is_refused(anna: Person, key: str) -> None:
    before = everything_stored()

    answer = repeat(anna, "/api-keys", {"name": "till"}, key)

    assert answer.refusal == (422, "idempotency_key_invalid")
    assert everything_stored() == before


def test_a_key_means_nothing_to_other_methods_and_other_pages(anna: Person) -> None:
    for method, path in (("GET", "/me"), ("POST", "/accounts/login/")):
        anna.call(method, path, headers={"Idempotency-Key": "k" * 65})

    assert not IdempotentRequest.objects.exists()


def test_answers_are_forgotten_after_a_day(anna: Person) -> None:
    repeat(anna, "/api-keys", {"name": "till"})
    assert forget_old_requests(now=now()) == 0

    age(KEPT + timedelta(seconds=1))

    assert forget_old_requests(now=now()) == 1


def test_a_token_is_paired_once_for_two_requests(mallory: Person) -> None:
    first, second = (repeat(mallory, "/tokens", {}) for _ in range(2))

    assert first.body == second.body
    assert Token.objects.count() == 1
