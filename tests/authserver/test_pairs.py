"""Tokens and servers belong together one to one."""

import pytest
from django.db import IntegrityError

from authserver.models import (
    Enrolment,
    Failure,
    HostKey,
    HostState,
    Platform,
    Server,
    Verdict,
)
from protocol.errors import ProtocolError
from tests.authserver.world import Bank, LocalHost, Paired

MODELS = (Enrolment, Failure, HostKey, HostState, Platform, Server, Verdict)


def test_of_nine_combinations_of_token_and_server_three_pass(host: LocalHost, bank: Bank) -> None:
    pairs = [Paired.make(host, bank) for _ in range(3)]
    for paired in pairs:
        paired.activate()
    passed = {
        (place, other)
        for place, server in enumerate(pairs)
        for other, holder in enumerate(pairs)
        if server.answer(
            server.statement(number=other),
            holder.token.respond(server.statement(number=other)),
        ).body["accepted"]
    }
    assert passed == {(0, 0), (1, 1), (2, 2)}


@pytest.mark.parametrize("field", ["vk", "serial"])
def test_the_database_refuses_a_second_server_for_a_token(
    active: Paired, host: LocalHost, bank: Bank, field: str
) -> None:
    other = Paired.make(host, bank)
    with pytest.raises(IntegrityError):
        Server.objects.filter(vk=other.vk).update(**{field: getattr(active, field)})


@pytest.mark.parametrize("field", ["sealed_key", "sealed_seed"])
def test_a_sealed_secret_moved_to_another_server_does_not_open(
    active: Paired, host: LocalHost, bank: Bank, field: str
) -> None:
    other = Paired.make(host, bank)
    other.activate()
    Server.objects.filter(vk=active.vk).update(**{field: getattr(other.row, field)})
    statement = active.statement()
    with pytest.raises(ProtocolError, match="sealed_invalid"):
        active.answer(statement)
    assert active.stored(statement).code == "verdict_unknown"


def test_a_sealed_secret_moved_to_another_use_does_not_open(active: Paired) -> None:
    Server.objects.update(sealed_seed=active.row.sealed_post_key)
    with pytest.raises(ProtocolError, match="sealed_invalid"):
        active.answer(active.statement())


def test_a_server_in_use_has_a_seed(active: Paired) -> None:
    with pytest.raises(IntegrityError):
        Server.objects.update(sealed_seed=None)


def test_rows_name_themselves_without_a_secret(
    active: Paired, host: LocalHost, bank: Bank
) -> None:
    Paired.make(host, bank)
    active.fail(active.statement(), 1)
    named = [str(row) for model in MODELS for row in model.objects.all()]
    assert f"server {active.vk} of token {active.serial} (active)" in named
    assert all(name.isprintable() and len(name) < 80 for name in named)
