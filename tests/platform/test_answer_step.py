"""POST /steps/{S}/response: how a typed response is judged, and what is answered."""

import itertools
import logging
from datetime import timedelta

import pytest
from django.db import connection

from enrolment.authserver_client import AuthserverClient
from enrolment.models import AuthserverHost, Token
from protocol import cose
from protocol.cose import Typ
from protocol.keys import ServerCertificate
from protocol.verdict import Verdict
from signing import services as signing
from signing.models import PlatformKey
from signing.selectors import _certificate_of
from tests.platform.world import (
    TYPED_SUITE,
    Authserver,
    Person,
    call,
    everything_stored,
    lose_the_answer,
    now,
    read_receipt,
    seconds_ago,
    step_row,
    unreachable,
)
from tokens import responses
from tokens.question import question_for
from transactions.models import Step

COUNTER_SUITE = "OCRA-1:HOTP-SHA256-8:C-QH64"


def code_of(person: Person, step: dict[str, str]) -> str:
    """What a person's token would answer if it did not check whom a statement addresses."""
    token = person.token
    return responses.compute(
        token.suite,
        token.seed,
        question=question_for(token.suite, bytes.fromhex(step["id"])),
        time_step=int(now().timestamp()) // 60,
    )


def test_the_right_response_signs_the_step(anna: Person) -> None:
    step = anna.open()

    answer = anna.answer(step)

    assert answer.status == 200
    assert answer.body["accepted"] is True
    assert answer.body["reason"] == "accepted"
    assert answer.body["state"] == "signed"
    assert step_row(step).state == Step.State.SIGNED


def test_the_verdict_is_signed_by_the_server_paired_with_the_token(anna: Person) -> None:
    step = anna.open()
    message = bytes.fromhex(anna.answer(step).body["verdict"])

    row = Token.objects.get(serial=anna.token.serial)
    certified = ServerCertificate.from_payload(cose.parse(bytes(row.certificate)).payload)
    verdict = Verdict.from_payload(cose.open_signed(message, typ=Typ.VERDICT, key=certified.key))
    assert verdict.accepted
    assert verdict.s.hex() == step["id"]
    assert verdict.vk == anna.token.vk


def test_a_wrong_response_is_an_answer_that_says_how_many_tries_are_left(anna: Person) -> None:
    step = anna.open()

    answer = anna.answer(step, anna.wrong(step))

    assert answer.status == 200
    assert answer.body["accepted"] is False
    assert answer.body["reason"] == "response_wrong"
    assert answer.body["tries_left"] == 4
    assert answer.body["state"] == "challenged"
    assert answer.body["receipt"] is None


def test_the_same_wrong_response_counts_once(anna: Person) -> None:
    step = anna.open()

    tries = [anna.answer(step, anna.wrong(step)).body["tries_left"] for _ in range(3)]

    assert tries == [4, 4, 4]


def test_the_right_response_is_taken_after_wrong_ones(anna: Person) -> None:
    step = anna.open()
    for number in range(4):
        anna.answer(step, anna.wrong(step, number))

    assert anna.answer(step).body["accepted"] is True


def test_the_fifth_wrong_response_refuses_the_step_and_locks_the_token(anna: Person) -> None:
    step = anna.open()

    answer = anna.lock(step)

    assert answer.status == 200
    assert answer.body["accepted"] is False
    assert answer.body["reason"] == "attempts_exhausted"
    assert answer.body["state"] == "refused"
    assert answer.body["tries_left"] == 0
    assert answer.body["locked_until"] > now().timestamp()
    assert not read_receipt(answer.body["receipt"]).is_accepted


def test_a_locked_token_is_told_until_when(anna: Person) -> None:
    other = anna.open()
    locked = anna.lock(anna.open()).body["locked_until"]

    answer = anna.answer(other)

    assert answer.refusal == (423, "token_locked")
    assert answer.body["locked_until"] == locked
    assert step_row(other).state == Step.State.CHALLENGED


def test_the_right_response_again_gets_the_same_answer(anna: Person) -> None:
    step = anna.open()
    response = anna.response(step)

    first, second = anna.answer(step, response), anna.answer(step, response)

    assert first.body == second.body


def test_another_response_to_a_signed_step_is_a_replay(anna: Person) -> None:
    step = anna.open()
    anna.sign(step)
    before = everything_stored()

    assert anna.answer(step, anna.wrong(step)).refusal == (409, "response_replayed")
    assert everything_stored() == before


def test_an_expired_challenge_is_not_answered_any_more(anna: Person) -> None:
    with seconds_ago(600):
        step = anna.open()
        response = anna.response(step)

    assert anna.answer(step, response).refusal == (410, "challenge_expired")
    assert step_row(step).state == Step.State.EXPIRED
    assert anna.answer(step, response).refusal == (410, "challenge_expired")


def test_an_accepted_response_is_confirmed_again_after_the_challenge_expired(
    anna: Person, host: AuthserverHost
) -> None:
    step = anna.open(ttl=30)
    response = anna.response(step)
    lose_the_answer(step, response)
    Step.objects.update(expires_at="2020-01-01T00:00:00Z")

    answer = anna.answer(step, response)

    assert answer.body["accepted"] is True
    assert answer.body["receipt"]


def test_a_challenge_that_was_ended_is_void(anna: Person) -> None:
    step = anna.open()
    response = anna.response(step)
    anna.post(f"/steps/{step['id']}/cancel")

    assert anna.answer(step, response).refusal == (409, "challenge_void")


def test_a_refused_step_is_void(anna: Person) -> None:
    step = anna.open()
    anna.lock(step)

    assert anna.answer(step).refusal == (409, "challenge_void")


@pytest.mark.parametrize("action", ["suspend", "revoke"])
def test_a_token_that_is_not_active_any_more_cannot_answer(anna: Person, action: str) -> None:
    step = anna.open()
    anna.post(f"/tokens/{anna.token.serial}/{action}")

    assert anna.answer(step).refusal == (409, "token_not_active")


def test_a_statement_for_another_server_is_refused_by_the_server(
    anna: Person, ben: Person
) -> None:
    step = anna.open()
    Token.objects.filter(serial=ben.token.serial).update(vk=bytes(8))
    Token.objects.filter(serial=anna.token.serial).update(vk=ben.token.vk)

    assert anna.answer(step, "12345678").refusal == (409, "wrong_authserver")


def test_a_statement_for_another_token_is_refused_by_the_server(anna: Person) -> None:
    Token.objects.filter(serial=anna.token.serial).update(serial="ANOTHER")
    step = anna.open(token="ANOTHER")

    assert anna.answer(step, "12345678").refusal == (409, "token_not_paired")


def test_each_token_answers_for_its_own_server_alone(
    anna: Person, ben: Person, cora: Person
) -> None:
    people = (anna, ben, cora)
    steps = [person.open() for person in people]

    accepted = [
        (asked, answering)
        for asked, answering in itertools.product(range(3), repeat=2)
        if people[asked]
        .answer(steps[asked], code_of(people[answering], steps[asked]))
        .body.get("accepted")
    ]

    assert accepted == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize(
    "response",
    ["", "1234567", "123456789", "1234567a", "\uff11" * 8, "1234 567", "-1234567"],
    ids=["none", "7", "9", "letter", "full-width", "space", "sign"],
)
def test_what_is_no_response_is_refused_and_costs_no_try(anna: Person, response: str) -> None:
    step = anna.open()

    assert anna.answer(step, response).refusal == (422, "response_malformed")
    assert anna.answer(step, anna.wrong(step)).body["tries_left"] == 4


@pytest.mark.parametrize("response", [None, 12345678, ["12345678"], {}, "1" * 65, "\ud800"])
def test_a_response_of_the_wrong_form_is_refused(anna: Person, response: object) -> None:
    step = anna.open()

    answer = anna.call("POST", f"/steps/{step['id']}/response", {"response": response})

    assert answer.refusal == (422, "input_invalid")


def test_a_refusal_never_repeats_the_response(anna: Person) -> None:
    step = anna.open()

    answer = anna.call("POST", f"/steps/{step['id']}/response", {"response": ["31415926"]})

    assert b"31415926" not in answer.raw


def test_only_the_holder_answers(anna: Person, ben: Person, mallory: Person) -> None:
    step = ben.follow(anna.sign(anna.open()))
    response = ben.response(step)

    assert anna.answer(step, response).refusal == (404, "not_found")
    assert mallory.answer(step, response).refusal == (404, "not_found")
    path = f"/steps/{step['id']}/response"
    assert call("POST", path, {"response": response}).refusal == (401, "not_authenticated")


def test_an_unknown_step_is_not_found(anna: Person) -> None:
    assert anna.answer({"id": "0" * 64}, "12345678").refusal == (404, "not_found")


@pytest.mark.parametrize("s", ["0", "g" * 64, "A" * 64, "0" * 65, "%00" * 64])
def test_what_is_no_id_of_a_step_is_refused(anna: Person, s: str) -> None:
    assert anna.answer({"id": s}, "12345678").refusal == (422, "input_invalid")


def test_a_typed_token_signs_by_its_ten_digits(mallory: Person) -> None:
    mallory.enrol(TYPED_SUITE)
    step = mallory.open()
    token = mallory.token

    response = responses.compute(
        token.suite,
        token.seed,
        question=step["question"],
        time_step=int(now().timestamp()) // 60,
    )

    assert mallory.answer(step, response).body["accepted"] is True


def test_a_token_with_a_counter_signs_step_after_step(mallory: Person) -> None:
    mallory.enrol(COUNTER_SUITE)

    for _ in range(2):
        mallory.tokens.append(mallory.token.advanced())
        assert mallory.sign(mallory.open())


def test_a_host_without_an_answer_leaves_the_step_open(anna: Person, host: AuthserverHost) -> None:
    step = anna.open()
    response = anna.response(step)
    before = everything_stored()

    with unreachable(host):
        answer = anna.answer(step, response)
        assert answer.refusal == (503, "authserver_unavailable")
        assert int(answer.headers["Retry-After"]) > 0

    assert everything_stored() == before
    assert anna.answer(step, response).body["accepted"] is True


def test_a_host_that_forgot_a_verdict_is_not_trusted(anna: Person) -> None:
    signed = anna.open()
    anna.sign(signed)
    Step.objects.filter(s=bytes.fromhex(signed["id"])).update(seq=1000)
    step = anna.open()

    answer = anna.answer(step)

    assert answer.refusal == (503, "host_rolled_back")
    assert "Retry-After" in answer.headers
    assert step_row(step).state == Step.State.CHALLENGED


def test_a_challenge_survives_a_change_of_the_signing_keys(
    anna: Person, authserver: Authserver
) -> None:
    step = anna.open()
    signing.create_keys(root=authserver.platform_root, now=now())

    assert anna.sign(step)


def test_a_challenge_made_before_a_change_of_the_signing_keys_can_be_ended(
    anna: Person, authserver: Authserver
) -> None:
    step = anna.open()
    signing.create_keys(root=authserver.platform_root, now=now())

    assert anna.post(f"/steps/{step['id']}/cancel")["state"] == "cancelled"


def test_a_challenge_whose_signing_key_is_lost_is_not_answered(anna: Person) -> None:
    step = anna.open()
    response = anna.response(step)
    PlatformKey.objects.filter(purpose="statement").delete()
    _certificate_of.cache_clear()

    assert anna.answer(step, response).refusal == (503, "keys_missing")


def test_a_receipt_over_two_generations_of_keys_verifies(
    anna: Person, ben: Person, authserver: Authserver
) -> None:
    first = anna.sign(anna.open())
    signing.create_keys(root=authserver.platform_root, now=now())
    step = ben.follow(first)
    ben.tokens[-1] = ben.token.with_keys(call("GET", "/.well-known/countersign/keys").raw)

    report = call("POST", "/receipts/verify", {"receipt": ben.sign(step)}).body

    assert report["is_complete"] is True


def test_steps_whose_clocks_contradict_each_other_break_the_chain(
    anna: Person, ben: Person
) -> None:
    first = anna.open()
    receipt = anna.sign(first)
    step = ben.follow(receipt)
    Step.objects.filter(s=bytes.fromhex(first["id"])).update(
        decided_at=now() + timedelta(days=366)
    )

    assert ben.answer(step).refusal == (422, "chain_broken")
    assert step_row(step).state == Step.State.CHALLENGED


def test_the_server_is_asked_outside_any_transaction(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth = len(connection.savepoint_ids)
    seen: list[int] = []
    judge = AuthserverClient.judge

    def watched(client: AuthserverClient, **asked: object) -> object:
        seen.append(len(connection.savepoint_ids))
        return judge(client, **asked)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(AuthserverClient, "judge", watched)
    anna.sign(anna.open())

    assert seen == [depth]


def test_no_response_is_kept_or_logged(anna: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    step = anna.open()
    wrong, right = anna.wrong(step), anna.response(step)

    anna.answer(step, wrong)
    anna.answer(step, right)

    kept = str(everything_stored())
    for response in (wrong, right):
        assert response not in caplog.text
        assert f"'{response}'" not in kept
