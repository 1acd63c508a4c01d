"""``rotate_signing_key``: a new key and id for a server, and nothing that was signed is lost."""

import io
from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError

from authserver.base64url import decode
from authserver.models import Event, FormerKey, Server
from authserver.services import signing_keys
from protocol import cose
from protocol.keys import ServerCertificate, open_certificate
from protocol.verdict import Reason
from tests.authserver.world import NOON, TYPED_SUITE, Bank, LocalHost, Paired, opened

OVERLAP = signing_keys.OVERLAP


@pytest.fixture
def typed(host: LocalHost, bank: Bank) -> Paired:
    """A server whose token never sees its server's id."""
    paired = Paired.make(host, bank, TYPED_SUITE)
    paired.activate()
    return paired


def test_a_new_statement_is_answered_under_the_new_id(active: Paired) -> None:
    before = active.rotate_signing_key()
    assert active.vk != before.vk
    verdict = opened(active.answer(active.statement()), active)
    assert (verdict.vk, verdict.reason) == (active.vk_bytes, Reason.ACCEPTED)


def test_the_new_certificate_is_the_hosts_and_for_the_same_token(active: Paired) -> None:
    before = active.rotate_signing_key()
    body = active.host.call("GET", "/v1/keys").body
    host_key = open_certificate(decode(body["certificates"][0]), decode(body["root"])).key
    payload = cose.open_signed(active.certificate, typ=cose.Typ.SERVER, key=host_key)
    certificate = ServerCertificate.from_payload(payload)
    assert (certificate.vk, certificate.serial) == (active.vk_bytes, before.serial)


@pytest.mark.parametrize("path", ["former", "new"])
def test_a_statement_under_way_is_answered_by_the_key_it_is_addressed_to(
    active: Paired, path: str
) -> None:
    statement = active.statement()
    before = active.rotate_signing_key()
    asked = before if path == "former" else active
    verdict = opened(asked.answer(statement), before)
    assert (verdict.vk, verdict.reason) == (before.vk_bytes, Reason.ACCEPTED)


def test_a_statement_under_way_can_be_ended_long_after(
    active: Paired, clock: time_machine.Traveller
) -> None:
    statement = active.statement()
    before = active.rotate_signing_key()
    clock.shift(timedelta(days=90))
    verdict = opened(before.void(statement, "expired"), before)
    assert (verdict.vk, verdict.reason) == (before.vk_bytes, Reason.EXPIRED)


def test_what_was_decided_is_told_as_it_was(active: Paired) -> None:
    statement = active.statement()
    decided = active.answer(statement)
    before = active.rotate_signing_key()
    assert before.answer(statement).raw == decided.raw
    assert before.stored(statement).raw == decided.raw
    assert active.stored(statement).raw == decided.raw


def test_the_sequence_of_verdicts_goes_on(active: Paired) -> None:
    first = opened(active.answer(active.statement()), active)
    active.last_seq = first.seq
    active.rotate_signing_key()
    assert opened(active.answer(active.statement(number=1)), active).seq == first.seq + 1


@pytest.mark.parametrize(("late", "status"), [(0, 200), (1, 409)])
def test_the_former_key_answers_what_was_issued_in_its_days_alone(
    active: Paired, clock: time_machine.Traveller, late: int, status: int
) -> None:
    before = active.rotate_signing_key()
    clock.shift(OVERLAP + timedelta(seconds=late))
    answer = before.answer(before.statement())
    assert answer.status == status
    if late:
        assert answer.code == "wrong_authserver"


def test_another_servers_former_key_answers_nothing(active: Paired, typed: Paired) -> None:
    before = active.rotate_signing_key()
    statement = typed.bank.statement(typed, vk=before.vk_bytes)
    assert typed.answer(statement).code == "wrong_authserver"


def test_a_wrong_response_counts_for_the_token_whichever_key_is_asked(active: Paired) -> None:
    statement = active.statement()
    before = active.rotate_signing_key()
    assert before.fail(statement, 2).body["tries_left"] == 3
    assert active.fail(active.statement(number=1), 1).body["tries_left"] == 2


def test_the_former_id_says_where_the_server_went(active: Paired) -> None:
    before = active.rotate_signing_key()
    status = before.status()
    assert (status["vk"], status["serial"]) == (active.vk, before.serial)
    assert decode(status["certificate"]) == active.certificate
    assert before.call("POST", "/suspend", {}).body == {"state": "suspended"}


def test_a_status_tells_when_which_key_was_retired(active: Paired) -> None:
    assert active.status()["former_keys"] == []
    before = active.rotate_signing_key()
    retired_at = int((NOON + OVERLAP).timestamp())
    assert active.status()["former_keys"] == [{"vk": before.vk, "retired_at": retired_at}]


def test_anybody_who_knows_an_id_may_have_the_certificate_of_now(active: Paired) -> None:
    before = active.rotate_signing_key()
    keys = active.host.call("GET", "/v1/keys").body["certificates"]
    for vk in (before.vk, active.vk):
        body = active.host.call("GET", f"/v1/servers/{vk}/certificate").body
        assert decode(body["certificate"]) == active.certificate
        assert body["host_certificates"] == keys
    unknown = active.host.call("GET", f"/v1/servers/{'0' * 16}/certificate")
    assert (unknown.status, unknown.code) == (404, "server_unknown")


def test_no_other_platform_is_told(active: Paired, bank: Bank) -> None:
    before = active.rotate_signing_key()
    assert before.host.call("GET", f"/v1/servers/{before.vk}", key="other").status == 401


def test_the_platform_is_told_by_an_event(active: Paired) -> None:
    before = active.rotate_signing_key()
    event = Event.objects.get(kind="key_rotated")
    assert event.detail["former"] == before.vk
    assert decode(event.detail["certificate"]) == active.certificate
    assert event.detail["retired_at"] == int((event.at + OVERLAP).timestamp())


def test_a_key_can_be_rotated_again_and_again(active: Paired) -> None:
    statements = [active.statement()]
    before = [active.rotate_signing_key()]
    statements.append(active.statement(number=1))
    before.append(active.rotate_signing_key())
    for paired, statement in zip(before, statements, strict=True):
        assert opened(paired.answer(statement), paired).vk == paired.vk_bytes
    assert before[0].status()["vk"] == active.vk


def test_a_token_that_reads_statements_is_not_surprised(active: Paired) -> None:
    with pytest.raises(CommandError, match=r"update-server.*--scanning"):
        call_command("rotate_signing_key", active.serial)
    assert not FormerKey.objects.exists()


def test_a_typed_token_needs_nothing(typed: Paired) -> None:
    out = io.StringIO()
    call_command("rotate_signing_key", typed.serial, stdout=out)
    server = Server.objects.get()
    assert f"server {typed.vk} is now {server.vk}" in out.getvalue()
    statement = typed.bank.statement(typed, vk=server.vk_bytes)
    assert typed.answer(statement).body["accepted"] is True


def test_the_tag_of_the_token_still_fits(active: Paired) -> None:
    active.rotate_signing_key()
    statement = active.statement()
    right = active.token.respond(statement)
    answer = active.answer(statement, right, tag=active.token.tag(statement, right))
    assert answer.body["accepted"] is True


@pytest.mark.parametrize("state", ["issued", "enrolled", "revoked"])
def test_a_server_without_use_for_a_key_is_refused(paired: Paired, state: str) -> None:
    if state == "enrolled":
        paired.enrol()
    if state == "revoked":
        paired.call("POST", "/revoke", {})
    with pytest.raises(CommandError, match=f"The server is {state}"):
        call_command("rotate_signing_key", paired.vk, "--scanning")


def test_a_server_that_is_not_there_is_named_in_the_refusal(host: LocalHost) -> None:
    with pytest.raises(CommandError, match="no server nobody"):
        call_command("rotate_signing_key", "nobody")
