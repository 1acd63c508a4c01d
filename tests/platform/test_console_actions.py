"""What operators do: to tokens, sign-ins, hosts and stuck steps."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from accounts.models import User
from audit.models import AuditRow
from enrolment.live import ask_server
from enrolment.models import AuthserverHost, Token
from tests.platform.operators import browser_of, text_of
from tests.platform.world import (
    Person,
    everything_stored,
    seconds_ago,
    step_row,
    unreachable,
)
from transactions.models import Step


def last_row() -> tuple[str, str, str]:
    """Return action, actor and subject of the newest audit row."""
    row = AuditRow.objects.latest("pk")
    return row.action, row.actor, row.subject


# Tokens.


def test_an_operator_suspends_resumes_and_revokes_a_token(
    console: Client, olga: Person, anna: Person
) -> None:
    path = f"/console/tokens/{anna.token.serial}"

    for action, state, noted in (
        ("suspend", "suspended", "suspended"),
        ("resume", "active", "resumed"),
        ("revoke", "revoked", "revoked"),
    ):
        assert console.post(path, {"action": action})["Location"] == path
        token = Token.objects.get(serial=anna.token.serial)
        assert token.state == ask_server(token).state == state
        assert last_row() == (f"token.{noted}", f"operator:{olga.account}", token.serial)


@pytest.mark.parametrize(("action", "status"), [("resume", 409), ("explode", 404), ("", 404)])
def test_what_cannot_be_done_to_a_token_is_refused(
    console: Client, anna: Person, action: str, status: int
) -> None:
    before = everything_stored()

    answer = console.post(f"/console/tokens/{anna.token.serial}", {"action": action})

    assert 'role="alert"' in text_of(answer, status)
    assert everything_stored() == before


def test_a_token_stays_as_it_is_while_its_host_is_away(
    console: Client, anna: Person, host: AuthserverHost
) -> None:
    with unreachable(host):
        answer = console.post(f"/console/tokens/{anna.token.serial}", {"action": "revoke"})

    assert answer.status_code == 503
    assert Token.objects.get(serial=anna.token.serial).state == "active"


# Holders.


def test_a_suspended_sign_in_ends_sessions_and_api_keys_at_once(
    console: Client, olga: Person, anna: Person
) -> None:
    browser, path = browser_of(anna), f"/console/holders/{anna.account}"

    assert console.post(path, {"sign_in": "off"}).status_code == 302

    assert browser.get("/account").status_code == 302
    assert anna.call("GET", "/me").refusal == (401, "not_authenticated")
    assert last_row() == ("holder.suspended", f"operator:{olga.account}", anna.account)
    assert "Allow sign-in again" in text_of(console.get(path))


def test_a_sign_in_is_allowed_again(console: Client, olga: Person, anna: Person) -> None:
    path = f"/console/holders/{anna.account}"
    console.post(path, {"sign_in": "off"})

    console.post(path, {"sign_in": "on"})

    assert anna.call("GET", "/me").status == 200
    assert last_row() == ("holder.resumed", f"operator:{olga.account}", anna.account)


def test_operators_do_not_shut_themselves_out(console: Client, olga: Person) -> None:
    path = f"/console/holders/{olga.account}"

    page = text_of(console.post(path, {"sign_in": "off"}), 409)

    assert "You cannot suspend your own sign-in." in page
    assert "Suspend sign-in" not in page
    assert console.get(path).status_code == 200


def test_a_holder_that_there_is_not_is_not_suspended(console: Client) -> None:
    assert console.post("/console/holders/999999999999", {"sign_in": "off"}).status_code == 404


def test_an_operator_lets_in_whoever_has_lost_every_token(
    console: Client, olga: Person, anna: Person
) -> None:
    path = f"/console/holders/{anna.account}"
    assert "Let in without a token" not in text_of(console.get(path))
    User.objects.filter(pk=anna.holder.user_id).update(asks_token=True)
    EmailAddress.objects.create(user=anna.holder.user, email=anna.email, primary=True)
    assert "Let in without a token" in text_of(console.get(path))

    console.post(path, {"token": "off"})

    assert not User.objects.get(pk=anna.holder.user_id).asks_token
    assert last_row() == ("holder.token_not_asked", f"operator:{olga.account}", anna.account)
    (told,) = mail.outbox
    assert told.to == [anna.email]
    assert "An operator did it" in str(told.body)
    assert "127.0.0.1" not in str(told.body)


def test_an_auditor_is_appointed_and_dismissed(
    console: Client, olga: Person, dora: Person
) -> None:
    path, browser = f"/console/holders/{dora.account}", browser_of(dora)

    console.post(path, {"auditor": "on"})
    assert browser.get(path).status_code == 200
    assert browser.post(path, {"auditor": "off"}).status_code == 403
    assert last_row()[0] == "request.refused"

    console.post(path, {"auditor": "off"})
    assert browser.get(path).status_code == 403
    assert last_row() == ("holder.auditor_dismissed", f"operator:{olga.account}", dora.account)


def test_what_the_page_of_a_holder_cannot_do_is_malformed(console: Client, dora: Person) -> None:
    assert console.post(f"/console/holders/{dora.account}", {"name": "x"}).status_code == 400


# Hosts.


def test_an_operator_changes_the_weight_of_a_host(
    console: Client, olga: Person, host: AuthserverHost
) -> None:
    assert console.post("/console/hosts/1", {"weight": "0"}).status_code == 302

    assert AuthserverHost.objects.get().weight == 0
    assert last_row() == ("host.weighted", f"operator:{olga.account}", host.name)
    assert "takes no new tokens" in text_of(console.get("/console/hosts"))


@pytest.mark.parametrize("weight", ["-1", "1001", "x", "", "1.5", "9" * 40, "\x00"])
def test_a_weight_that_is_none_is_refused(
    console: Client, host: AuthserverHost, weight: str
) -> None:
    assert "field-wrong" in text_of(console.post("/console/hosts/1", {"weight": weight}), 422)
    assert AuthserverHost.objects.get().weight == 1


# Stuck steps.


@pytest.fixture
def stuck(anna: Person, host: AuthserverHost) -> dict[str, Any]:
    """A step that is being cancelled, which its host has not heard of yet."""
    step = anna.open()
    with unreachable(host):
        anna.call("POST", f"/steps/{step['id']}/cancel")
    return step


def test_an_operator_settles_a_step(console: Client, olga: Person, stuck: dict[str, Any]) -> None:
    path = f"/console/transactions/{stuck['transaction']}"
    assert f'value="{stuck["id"]}"' in text_of(console.get(path))

    assert console.post(path, {"settle": stuck["id"]})["Location"] == path

    assert step_row(stuck).state == "cancelled"
    assert last_row() == ("step.cancelled", f"operator:{olga.account}", stuck["id"])
    assert 'name="settle"' not in text_of(console.get(path))


def test_a_step_past_its_time_is_settled_as_expired(console: Client, anna: Person) -> None:
    with seconds_ago(600):
        step = anna.open()

    console.post(f"/console/transactions/{step['transaction']}", {"settle": step["id"]})

    assert step_row(step).state == "expired"


def test_a_settled_step_is_settled_again_without_harm(
    console: Client, stuck: dict[str, Any]
) -> None:
    path = f"/console/transactions/{stuck['transaction']}"
    console.post(path, {"settle": stuck["id"]})
    before = everything_stored()

    assert console.post(path, {"settle": stuck["id"]}).status_code == 302
    assert everything_stored() == before


def test_a_step_that_still_has_time_is_not_settled(console: Client, anna: Person) -> None:
    step = anna.open()

    answer = console.post(f"/console/transactions/{step['transaction']}", {"settle": step["id"]})

    assert "This step still has time" in text_of(answer, 409)
    assert step_row(step).state == "challenged"


def test_a_step_stays_stuck_while_its_host_is_away(
    console: Client, stuck: dict[str, Any], host: AuthserverHost
) -> None:
    path = f"/console/transactions/{stuck['transaction']}"

    with unreachable(host):
        assert console.post(path, {"settle": stuck["id"]}).status_code == 503

    assert step_row(stuck).state == "closing"


@pytest.mark.parametrize(
    ("settle", "status"), [("", 400), ("x", 400), ("\x00" * 64, 400), ("0" * 64, 404)]
)
def test_a_step_that_there_is_not_is_not_settled(
    console: Client, signed: Step, settle: str, status: int
) -> None:
    path = f"/console/transactions/{signed.transaction}"

    assert console.post(path, {"settle": settle}).status_code == status
