"""The console's pages of hosts: states, weights, tokens, and moving them."""

import re
from typing import Any

import pytest
from django.test import Client

from enrolment.models import AuthserverHost, Token
from tests.platform.operators import text_of
from tests.platform.policies import set_policy
from tests.platform.world import Person, unreachable


def post(console: Client, number: int, status: int = 302, **fields: object) -> str:
    """Post to a host's page; return what stands on the page afterwards."""
    address = f"/console/hosts/{number}"
    answer = console.post(address, fields)
    if status != 302:
        return words_of(answer, status)
    assert answer.status_code == status
    return words_of(console.get(address))


def words_of(answer: Any, status: int = 200) -> str:
    """Return what a page says, without its markup."""
    return " ".join(re.sub("<[^>]*>", " ", text_of(answer, status)).split())


def test_the_list_shows_state_weight_and_tokens(
    console: Client, anna: Person, host: AuthserverHost, other_host: AuthserverHost
) -> None:
    AuthserverHost.objects.filter(pk=other_host.pk).update(state="closed")
    shown = words_of(console.get("/console/hosts"))
    assert "1 token · weight 1" in shown
    assert "0 tokens · takes no new tokens" in shown
    assert "Closed" in shown


def test_a_host_is_drained_emptied_and_closed(
    console: Client, anna: Person, host: AuthserverHost, other_host: AuthserverHost
) -> None:
    AuthserverHost.objects.filter(pk=other_host.pk).update(weight=1)
    assert "1 token lives here." in words_of(console.get(f"/console/hosts/{host.number}"))
    shown = post(console, host.number, action="drain")
    assert "takes no new tokens any more" in shown
    assert f"manage.py drain_host {host.number}" in shown
    assert "Tokens still live at this host" in post(console, host.number, 409, action="close")
    shown = post(console, host.number, action="move")
    assert "1 token was moved." in shown
    assert "0 tokens live here." in shown
    assert "The host is closed." in post(console, host.number, action="close")
    assert "The host takes new tokens." in post(console, host.number, action="open")
    anna.sign(anna.open())


def test_what_does_not_move_is_said(
    console: Client, anna: Person, host: AuthserverHost, other_host: AuthserverHost
) -> None:
    post(console, host.number, action="drain")
    assert "No authentication server takes" in post(console, host.number, 503, action="move")
    AuthserverHost.objects.filter(pk=other_host.pk).update(weight=1)
    with unreachable(other_host):
        shown = post(console, host.number, action="move")
    assert "0 tokens were moved." in shown
    assert "cannot be reached" in shown


@pytest.mark.parametrize("fields", [{}, {"action": "burn"}])
def test_an_action_that_there_is_not_is_not_found(
    console: Client, host: AuthserverHost, fields: dict[str, str]
) -> None:
    post(console, host.number, 404, **fields)


def test_a_weight_that_is_none_is_said_at_the_field(console: Client, host: AuthserverHost) -> None:
    post(console, host.number, 422, weight="-1")
    host.refresh_from_db()
    assert host.weight == 1
    assert "The weight was changed." in post(console, host.number, weight="3")


def test_a_closed_host_is_not_asked(console: Client, host: AuthserverHost) -> None:
    AuthserverHost.objects.update(state="closed")
    with unreachable(host):
        for path in ("", "hosts", "hosts/1"):
            assert "No answer" not in words_of(console.get(f"/console/{path}"))


def test_one_token_is_moved_from_its_page(
    console: Client, anna: Person, other_host: AuthserverHost
) -> None:
    address = f"/console/tokens/{anna.token.serial}"
    assert "Move to another host" in words_of(console.get(address))
    answer = console.post(address, {"action": "move", "to": other_host.number})
    assert answer.status_code == 302
    token = Token.objects.get(serial=anna.token.serial)
    assert token.host == other_host
    assert "Moved to another host" in words_of(console.get(address))


@pytest.mark.parametrize("to", ["", "1", "99", "x", "٢"])
def test_a_token_moves_only_to_a_host_that_there_is(
    console: Client, anna: Person, other_host: AuthserverHost, to: str
) -> None:
    answer = console.post(f"/console/tokens/{anna.token.serial}", {"action": "move", "to": to})
    assert answer.status_code == 404


def test_where_two_operators_decide_a_move_and_a_state_wait(
    console: Client, otto: Person, anna: Person, host: AuthserverHost, other_host: AuthserverHost
) -> None:
    set_policy(second_person=True)
    shown = post(console, host.number, action="drain")
    assert "A second operator was asked." in shown
    host.refresh_from_db()
    assert host.state == "active"
    address = f"/console/tokens/{anna.token.serial}"
    console.post(address, {"action": "move", "to": other_host.number})
    assert Token.objects.get(serial=anna.token.serial).host == host
