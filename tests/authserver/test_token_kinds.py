"""Every kind of token: the right code once, and no other."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from authserver.models import Event
from protocol.statement import Demand, Kind, Statement
from tests.authserver.conftest import admitted
from tests.authserver.world import Bank, LocalHost, Paired, opened

SUITES = {
    "OCRA QH64-T1M": "OCRA-1:HOTP-SHA256-8:QH64-T1M",
    "OCRA QH64": "OCRA-1:HOTP-SHA256-8:QH64",
    "OCRA QN10-T1M": "OCRA-1:HOTP-SHA256-8:QN10-T1M",
    "OCRA QN10": "OCRA-1:HOTP-SHA256-8:QN10",
    "OCRA C-QN08": "OCRA-1:HOTP-SHA256-8:C-QN08",
    "OCRA SHA1": "OCRA-1:HOTP-SHA1-6:QN08",
    "GM/T SM3 Q64": "GMT0021:SM3-8:T60-Q64",
    "GM/T SM3 C": "GMT0021:SM3-8:C-Q64",
    "GM/T SM3 T C": "GMT0021:SM3-6:T60-C-Q8",
    "GM/T SM4 Q8": "GMT0021:SM4-8:T60-Q8",
    "HOTP": "HOTP:SHA1-6",
    "TOTP": "TOTP:SHA1-6:T30",
}


@pytest.fixture(params=SUITES)
def token(request: pytest.FixtureRequest, host: LocalHost, bank: Bank) -> Paired:
    """An active token of each kind, whose next code is not used yet."""
    paired = Paired.make(host, bank, SUITES[request.param])
    paired.activate()
    return paired


@pytest.fixture(autouse=True)
def later(token: Paired, clock: time_machine.Traveller) -> None:
    """Let the time step of the activation pass."""
    clock.shift(timedelta(minutes=1))


def ask(token: Paired, number: int = 0) -> Statement:
    """Make a statement of a kind that this token answers."""
    kind = Kind.ORDER if token.token.suite.has_question else Kind.LOGIN
    return token.statement(kind, number=number)


def proceed(token: Paired, clock: time_machine.Traveller) -> None:
    """Let the token go on to its next code."""
    token.token.counter += 1
    clock.shift(timedelta(seconds=token.token.suite.time_step_seconds or 0))


def test_the_right_code_is_accepted_once(token: Paired, clock: time_machine.Traveller) -> None:
    statement = ask(token)
    right = token.token.respond(statement)
    first = token.answer(statement, right)
    assert first.body["accepted"] is True
    assert opened(first, token).s == statement.digest
    assert token.answer(statement, right).raw == first.raw
    proceed(token, clock)
    replayed = ask(token, number=1)
    # Nobody answers two questions alike, but one time in as many as there are codes.
    if token.token.respond(replayed) != right:
        assert token.answer(replayed, right).body["reason"] == "response_wrong"


MALFORMED: dict[str, Callable[[str], str]] = {
    "empty": lambda right: "",
    "short": lambda right: right[:-1],
    "long": lambda right: right + "0",
    "spaced": lambda right: f"{right[:3]} {right[3:]}",
    "space instead": lambda right: " " + right[1:],
    "line feed": lambda right: right + "\n",
    "full width": lambda right: "".join(chr(ord(digit) + 0xFEE0) for digit in right),
    "superscript": lambda right: "²" * len(right),
    "signed": lambda right: "+" + right[1:],
    "letters": lambda right: "l" * len(right),
}


def test_what_is_no_code_is_an_error_and_not_counted(token: Paired) -> None:
    statement = ask(token)
    for spoil in MALFORMED.values():
        refused = token.answer(statement, spoil(token.token.respond(statement)))
        assert (refused.status, refused.code) == (422, "response_malformed")
    assert token.status()["tries_left"] == 5
    assert token.answer(statement).body["accepted"] is True


def is_wrong(token: Paired, statement: Statement, response: str) -> bool:
    """Whether a response is refused, and counted."""
    before = token.status()["tries_left"]
    answer = token.answer(statement, response)
    return answer.body == {
        "accepted": False,
        "reason": "response_wrong",
        "tries_left": before - 1,
    }


def test_a_wrong_code_is_counted_and_the_right_one_is_accepted_after_it(token: Paired) -> None:
    statement = ask(token)
    assert is_wrong(token, statement, token.wrong(statement))
    assert token.answer(statement).body["accepted"] is True


def test_the_code_of_another_challenge_is_wrong(token: Paired) -> None:
    statement, other = ask(token), ask(token, number=1)
    code = token.token.respond(other)
    if token.token.suite.has_question:
        assert is_wrong(token, statement, code)
    else:
        # Such a code is bound to no statement; that is why it only signs in.
        order = token.answer(token.statement(Kind.ORDER), code, at="/verdicts")
        assert order.code == "kind_refused"


def test_the_code_of_another_token_is_wrong(token: Paired, host: LocalHost, bank: Bank) -> None:
    other = Paired.make(host, bank, str(token.token.suite))
    other.activate()
    statement = ask(token)
    assert is_wrong(token, statement, other.token.respond(statement))
    assert other.answer(statement).code == "wrong_authserver"


def test_a_code_of_before_the_last_accepted_one_is_wrong(token: Paired) -> None:
    last, statement = ask(token), ask(token, number=1)
    suite = token.token.suite
    if not suite.counter and not suite.time_step_seconds:
        pytest.skip("nothing is before anything")
    steps = 1 if suite.time_step_seconds and not suite.counter else 0
    token.token.counter += 1
    accepted = token.answer(last, token.token.respond(last, steps=steps))
    assert accepted.body["accepted"] is True
    token.token.counter -= 1
    assert is_wrong(token, statement, token.token.respond(statement))


def test_a_code_from_outside_the_window_is_wrong(token: Paired) -> None:
    suite, statement = token.token.suite, ask(token)
    if suite.time_step_seconds:
        for steps in (-2, 2):
            assert is_wrong(token, statement, token.token.respond(statement, steps=steps))
    if suite.counter:
        token.token.counter += 20
        assert is_wrong(token, statement, token.token.respond(statement))


def test_no_code_is_accepted_after_the_challenge_has_expired(
    token: Paired, clock: time_machine.Traveller
) -> None:
    statement = ask(token)
    right = token.token.respond(statement)
    clock.shift(statement.ttl + 1)
    for response in (right, token.token.respond(statement), token.wrong(statement)):
        refused = token.answer(statement, response)
        assert (refused.status, refused.code) == (410, "challenge_expired")
    assert token.status()["tries_left"] == 5


def test_no_code_is_accepted_from_a_token_that_is_not_active(token: Paired) -> None:
    for action in ("suspend", "revoke"):
        token.call("POST", f"/{action}")
        assert token.answer(ask(token)).code == "token_not_active"


def test_a_locked_token_answers_the_right_code_and_a_wrong_one_alike(token: Paired) -> None:
    token.fail(ask(token), 5)
    statement = ask(token, number=1)
    right, wrong = token.answer(statement), token.answer(statement, token.wrong(statement))
    assert (right.status, right.code) == (423, "token_locked")
    assert {**right.body, "trace_id": ""} == {**wrong.body, "trace_id": ""}


def test_a_login_answers_by_its_own_call_alone(token: Paired) -> None:
    login = token.statement(Kind.LOGIN)
    assert token.answer(login, at="/verdicts").code == "kind_refused"
    assert token.answer(login).body["accepted"] is True


def test_each_kind_of_statement_has_its_call(token: Paired) -> None:
    own = {Kind.TEST, Kind.UNLOCK} if token.token.suite.has_question else set()
    for kind in Kind:
        demand = Demand(kind, amount=1, currency="EUR", payee_account="DE1")
        statement = token.statement(demand=demand)
        answered = {
            call for call in ("/logins", "/verdicts") if is_answered(token, statement, call)
        }
        is_business = kind.is_business and token.token.suite.has_question
        # An activation would be of the second call, if the token were not active already.
        due = {"/logins"} if kind is Kind.LOGIN else set()
        assert answered == due | ({"/verdicts"} if is_business or kind in own else set())


def is_answered(token: Paired, statement: Statement, call: str) -> bool:
    return token.answer(statement, "", at=call).code == "response_malformed"


def test_another_platform_cannot_use_the_token(token: Paired, host: LocalHost) -> None:
    shop = admitted(Bank.make("shop", datetime.now(UTC)))
    statement = ask(token)
    answer = host.call(
        "POST", f"/v1/servers/{token.vk}/verdicts", token.answered(statement, ""), shop.key
    )
    assert answer.status in (404, 422)
    assert token.answer(statement).body["accepted"] is True


def test_a_right_code_writes_no_event(token: Paired) -> None:
    before = Event.objects.count()
    token.answer(ask(token))
    assert Event.objects.count() == before
