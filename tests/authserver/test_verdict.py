"""POST /v1/servers/{vk}/verdicts: judging a response, by the numbers of the procedure."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import time_machine

from authserver.base64url import encode
from authserver.models import Failure, Verdict
from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.keys import KeyCertificate, Purpose
from protocol.statement import Demand, Kind, Sight
from protocol.statement import Platform as PlatformInformation
from protocol.verdict import Reason
from tests.authserver.world import NOON, TYPED_SUITE, Bank, LocalHost, Paired, opened

NOW = int(NOON.timestamp())
DAY = 86_400


def uncounted(paired: Paired) -> bool:
    return paired.status()["tries_left"] == 5 and not Failure.objects.exists()


def test_the_right_response_is_accepted_and_signed(active: Paired) -> None:
    statement = active.statement()
    answer = active.answer(statement)
    verdict = opened(answer, active)
    assert answer.body["accepted"] is True
    assert answer.body["locked_until"] is None
    assert verdict.s == statement.digest
    assert (verdict.vk.hex(), verdict.reason) == (active.vk, Reason.ACCEPTED)
    assert (verdict.decided, verdict.seq) == (NOW, 2)


@pytest.mark.parametrize(
    "kind", [Kind.PAYMENT, Kind.TRANSFER, Kind.ORDER, Kind.APPROVAL, Kind.OTHER, Kind.TEST]
)
def test_an_active_token_answers_every_business_kind_and_tests(active: Paired, kind: Kind) -> None:
    demand = Demand(kind, amount=100, currency="EUR", payee_account="DE1")
    assert active.answer(active.statement(demand=demand)).body["accepted"] is True


def test_each_verdict_is_linked_to_the_one_before(active: Paired) -> None:
    for number in range(3):
        active.answer(active.statement(number=number))
    link = bytes(32)
    for seq, verdict in enumerate(Verdict.objects.order_by("id"), start=1):
        link = hashlib.sha256(b"countersign/verdict-link/1\x00" + link + verdict.message).digest()
        assert (verdict.seq, verdict.link) == (seq, link)
    assert active.row.head == link


def test_a_wrong_response_is_an_unsigned_verdict_without_a_number(active: Paired) -> None:
    statement = active.statement()
    wrong = active.answer(statement, active.wrong(statement))
    assert wrong.status == 200
    assert wrong.body == {"accepted": False, "reason": "response_wrong", "tries_left": 4}
    assert active.status()["seq"] == 1


def test_success_gives_the_tries_back(active: Paired) -> None:
    statement = active.statement()
    active.answer(statement, active.wrong(statement))
    active.answer(statement)
    assert active.status()["tries_left"] == 5


# (1) What is not this server's statement is an error, and not counted.


def forged_key(paired: Paired) -> dict[str, str]:
    key = SigningKey.generate()
    return {"statement": encode(cose.sign(key, Typ.STATEMENT, paired.statement().payload()))}


def other_typ(paired: Paired) -> dict[str, str]:
    payload = paired.statement().payload()
    return {"statement": encode(cose.sign(paired.bank.statement_key, Typ.RECEIPT, payload))}


def not_a_statement(paired: Paired) -> dict[str, str]:
    return {"statement": encode(cose.sign(paired.bank.statement_key, Typ.STATEMENT, b"\x80"))}


def flipped_bit(paired: Paired) -> dict[str, str]:
    message = bytearray(paired.bank.sign(paired.statement()))
    message[-1] ^= 1
    return {"statement": encode(bytes(message))}


def key_of(paired: Paired, **changes: Any) -> dict[str, str]:
    fields: dict[str, Any] = {
        "key": paired.bank.statement_key.public,
        "purpose": Purpose.STATEMENT,
        "subject": "bank",
        "from_day": NOW // DAY,
        "to_day": NOW // DAY,
    }
    root = changes.pop("root", paired.bank.root)
    return {"certificate": encode(KeyCertificate(**(fields | changes)).sign(root))}


FORGERIES: dict[str, Callable[[Paired], dict[str, str]]] = {
    "signed by another key": forged_key,
    "another type": other_typ,
    "not a statement": not_a_statement,
    "signature altered": flipped_bit,
    "empty": lambda paired: {"statement": ""},
    "truncated": lambda paired: {"statement": encode(paired.bank.sign(paired.statement())[:-1])},
    "too large": lambda paired: {"statement": encode(b"\xd2" + bytes(5000))},
    "certificate is empty": lambda paired: {"certificate": ""},
    "certificate by another root": lambda paired: key_of(paired, root=SigningKey.generate()),
    "certificate of a receipt key": lambda paired: key_of(paired, purpose=Purpose.RECEIPT),
    "certificate of another platform": lambda paired: key_of(paired, subject="shop"),
    "certificate ended": lambda paired: key_of(paired, from_day=1, to_day=NOW // DAY - 1),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_statement_is_invalid_and_not_counted(
    active: Paired, forge: Callable[[Paired], dict[str, str]]
) -> None:
    refused = active.answer(active.statement(), "00000000", **forge(active))
    assert (refused.status, refused.code) == (422, "statement_invalid")
    assert refused.body["detail"].endswith(".")
    assert uncounted(active)


MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "another platform": (
        {"platform": PlatformInformation("shop", "Shop", "https://bank.example")},
        "statement_invalid",
    ),
    "another origin": (
        {"platform": PlatformInformation("bank", "Bank", "https://shop.example")},
        "statement_invalid",
    ),
    "another server": ({"vk": bytes(8)}, "wrong_authserver"),
    "another token": ({"serial": "CS0"}, "token_not_paired"),
    "issued in the future": ({"issued": NOW + 31}, "statement_invalid"),
    "another sight": ({"sight": Sight.TYPED}, "statement_invalid"),
    "login": ({"demand": Demand(Kind.LOGIN)}, "kind_refused"),
    "billing": ({"demand": Demand(Kind.BILLING)}, "kind_refused"),
    "offline": ({"demand": Demand(Kind.OFFLINE)}, "kind_refused"),
}


@pytest.mark.parametrize(("changes", "code"), MISFITS.values(), ids=MISFITS)
def test_a_statement_for_something_else_is_refused_and_not_counted(
    active: Paired, changes: dict[str, Any], code: str
) -> None:
    refused = active.answer(active.statement(**changes), at="/verdicts")
    assert refused.code == code
    assert uncounted(active)


def test_the_platforms_clock_may_be_thirty_seconds_ahead(active: Paired) -> None:
    assert active.answer(active.statement(issued=NOW + 30)).body["accepted"] is True


def test_a_statement_of_another_platform_does_not_pass_for_ours(
    active: Paired, host: LocalHost
) -> None:
    # Its own key and certificate are as good as ours; the server is not theirs.
    other = Bank.make("bank", NOON)
    active.bank = replace(other, key=active.bank.key)
    assert active.answer(active.statement()).code == "statement_invalid"


# (3) Closed servers and statements.


def test_a_response_in_the_last_second_is_judged(
    active: Paired, clock: time_machine.Traveller
) -> None:
    statement = active.statement(ttl=180)
    clock.shift(180)
    assert active.answer(statement).body["accepted"] is True


def test_a_response_after_the_last_second_is_too_late_and_not_counted(
    active: Paired, clock: time_machine.Traveller
) -> None:
    statement = active.statement(ttl=180)
    clock.shift(181)
    late = active.answer(statement)
    assert (late.status, late.code) == (410, "challenge_expired")
    assert uncounted(active)


# (4) and beyond: the table of responses that must not pass.


def other_challenge(paired: Paired) -> str:
    return paired.token.respond(paired.statement(number=77))


RESPONSES: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda right: "", "response_malformed"),
    "short": (lambda right: right[:-1], "response_malformed"),
    "long": (lambda right: right + "0", "response_malformed"),
    "space before": (lambda right: " " + right, "response_malformed"),
    "space for a digit": (lambda right: " " + right[1:], "response_malformed"),
    "spaced": (lambda right: f"{right[:4]} {right[4:]}", "response_malformed"),
    "line break": (lambda right: right + "\n", "response_malformed"),
    "full-width": (
        lambda right: "".join(chr(0xFEE0 + ord(d)) for d in right),
        "response_malformed",
    ),
    "Arabic": (lambda right: "".join(chr(0x0630 + ord(d)) for d in right), "response_malformed"),
    "letters": (lambda right: "abcdefgh", "response_malformed"),
    "signed": (lambda right: "+" + right[1:], "response_malformed"),
}


@pytest.mark.parametrize(("change", "code"), RESPONSES.values(), ids=RESPONSES)
def test_a_response_that_is_not_n_digits_is_an_error_and_not_counted(
    active: Paired, change: Callable[[str], str], code: str
) -> None:
    statement = active.statement()
    refused = active.answer(statement, change(active.token.respond(statement)))
    assert (refused.status, refused.code) == (422, code)
    assert uncounted(active)


def test_the_response_to_another_challenge_is_wrong(active: Paired) -> None:
    wrong = active.answer(active.statement(), other_challenge(active))
    assert wrong.body["reason"] == "response_wrong"


def test_the_response_of_another_token_is_wrong(
    active: Paired, host: LocalHost, bank: Bank
) -> None:
    other = Paired.make(host, bank)
    other.activate()
    statement = active.statement()
    wrong = active.answer(statement, other.token.respond(statement))
    assert wrong.body["reason"] == "response_wrong"


def test_any_change_of_the_content_makes_another_challenge(active: Paired) -> None:
    right = active.token.respond(active.statement())
    for changes in (
        {"demand": Demand(Kind.ORDER, text="ten chairs!")},
        {"nonce": b"x" * 12},
        {"pos": 1, "prev": bytes(32)},
        {"tx": b"another!"},
        {"ttl": 181},
    ):
        assert active.answer(active.statement(**changes), right).body["accepted"] is False


# (5) Repeats.


def test_the_same_wrong_response_is_counted_once(active: Paired) -> None:
    statement = active.statement()
    first = active.answer(statement, active.wrong(statement))
    again = [active.answer(statement, active.wrong(statement)) for _ in range(9)]
    assert {answer.raw for answer in again} == {first.raw}
    assert active.status()["tries_left"] == 4


def test_the_same_wrong_response_to_another_statement_counts(active: Paired) -> None:
    first, second = active.statement(number=1), active.statement(number=2)
    wrong = active.wrong(first)
    assert active.wrong(second) == wrong
    active.answer(first, wrong)
    assert active.answer(second, wrong).body["tries_left"] == 3


def test_status_reads_never_count(active: Paired) -> None:
    for _ in range(20):
        active.status()
        active.stored(active.statement())
    assert uncounted(active)


# A host that lost verdicts.


def test_a_host_behind_what_the_platform_saw_gives_no_verdict(active: Paired) -> None:
    active.last_seq = 2
    refused = active.answer(active.statement())
    assert (refused.status, refused.code) == (503, "host_rolled_back")
    assert uncounted(active)


# UNIQUE(server, question).


def test_a_typed_question_is_answered_once(host: LocalHost, bank: Bank) -> None:
    paired = Paired.make(host, bank, TYPED_SUITE)
    paired.activate()
    statement = paired.statement()
    Verdict.objects.update(question=f"{10**9 + int.from_bytes(statement.digest) % (9 * 10**9)}")
    refused = paired.answer(statement)
    assert (refused.status, refused.code) == (409, "question_reused")
    assert paired.status()["seq"] == 1
    assert uncounted(paired)


def test_a_used_question_does_not_keep_a_statement_from_ending(
    host: LocalHost, bank: Bank
) -> None:
    paired = Paired.make(host, bank, TYPED_SUITE)
    paired.activate()
    statement = paired.statement()
    Verdict.objects.update(question=f"{10**9 + int.from_bytes(statement.digest) % (9 * 10**9)}")
    assert paired.void(statement).body["reason"] == "cancelled"


# GET /v1/servers/{vk}/verdicts/{S}.


def test_a_stored_verdict_is_given_again(active: Paired) -> None:
    statement = active.statement()
    answer = active.answer(statement)
    assert active.stored(statement).body == answer.body


def test_without_a_verdict_there_is_none_to_give(active: Paired) -> None:
    statement = active.statement()
    active.answer(statement, active.wrong(statement))
    missing = active.stored(statement)
    assert (missing.status, missing.code) == (404, "verdict_unknown")
