"""A step that is signed by way of a phone without a network, and only when the policy says so."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from common.sentences import _SENTENCES
from enrolment.errors import AuthserverRefusedError
from enrolment.models import AuthserverHost
from offline.models import Authorization, Service
from offline.services.clients import remove_client, suspend_client
from offline.services.expire import finish_countersigned
from offline.services.services import end_service
from protocol import cose
from protocol.bundle import Bundle
from protocol.charge import Charge
from protocol.offline import MAX_CODE
from protocol.qrtext import Link
from protocol.statement import Statement
from signing.services import link_to
from tests.platform.offline import WRONG, Exchange, Phone, Shop, result_of
from tests.platform.operators import browser_of, text_of
from tests.platform.policies import set_policy
from tests.platform.world import Person, call, lose_the_answer, now, other, step_row, unreachable
from transactions.services import answer_step, cancel_step

pytestmark = pytest.mark.django_db

DENIED = (403, "service_denied")


@pytest.fixture(autouse=True)
def allowed(db: None) -> None:
    """The policy that allows it."""
    set_policy(offline_steps=True)


@pytest.fixture
def phone(anna: Person) -> Phone:
    """A phone of somebody with a token, that can prove a password."""
    return Phone.of(anna, has_password=True)


@pytest.fixture
def desk(dora: Person) -> Shop:
    """A device where steps are signed."""
    return Shop.of(dora, "approval")


def test_the_page_of_the_step_says_what_to_type_into_the_phone_where_that_is_allowed(
    anna: Person,
) -> None:
    step = anna.open()
    shown = f"{step['id'][:4]} {step['id'][4:8]} {step['id'][8:12]} {step['id'][12:16]}"
    page = f"/steps/{step['id']}"
    assert shown in text_of(browser_of(anna).get(page))
    set_policy(offline_steps=False)
    assert shown not in text_of(browser_of(anna).get(page))


def subject(step: Mapping[str, Any]) -> bytes:
    """What a phone calls a step."""
    return bytes.fromhex(step["id"])[:8]


def applied(phone: Phone, desk: Shop, step: Mapping[str, Any]) -> Exchange:
    """Ask to sign a step."""
    return phone.applies(desk, subject=subject(step))


def state_of(exchange: Exchange) -> tuple[str, str]:
    """How an authorization stands, and the precise reason."""
    return exchange.row.state, exchange.row.reason


def test_the_phone_gets_the_challenge_of_the_step_and_the_level_is_high(
    anna: Person, phone: Phone, desk: Shop
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    statement = Statement.from_payload(Bundle.decode(asked.bundle or b"").signed.payload)
    assert statement.digest.hex() == step["id"]
    assert anna.token.read(asked.bundle or b"", now()).statement == statement
    assert (asked.due.subject, asked.due.level.name) == (subject(step), "HIGH")


def test_the_right_response_signs_the_step_and_the_receipt_says_that_nothing_was_paid(
    anna: Person, phone: Phone, desk: Shop
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    answer = asked.brings_sealed(response=anna.response(step))
    assert answer.status == 200, answer
    assert result_of(answer).is_approved
    assert step_row(step).is_signed
    charge = Charge.from_signed(cose.parse(bytes(asked.row.receipt or b"")))
    assert (charge.way, charge.paid, charge.payer.account) == ("offline_high", None, anna.account)


def test_the_receipt_of_a_signed_step_verifies_for_everybody(
    anna: Person, phone: Phone, desk: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    assert asked.brings_sealed(response=anna.response(step)).status == 200
    text = link_to(Link.RECEIPT, bytes(asked.row.receipt or b""))
    report = call("POST", "/receipts/verify", {"receipt": text}).body
    assert (report["is_valid"], report["charge"]["amount"]) == (True, None)
    call_command("verify_receipt", text)
    said = capsys.readouterr().out
    assert "Amount" not in said
    assert "Nothing was paid." in said


def test_no_response_is_kept_but_sealed(anna: Person, phone: Phone, desk: Shop) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    sealed = asked.seals(response=anna.response(step))
    assert asked.brings_sealed(sealed).status == 200
    assert asked.row.countersign == sealed
    assert anna.response(step).encode() not in b"".join(
        bytes(value) for value in vars(asked.row).values() if isinstance(value, bytes)
    )


def test_a_wrong_response_costs_a_try_and_says_no_more_than_that_it_is_invalid(
    anna: Person, phone: Phone, desk: Shop
) -> None:
    step = anna.open()
    right = anna.response(step)
    asked = applied(phone, desk, step)
    answer = asked.brings_sealed(response=other(right))
    assert answer.refusal == (403, "countersign_invalid")
    assert not result_of(answer).is_approved
    assert state_of(asked) == ("rejected", "response_wrong")
    assert step_row(step).is_open
    # What was decided stays so, and costs no further try; another application takes the right one.
    assert asked.brings_sealed(response=right).refusal == (403, "countersign_invalid")
    assert applied(phone, desk, step).brings_sealed(response=right).status == 200


def test_a_wrong_password_uses_no_response_up(anna: Person, phone: Phone, desk: Shop) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    answer = asked.brings_sealed(password=WRONG, response=anna.response(step))
    assert answer.refusal == (403, "countersign_invalid")
    assert step_row(step).is_open


def test_a_countersign_without_a_response_signs_nothing(
    anna: Person, phone: Phone, desk: Shop
) -> None:
    asked = applied(phone, desk, step := anna.open())
    assert asked.brings_sealed().refusal == (403, "countersign_invalid")
    assert step_row(step).is_open


def test_a_response_in_the_clear_is_refused_since_the_password_is_due(
    anna: Person, phone: Phone, desk: Shop
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    in_clear = asked.signs(response=anna.response(step))
    assert asked.brings(in_clear).refusal == (403, "level_required")
    assert step_row(step).is_open


def test_nothing_is_asked_where_the_policy_does_not_allow_it(
    anna: Person, phone: Phone, desk: Shop
) -> None:
    set_policy(offline_steps=False)
    assert phone.refused(desk, subject=subject(anna.open())) == DENIED


def test_a_policy_that_was_changed_meanwhile_holds(anna: Person, phone: Phone, desk: Shop) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    set_policy(offline_steps=False)
    assert asked.brings_sealed(response=anna.response(step)).refusal == DENIED
    assert step_row(step).is_open


def test_the_step_of_another_an_ended_one_and_none_are_all_denied(
    anna: Person, ben: Person, phone: Phone, desk: Shop
) -> None:
    ended = anna.open()
    cancel_step(holder=anna.holder, s=bytes.fromhex(ended["id"]), now=now())
    wanted = (subject(ben.open()), subject(ended), bytes(8))
    assert {phone.refused(desk, subject=each) for each in wanted} == {DENIED}


def test_a_test_of_a_token_is_no_step_to_be_signed_so(
    anna: Person, phone: Phone, desk: Shop
) -> None:
    step = anna.post(f"/tokens/{anna.token.serial}/test")
    assert phone.refused(desk, subject=subject(step)) == DENIED


def test_a_step_and_a_right_are_never_taken_for_each_other(
    anna: Person, dora: Person, phone: Phone, desk: Shop
) -> None:
    gate = Shop.of(dora, "gate")
    assert phone.refused(gate, subject=subject(anna.open())) == DENIED
    assert phone.refused(desk) == DENIED


def test_a_step_that_is_cancelled_meanwhile_is_refused_with_its_own_code(
    anna: Person, phone: Phone, desk: Shop
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    right = anna.response(step)
    cancel_step(holder=anna.holder, s=bytes.fromhex(step["id"]), now=now())
    answer = asked.brings_sealed(response=right)
    assert answer.refusal[1] == "challenge_void"
    assert result_of(answer).code == "challenge_void"


def test_a_policy_that_asks_for_a_bound_phone_is_not_passed_by(
    anna: Person, phone: Phone, desk: Shop
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    set_policy(offline_steps=True, permits=["countersign"])
    answer = asked.brings_sealed(response=anna.response(step))
    assert result_of(answer).code == "permit_required"
    assert step_row(step).is_open


# The token's server is away, or a process dies.


@contextmanager
def cut_off(host: AuthserverHost, asked: Exchange, response: str) -> Iterator[None]:
    """Countersign while the token's server gives no answer."""
    with unreachable(host):
        answer = asked.brings_sealed(response=response)
        assert answer.refusal == (503, "authserver_unavailable")
        assert state_of(asked) == ("countersigned", "")
        yield


def later(minutes: float = 2) -> Any:
    """A time when the tbs has expired."""
    return now() + timedelta(minutes=minutes)


def test_what_the_server_judged_though_nobody_heard_is_approved_by_the_worker(
    anna: Person, phone: Phone, desk: Shop, host: AuthserverHost
) -> None:
    step = anna.open()
    right = anna.response(step)
    asked = applied(phone, desk, step)
    lose_the_answer(step, right)
    with cut_off(host, asked, right):
        assert finish_countersigned(now=later()) == 0
    answer_step(holder=anna.holder, s=bytes.fromhex(step["id"]), response=right, now=now())
    assert finish_countersigned(now=now()) == 0, "while the relay may still ask"
    assert finish_countersigned(now=later()) == 1
    assert state_of(asked) == ("approved", "")
    again = asked.brings_sealed(response=right)
    assert result_of(again).is_approved


def test_the_relay_may_ask_again_until_the_server_answers(
    anna: Person, phone: Phone, desk: Shop, host: AuthserverHost
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    sealed = asked.seals(response=anna.response(step))
    with unreachable(host):
        assert asked.brings_sealed(sealed).status == 503
    assert asked.brings_sealed(sealed).status == 200
    assert state_of(asked) == ("approved", "")
    assert step_row(step).is_signed


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (
            lambda phone, _: suspend_client(client=phone.row, actor="x", now=now()),
            "unknown_client",
        ),
        (lambda phone, _: remove_client(client=phone.row, actor="x", now=now()), "unknown_client"),
        (lambda _, desk: end_service(service=desk.service, now=now()), "device_not_trusted"),
        (lambda *_: Service.objects.update(suspended_at=now()), "service_denied"),
    ],
    ids=["phone stopped", "phone removed", "service ended", "service stopped"],
)
def test_what_was_stopped_meanwhile_signs_nothing_by_asking_again(
    anna: Person,
    phone: Phone,
    desk: Shop,
    host: AuthserverHost,
    stop: Callable[[Phone, Shop], object],
    code: str,
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    sealed = asked.seals(response=anna.response(step))
    with unreachable(host):
        assert asked.brings_sealed(sealed).status == 503
    stop(phone, desk)
    answer = asked.brings_sealed(sealed)
    assert answer.refusal == (403, code)
    assert step_row(step).is_open
    if code != "device_not_trusted":
        assert result_of(answer).code == code
        assert asked.row.state == "rejected"


def test_the_worker_approves_no_stopped_phone(
    anna: Person, phone: Phone, desk: Shop, host: AuthserverHost
) -> None:
    step = anna.open()
    right = anna.response(step)
    asked = applied(phone, desk, step)
    with cut_off(host, asked, right):
        pass
    suspend_client(client=phone.row, actor="x", now=now())
    answer_step(holder=anna.holder, s=bytes.fromhex(step["id"]), response=right, now=now())
    assert finish_countersigned(now=later()) == 1
    assert state_of(asked)[0] == "rejected"


def test_the_worker_approves_no_wrong_response_though_the_step_was_signed_by_another(
    anna: Person, phone: Phone, desk: Shop, host: AuthserverHost
) -> None:
    step = anna.open()
    right = anna.response(step)
    asked = applied(phone, desk, step)
    with cut_off(host, asked, other(right)):
        pass
    answer_step(holder=anna.holder, s=bytes.fromhex(step["id"]), response=right, now=now())
    with unreachable(host):
        assert finish_countersigned(now=later()) == 0, "while nobody can say which it was"
    assert finish_countersigned(now=later()) == 1
    assert state_of(asked) == ("rejected", "response_replayed")
    assert asked.row.receipt is None


def test_nobody_is_let_through_late_by_asking_again(
    anna: Person, phone: Phone, desk: Shop, host: AuthserverHost
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    sealed = asked.seals(response=anna.response(step))
    with unreachable(host):
        assert asked.brings_sealed(sealed).status == 503
    Authorization.objects.update(expires_at=now())
    assert asked.brings_sealed(sealed).refusal == (503, "authorization_waits")
    assert step_row(step).is_open


def test_what_was_never_judged_is_rejected_when_its_step_has_ended(
    anna: Person, phone: Phone, desk: Shop, host: AuthserverHost
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    with cut_off(host, asked, anna.response(step)):
        pass
    cancel_step(holder=anna.holder, s=bytes.fromhex(step["id"]), now=now())
    assert finish_countersigned(now=later()) == 1
    assert state_of(asked) == ("rejected", "challenge_void")
    assert asked.row.receipt is None


def test_a_process_that_dies_while_a_response_is_judged_leaves_nothing_approved(
    anna: Person, phone: Phone, desk: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)

    def die(**_: object) -> None:
        raise SystemExit

    monkeypatch.setattr("offline.services.steps.answer_step", die)
    with pytest.raises(SystemExit):
        asked.brings_sealed(response=anna.response(step))
    assert state_of(asked) == ("countersigned", "")
    assert finish_countersigned(now=later()) == 0
    assert Authorization.objects.filter(state="approved").count() == 0


def test_every_code_that_people_are_told_fits_a_result_and_a_row() -> None:
    longest = max(_SENTENCES, key=len)
    assert len(longest) <= min(MAX_CODE, Authorization._meta.get_field("reason").max_length or 0)


def test_no_code_of_a_host_is_passed_on_that_people_are_not_told_here(
    anna: Person, phone: Phone, desk: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)

    def refuse(**_: object) -> None:
        raise AuthserverRefusedError(code="x" * 99, status=403, detail="")

    monkeypatch.setattr("offline.services.steps.answer_step", refuse)
    answer = asked.brings_sealed(response=anna.response(step))
    assert answer.refusal == (403, "countersign_invalid")
    assert state_of(asked) == ("rejected", "response_refused")


def test_the_holders_history_leads_to_the_step(anna: Person, phone: Phone, desk: Shop) -> None:
    step = anna.open()
    asked = applied(phone, desk, step)
    path = f"/offline/history/{asked.row.public_id}"
    said = text_of(browser_of(anna).get(path))
    assert f'<a href="/steps/{step["id"]}">What your token was to sign</a>' in said
    asked.brings_sealed(response=anna.response(step))
    said = text_of(browser_of(anna).get(path))
    assert f'<a href="/steps/{step["id"]}">What your token signed</a>' in said
    assert "Nothing was paid" in said
