"""POST /v1/servers/{vk}/verdicts/{S}/void: ending a statement without a response."""

import pytest
import time_machine

from authserver.base64url import encode
from protocol.statement import Demand, Kind
from protocol.verdict import Reason
from tests.authserver.world import Paired, opened


@pytest.mark.parametrize("reason", ["declined", "cancelled"])
def test_a_void_is_signed_with_its_reason(active: Paired, reason: str) -> None:
    statement = active.statement()
    void = active.void(statement, reason)
    verdict = opened(void, active)
    assert (void.body["accepted"], void.body["reason"]) == (False, reason)
    assert (void.body["tries_left"], void.body["locked_until"]) == (0, None)
    assert (verdict.reason, verdict.s) == (Reason[reason.upper()], statement.digest)
    assert verdict.seq == active.status()["seq"] == 2


def test_a_repeated_void_gets_the_same_bytes_whatever_its_reason(active: Paired) -> None:
    statement = active.statement()
    first = active.void(statement, "declined")
    assert active.void(statement, "cancelled").raw == first.raw


def test_a_void_after_acceptance_returns_the_accepted_verdict(active: Paired) -> None:
    statement = active.statement()
    accepted = active.answer(statement)
    assert active.void(statement, "cancelled").body == accepted.body


def test_expired_is_said_by_the_hosts_clock(active: Paired, clock: time_machine.Traveller) -> None:
    statement = active.statement(ttl=180)
    clock.shift(180)
    early = active.void(statement, "expired")
    assert (early.status, early.code) == (409, "challenge_open")
    clock.shift(1)
    assert active.void(statement, "expired").body["reason"] == "expired"


@pytest.mark.parametrize("action", ["suspend", "revoke"])
def test_a_closed_server_still_ends_statements(active: Paired, action: str) -> None:
    active.call("POST", f"/{action}")
    assert active.void(active.statement()).body["reason"] == "cancelled"


def test_a_server_without_a_token_ends_statements(paired: Paired) -> None:
    assert paired.void(paired.statement(Kind.ACTIVATION)).body["reason"] == "cancelled"


def test_a_void_ends_what_no_response_may_answer(active: Paired) -> None:
    statement = active.statement(demand=Demand(Kind.LOGIN))
    assert active.void(statement).body["reason"] == "cancelled"


def test_a_void_uses_no_try(active: Paired) -> None:
    active.void(active.statement())
    assert active.status()["tries_left"] == 5


def test_the_token_declines_itself_with_its_tag(active: Paired) -> None:
    statement = active.statement()
    tag = active.token.tag(statement, "decline" + "not mine ✋")
    void = active.void(statement, "declined", tag=tag, note="not mine ✋")
    assert void.body["reason"] == "declined"


@pytest.mark.parametrize("note", ["", "mine", "not mine!"])
def test_a_tag_covers_the_note(active: Paired, note: str) -> None:
    statement = active.statement()
    tag = active.token.tag(statement, "decline" + "not mine")
    refused = active.void(statement, "declined", tag=tag, note=note)
    assert (refused.status, refused.code) == (403, "tag_wrong")
    assert active.stored(statement).code == "verdict_unknown"


def test_the_tag_of_a_response_is_no_tag_of_a_decline(active: Paired) -> None:
    statement = active.statement()
    tag = active.token.tag(statement, active.token.respond(statement))
    assert active.void(statement, "declined", tag=tag).code == "tag_wrong"


@pytest.mark.parametrize("reason", ["cancelled", "expired"])
def test_a_token_can_only_decline(active: Paired, reason: str) -> None:
    statement = active.statement()
    tag = active.token.tag(statement, "decline")
    assert active.void(statement, reason, tag=tag).code == "input_invalid"


@pytest.mark.parametrize("reason", ["accepted", "attempts_exhausted", "", "DECLINED"])
def test_other_reasons_are_refused(active: Paired, reason: str) -> None:
    refused = active.void(active.statement(), reason)
    assert (refused.status, refused.code) == (422, "input_invalid")


def test_the_address_must_name_the_statement(active: Paired) -> None:
    other = encode(active.bank.sign(active.statement(number=1)))
    refused = active.void(active.statement(), statement=other)
    assert (refused.status, refused.code) == (422, "statement_invalid")


def test_a_host_behind_what_the_platform_saw_ends_nothing(active: Paired) -> None:
    assert active.void(active.statement(), last_seq=99).code == "host_rolled_back"


def test_a_forged_statement_is_not_ended(active: Paired) -> None:
    refused = active.void(active.statement(), statement=encode(b"\xd2\x80"))
    assert refused.code == "statement_invalid"
