"""What happens at a host without the platform is followed, and told once."""

import json
from datetime import timedelta
from typing import Any

import pytest

from audit.models import AuditRow
from enrolment.models import AuthserverHost, Token
from enrolment.selectors import client_for
from enrolment.services import fetch_events
from enrolment.services.events import SETTLED
from notices.models import Notice
from tests.platform.world import Authserver, Person, now, unreachable


def later() -> int:
    """Fetch when what has just happened is old enough by the host's clock, which goes on."""
    return fetch_events(now=now() + SETTLED + timedelta(minutes=1))


def row_of(person: Person) -> Token:
    return Token.objects.get(serial=person.token.serial)


def at_the_host(authserver: Authserver, *command: str) -> None:
    """Do what the host's own operator does."""
    authserver.services.authserver(*command)


def told(person: Person) -> list[str]:
    """What the person was told since, newest first, but for the token's first days."""
    return [notice["kind"] for notice in person.get("/notices") if notice["kind"] != "added"]


def test_a_token_that_the_hosts_operator_revoked_is_revoked_here_and_told_once(
    anna: Person, authserver: Authserver
) -> None:
    later()
    at_the_host(authserver, "revoke", anna.token.serial)

    assert later() > 0
    assert later() == 0

    token = row_of(anna)
    assert (token.state, token.revoked_at is not None) == ("revoked", True)
    assert told(anna) == ["revoked"]
    rows = AuditRow.objects.filter(action="token.revoked", subject=token.serial)
    assert [row.actor for row in rows] == [f"host:{token.host.name}"]


def test_what_the_platform_did_itself_is_not_told_twice(anna: Person) -> None:
    anna.post(f"/tokens/{anna.token.serial}/suspend")
    anna.post(f"/tokens/{anna.token.serial}/resume")
    before = told(anna)

    later()

    assert told(anna) == before
    assert row_of(anna).state == "active"


def test_what_has_just_happened_is_left_for_the_next_time(
    anna: Person, host: AuthserverHost
) -> None:
    fetch_events(now=now() - timedelta(days=1))

    host.refresh_from_db()
    assert host.events_after == 0


def test_a_lock_that_the_platform_did_not_see_is_told(anna: Person) -> None:
    later()
    anna.lock(anna.open())
    Token.objects.update(locked_until=None)
    Notice.objects.all().delete()

    later()

    assert told(anna) == ["locked"]
    assert row_of(anna).locked_until is not None


def test_a_change_made_here_meanwhile_wins(
    anna: Person, host: AuthserverHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = "enrolment.services.events.ask_server"
    real = __import__("enrolment.live", fromlist=["ask_server"]).ask_server

    def slow(token: Token) -> Any:
        state = real(token)
        client_for(token.host).change_state(bytes(token.vk), "suspend")
        Token.objects.filter(pk=token.pk).update(state="suspended")
        return state

    with monkeypatch.context() as patched:
        patched.setattr(ask, slow)
        later()

    assert row_of(anna).state == "suspended"


def test_a_host_that_is_away_is_asked_again_the_next_time(
    anna: Person, host: AuthserverHost
) -> None:
    with unreachable(host):
        assert later() == 0

    assert later() > 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"events": None},
        {"events": [{"id": 1}]},
        {"events": [{"id": "x", "at": 1, "serial": "A"}]},
        {"events": [{"id": 1, "at": 10**30, "serial": "A"}]},
    ],
    ids=json.dumps,
)
def test_nonsense_from_a_host_moves_nothing(
    anna: Person, host: AuthserverHost, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any]
) -> None:
    monkeypatch.setattr(
        "enrolment.authserver_client.AuthserverClient.events", lambda *_, **__: body
    )

    assert later() == 0

    host.refresh_from_db()
    assert host.events_after == 0
