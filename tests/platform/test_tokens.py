"""POST and GET /tokens, and what a holder does with a token: activate, suspend, resume, revoke."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from audit.models import AuditRow
from enrolment.authserver_client import AuthserverClient
from enrolment.models import AuthserverHost, Token
from protocol.enrolment import Invitation
from tests.platform.world import (
    DEFAULT_SUITE,
    Person,
    call,
    everything_as_bytes,
    everything_stored,
    now,
    other,
    step_row,
    to_base64,
    token_client,
    unreachable,
)
from tokens.enrolment import Enrolment
from tokens.errors import RefusedError
from transactions.models import Step


def state_of(person: Person) -> str:
    return str(person.get(f"/tokens/{person.token.serial}")["state"])


# Pairing.


def test_a_new_token_is_issued_with_a_link_to_enrol_it(
    mallory: Person, host: AuthserverHost
) -> None:
    pairing = mallory.post("/tokens", {"name": "Phone", "suite": ""})

    assert pairing["state"] == "issued"
    assert pairing["suite"] == DEFAULT_SUITE
    assert pairing["sight"] == 2
    assert pairing["host"] == host.name
    assert Invitation.from_link(pairing["invitation"]).origin == host.origin
    assert mallory.get("/tokens")[0]["serial"] == pairing["serial"]


def test_the_invitation_is_kept_nowhere(mallory: Person) -> None:
    pairing = mallory.post("/tokens", {})

    assert pairing["invitation"] not in str(everything_stored())


def test_a_body_is_not_needed_to_enrol_a_token(mallory: Person) -> None:
    assert mallory.post("/tokens", {})["name"] == ""


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"suite": "nonsense"}, (422, "suite_invalid")),
        ({"suite": "OCRA-1:HOTP-SHA256-0:QH64"}, (422, "suite_not_allowed")),
        ({"suite": "OCRA-1:HOTP-SHA256-4:QH64"}, (422, "suite_not_allowed")),
        ({"suite": "OCRA-1:HOTP-SHA256-10:QH64"}, (422, "suite_refused")),
        ({"suite": "\x00"}, (422, "input_invalid")),
        ({"suite": "付" * 200}, (422, "suite_invalid")),
        ({"suite": "x" * 201}, (422, "input_invalid")),
        ({"name": "N" * 41}, (422, "text_too_long")),
        ({"name": "a\x00b"}, (422, "text_refused")),
        ({"name": "\ud800"}, (422, "input_invalid")),
        ({"name": 5}, (422, "input_invalid")),
        ({"sute": DEFAULT_SUITE}, (422, "input_invalid")),
        ([], (422, "input_invalid")),
        (5, (422, "input_invalid")),
        ("x", (422, "input_invalid")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_token_is_refused(
    mallory: Person, body: object, refusal: tuple[int, str]
) -> None:
    before = everything_stored()

    assert mallory.call("POST", "/tokens", body).refusal == refusal
    assert everything_stored() == before


def test_without_a_host_no_token_is_enrolled(mallory: Person, host: AuthserverHost) -> None:
    AuthserverHost.objects.update(weight=0)

    assert mallory.call("POST", "/tokens", {}).refusal == (503, "no_host")


def test_with_a_host_that_gives_no_answer_no_token_is_enrolled(
    mallory: Person, host: AuthserverHost
) -> None:
    with unreachable(host):
        assert mallory.call("POST", "/tokens", {}).refusal == (503, "authserver_unavailable")

    assert not Token.objects.exists()


def test_an_invitation_is_good_for_one_token(mallory: Person) -> None:
    pairing = mallory.post("/tokens", {})
    invitation = Invitation.from_link(pairing["invitation"])
    token_client().enrol(Enrolment.begin(invitation, now()))

    with pytest.raises(RefusedError, match="another device"):
        token_client().enrol(Enrolment.begin(invitation, now()))


# Activation.


def test_a_token_is_active_once_it_has_answered_its_activation(mallory: Person) -> None:
    serial, digits = mallory.pair()
    assert state_of(mallory) == "issued"

    step = mallory.post(f"/tokens/{serial}/activate", {"digits": digits})
    assert state_of(mallory) == "confirmed"
    mallory.sign(step)

    assert state_of(mallory) == "active"


def test_an_activation_says_what_it_is(mallory: Person) -> None:
    serial, digits = mallory.pair()

    step = mallory.post(f"/tokens/{serial}/activate", {"digits": digits})

    assert step["demand"] == {"kind": "activation"}
    assert any("activat" in line.lower() for line in mallory.look(step).lines)


def test_the_transaction_of_an_activation_is_closed(mallory: Person) -> None:
    mallory.enrol()

    chain = step_row({"id": newest_step(mallory)}).transaction

    assert chain.state == "closed"


def test_wrong_digits_are_refused_with_the_tries_left(mallory: Person) -> None:
    serial, digits = mallory.pair()

    answer = mallory.call("POST", f"/tokens/{serial}/activate", {"digits": other(digits)})

    assert answer.refusal == (422, "digits_wrong")
    assert answer.body["tries_left"] == 2
    assert state_of(mallory) == "issued"


def test_the_right_digits_are_taken_after_wrong_ones(mallory: Person) -> None:
    serial, digits = mallory.pair()
    mallory.call("POST", f"/tokens/{serial}/activate", {"digits": other(digits)})

    mallory.sign(mallory.post(f"/tokens/{serial}/activate", {"digits": digits}))

    assert state_of(mallory) == "active"


def test_the_third_wrong_digits_end_the_token(mallory: Person) -> None:
    serial, digits = mallory.pair()
    path = f"/tokens/{serial}/activate"
    for _ in range(2):
        mallory.call("POST", path, {"digits": other(digits)})

    assert mallory.call("POST", path, {"digits": other(digits)}).refusal == (
        409,
        "enrolment_void",
    )
    assert state_of(mallory) == "revoked"
    assert mallory.call("POST", path, {"digits": digits}).refusal == (409, "token_not_active")


def test_a_token_that_is_not_enrolled_yet_is_not_activated(mallory: Person) -> None:
    serial = mallory.post("/tokens", {})["serial"]

    answer = mallory.call("POST", f"/tokens/{serial}/activate", {"digits": "12345678"})

    assert answer.refusal == (409, "state_conflict")


def test_a_confirmed_token_may_ask_for_its_activation_again(mallory: Person) -> None:
    serial, digits = mallory.pair()
    mallory.post(f"/tokens/{serial}/activate", {"digits": digits})

    mallory.sign(mallory.post(f"/tokens/{serial}/activate", {}))

    assert state_of(mallory) == "active"


def test_digits_whose_confirmation_was_lost_are_confirmed_again(mallory: Person) -> None:
    serial, digits = mallory.pair()
    mallory.post(f"/tokens/{serial}/activate", {"digits": digits})
    Token.objects.update(state="issued")

    mallory.sign(mallory.post(f"/tokens/{serial}/activate", {"digits": digits}))

    assert state_of(mallory) == "active"


def test_an_active_token_is_not_activated_again(anna: Person) -> None:
    answer = anna.call("POST", f"/tokens/{anna.token.serial}/activate", {"digits": "12345678"})

    assert answer.refusal == (409, "token_not_active")


@pytest.mark.parametrize(
    ("digits", "refusal"),
    [
        ("", (422, "digits_wrong")),
        ("\x00", (422, "input_invalid")),
        ("付" * 16, (422, "digits_wrong")),
        ("1" * 17, (422, "input_invalid")),
        (12345678, (422, "input_invalid")),
        (None, (422, "input_invalid")),
        ("\ud800", (422, "input_invalid")),
    ],
    ids=repr,
)
def test_what_are_no_digits_is_refused(
    mallory: Person, digits: object, refusal: tuple[int, str]
) -> None:
    serial, _ = mallory.pair()

    answer = mallory.call("POST", f"/tokens/{serial}/activate", {"digits": digits})

    assert answer.refusal == refusal


def test_a_host_without_an_answer_leaves_the_token_as_it_was(
    mallory: Person, host: AuthserverHost
) -> None:
    serial, digits = mallory.pair()

    with unreachable(host):
        answer = mallory.call("POST", f"/tokens/{serial}/activate", {"digits": digits})
        assert answer.refusal == (503, "authserver_unavailable")

    assert state_of(mallory) == "issued"


# Life.


def test_a_suspended_token_is_resumed(anna: Person) -> None:
    serial = anna.token.serial

    assert anna.post(f"/tokens/{serial}/suspend")["state"] == "suspended"
    assert anna.try_open().refusal == (409, "token_not_active")
    assert anna.post(f"/tokens/{serial}/resume")["state"] == "active"
    assert anna.sign(anna.open())


def test_a_revoked_token_never_comes_back(anna: Person) -> None:
    serial = anna.token.serial

    assert anna.post(f"/tokens/{serial}/revoke")["state"] == "revoked"
    for action in ("resume", "suspend", "revoke"):
        answer = anna.call("POST", f"/tokens/{serial}/{action}")
        assert answer.refusal == (409, "token_not_active")


def test_what_a_revoked_token_signed_stays_valid(anna: Person) -> None:
    receipt = anna.sign(anna.open())
    anna.post(f"/tokens/{anna.token.serial}/revoke")

    report = call("POST", "/receipts/verify", {"receipt": receipt}).body

    assert report["is_complete"] is True


@pytest.mark.parametrize("action", ["resume", "unlock", "delete", "%00", "activat"])
def test_an_action_that_does_not_apply_is_refused(anna: Person, action: str) -> None:
    status, _ = anna.call("POST", f"/tokens/{anna.token.serial}/{action}").refusal

    assert status in (409, 422)
    assert state_of(anna) == "active"


@pytest.mark.parametrize("action", ["suspend", "resume", "revoke"])
def test_a_host_without_an_answer_changes_no_state(
    anna: Person, host: AuthserverHost, action: str
) -> None:
    if action == "resume":
        anna.post(f"/tokens/{anna.token.serial}/suspend")
    before = state_of(anna)

    with unreachable(host):
        answer = anna.call("POST", f"/tokens/{anna.token.serial}/{action}")
        assert answer.refusal == (503, "authserver_unavailable")

    assert state_of(anna) == before


def test_a_state_that_the_host_knows_already_is_caught_up_with(anna: Person) -> None:
    serial = anna.token.serial
    anna.post(f"/tokens/{serial}/suspend")
    Token.objects.update(state="active")

    assert anna.post(f"/tokens/{serial}/suspend")["state"] == "suspended"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/activate"),
        ("POST", "/suspend"),
        ("POST", "/resume"),
        ("POST", "/revoke"),
    ],
)
def test_a_stranger_s_token_is_not_there(
    anna: Person, mallory: Person, method: str, path: str
) -> None:
    before = everything_stored()

    theirs = mallory.call(method, f"/tokens/{anna.token.serial}{path}", {})
    nobodys = mallory.call(method, f"/tokens/NOSUCHTOKEN{path}", {})

    assert theirs.refusal == nobodys.refusal == (404, "not_found")
    assert theirs.body["detail"] == nobodys.body["detail"]
    assert everything_stored() == before


@pytest.mark.parametrize("serial", ["%00", "T" * 17, "%C3%84", "%20"])
def test_what_is_no_serial_is_refused(anna: Person, serial: str) -> None:
    assert anna.call("GET", f"/tokens/{serial}").refusal == (422, "input_invalid")


def test_each_change_leaves_one_audit_row(anna: Person) -> None:
    serial = anna.token.serial
    for action in ("suspend", "resume", "revoke"):
        anna.post(f"/tokens/{serial}/{action}")

    actions = AuditRow.objects.filter(subject=serial).order_by("pk")

    assert [row.action for row in actions] == [
        "token.issued",
        "token.confirmed",
        "token.activated",
        "token.suspended",
        "token.resumed",
        "token.revoked",
    ]
    assert {row.actor for row in actions} == {f"holder:{anna.account}"}


def newest_step(person: Person) -> str:
    return bytes(Step.objects.filter(holder=person.holder).latest("pk").s).hex()


def test_a_seed_is_nowhere_on_the_platform(anna: Person) -> None:
    anna.sign(anna.open())
    kept = everything_as_bytes()

    assert anna.token.vk in kept
    assert anna.token.seed not in kept
    assert anna.token.post_key not in kept
    assert anna.token.seed.hex().encode() not in kept
    assert to_base64(anna.token.seed).encode() not in kept


@pytest.mark.parametrize(
    "change",
    [
        {"sight": 7},
        {"sight": "two"},
        {"sight": None},
        {"suite": None},
        {"suite": "x" * 65},
        {"invitation": None},
        {"certificate": "AAAA"},
        {"certificate": 5},
    ],
    ids=str,
)
def test_a_host_that_answers_nonsense_pairs_no_token(
    mallory: Person, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    pair = AuthserverClient.pair

    def twisted(client: AuthserverClient, **asked: Any) -> dict[str, Any]:
        answer = pair(client, **asked) | change
        return {name: value for name, value in answer.items() if value is not None}

    monkeypatch.setattr(AuthserverClient, "pair", twisted)

    assert mallory.call("POST", "/tokens", {}).refusal == (503, "authserver_unavailable")
    assert not Token.objects.exists()


def test_a_host_that_names_a_server_twice_pairs_it_once(
    anna: Person, mallory: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[dict[str, Any]] = []
    pair = AuthserverClient.pair

    def repeated(client: AuthserverClient, **asked: Any) -> dict[str, Any]:
        answers.append(pair(client, **asked))
        return answers[0]

    monkeypatch.setattr(AuthserverClient, "pair", repeated)
    mallory.post("/tokens", {})

    assert mallory.call("POST", "/tokens", {}).refusal == (503, "authserver_unavailable")


def test_a_link_that_leads_elsewhere_than_to_the_host_is_not_passed_on(
    mallory: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = AuthserverClient.pair

    def twisted(client: AuthserverClient, **asked: Any) -> dict[str, Any]:
        return pair(client, **asked) | {"invitation": "https://evil.example/e#000"}

    monkeypatch.setattr(AuthserverClient, "pair", twisted)

    assert mallory.call("POST", "/tokens", {}).refusal == (503, "authserver_unavailable")


def test_a_token_cannot_be_paired_without_keys(mallory: Person) -> None:
    with time_machine.travel(now() + timedelta(days=3 * 366), tick=False):
        assert mallory.call("POST", "/tokens", {}).refusal == (503, "keys_missing")
