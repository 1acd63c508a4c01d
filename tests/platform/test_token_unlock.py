"""/tokens/<serial>/unlock: a locked token answers again after a second proof."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from django.http import HttpRequest
from django.test import Client

from accounts.models import User
from audit.models import AuditRow
from enrolment.live import ask_server
from enrolment.models import AuthserverHost, Token
from enrolment.services import settle_owed, unlock_token
from notices.models import Notice
from tests.platform.operators import browser_of, text
from tests.platform.world import Person, everything_stored, now, unreachable

pytestmark = pytest.mark.usefixtures("running_clock")


def row(serial: str) -> Token:
    return Token.objects.select_related("host").get(serial=serial)


@pytest.fixture
def locked(anna: Person) -> str:
    """Anna's first token, which is locked; she has another one."""
    serial = anna.token.serial
    anna.lock(anna.open())
    anna.enrol()
    return serial


@pytest.fixture
def browser(anna: Person) -> Client:
    return browser_of(anna)


@pytest.fixture
def passkey(anna: Person) -> Authenticator:
    return Authenticator.objects.create(user=anna.holder.user, type="webauthn", data={})


def show_passkey(browser: Client, kind: str = "webauthn", **said: object) -> None:
    """Have allauth note that a passkey was shown, as its own page does."""
    request = HttpRequest()
    request.session = browser.session
    user = User.objects.get(pk=request.session["_auth_user_id"])
    record_authentication(request, user, "mfa", type=kind, **{"reauthenticated": True, **said})
    request.session.save()


def press(browser: Client, serial: str, action: str, **fields: str) -> Any:
    return browser.post(f"/tokens/{serial}/unlock", {"action": action, **fields})


# By another token.


def test_another_token_of_the_holder_unlocks(anna: Person, locked: str) -> None:
    step = anna.post(f"/tokens/{locked}/unlock", {"by": anna.token.serial})
    assert step["demand"] == {"kind": "unlock", "reference": locked}
    assert any("UNLOCKING" in line for line in anna.look(step).lines)
    assert any(locked in line for line in anna.look(step).lines)
    assert row(locked).is_locked

    anna.sign(step)

    assert not row(locked).is_locked
    assert not ask_server(row(locked)).is_locked
    assert AuditRow.objects.filter(action="token.unlocked", subject=locked).count() == 1
    assert Notice.objects.filter(kind="unlocked").values_list("token", flat=True)[0] == locked


def test_a_token_does_not_unlock_itself(anna: Person, locked: str) -> None:
    answer = anna.call("POST", f"/tokens/{locked}/unlock", {"by": locked})

    assert answer.refusal == (409, "token_not_active")


def test_the_token_of_another_unlocks_nothing(anna: Person, ben: Person, locked: str) -> None:
    answers = [
        anna.call("POST", f"/tokens/{locked}/unlock", {"by": serial})
        for serial in (ben.token.serial, "NOSUCHTOKEN")
    ]

    assert [answer.refusal for answer in answers] == [(409, "token_not_paired")] * 2
    assert [a.body["detail"] for a in answers] == [answers[0].body["detail"]] * 2


def test_nobody_asks_to_unlock_the_token_of_another(
    ben: Person, anna: Person, locked: str
) -> None:
    answers = [
        ben.call("POST", f"/tokens/{serial}/unlock", {"by": ben.token.serial})
        for serial in (locked, "NOSUCHTOKEN")
    ]

    assert [answer.refusal for answer in answers] == [(404, "not_found")] * 2


def test_an_unlocking_that_its_host_did_not_hear_of_is_made_up_for(
    anna: Person, locked: str, host: AuthserverHost
) -> None:
    step = anna.post(f"/tokens/{locked}/unlock", {"by": anna.token.serial})
    away = AuthserverHost.objects.get(pk=host.pk)
    away.pk, away.number, away.name, away.origin = None, 99, "Away", "http://127.0.0.1:9"
    away.save()
    Token.objects.filter(serial=locked).update(host=away)
    anna.sign(step)
    assert (row(locked).owed, row(locked).is_locked) == ("unlock", True)

    Token.objects.filter(serial=locked).update(host=host)
    assert settle_owed(now=now()) == 0

    assert (row(locked).owed, row(locked).is_locked) == ("", False)


def test_the_step_of_an_unlocking_is_never_a_base_and_says_what_it_does(
    anna: Person, browser: Client, locked: str
) -> None:
    place = press(browser, locked, "token", token=anna.token.serial)["Location"]
    page = text(browser.get(place))
    assert f'This unlocks your other token <b class="mono">{locked}' in page

    step = anna.get(place)
    receipt = anna.sign(step)

    assert anna.try_follow(receipt).refusal == (409, "not_to_be_continued")
    assert f'href="/tokens/{locked}"' in text(browser.get(place))


# By a passkey.


def test_a_passkey_that_is_shown_unlocks(
    anna: Person, browser: Client, locked: str, passkey: Authenticator
) -> None:
    assert "With a passkey" in text(browser.get(f"/tokens/{locked}/unlock"))
    place = press(browser, locked, "passkey")["Location"]
    assert place.startswith("/accounts/2fa/webauthn/reauthenticate/?next=")
    show_passkey(browser)
    assert "You have shown your passkey" in text(browser.get(f"/tokens/{locked}/unlock"))

    answer = press(browser, locked, "proved")

    assert answer["Location"] == f"/tokens/{locked}"
    assert "Unlocked" in text(browser.get(answer["Location"]))
    assert not ask_server(row(locked)).is_locked


def no_passkey(browser: Client, serial: str) -> None:
    """Nobody showed one."""


def too_early(browser: Client, serial: str) -> None:
    show_passkey(browser)
    press(browser, serial, "passkey")


def too_late(browser: Client, serial: str) -> None:
    with time_machine.travel(now() - timedelta(seconds=301), tick=False):
        press(browser, serial, "passkey")
        show_passkey(browser)


def for_another(browser: Client, serial: str) -> None:
    press(browser, Token.objects.exclude(serial=serial).get().serial, "passkey")
    show_passkey(browser)


def a_recovery_code(browser: Client, serial: str) -> None:
    press(browser, serial, "passkey")
    show_passkey(browser, "recovery_codes")


def at_sign_in(browser: Client, serial: str) -> None:
    press(browser, serial, "passkey")
    show_passkey(browser, reauthenticated=None)


@pytest.mark.parametrize(
    "show", [no_passkey, too_early, too_late, for_another, a_recovery_code, at_sign_in]
)
def test_what_is_no_fresh_passkey_for_this_token_unlocks_nothing(
    browser: Client, locked: str, passkey: Authenticator, show: Any
) -> None:
    show(browser, locked)

    answer = press(browser, locked, "proved")

    assert answer["Location"].startswith("/accounts/2fa/webauthn/reauthenticate/")
    assert ask_server(row(locked)).is_locked


def test_a_passkey_that_was_shown_unlocks_once(
    browser: Client, locked: str, passkey: Authenticator
) -> None:
    press(browser, locked, "passkey")
    show_passkey(browser)
    press(browser, locked, "proved")

    again = press(browser, locked, "proved")

    assert again["Location"].startswith("/accounts/2fa/webauthn/reauthenticate/")


def test_an_outage_unlocks_nothing_and_says_so(
    browser: Client, locked: str, passkey: Authenticator, host: AuthserverHost
) -> None:
    press(browser, locked, "passkey")
    show_passkey(browser)
    with unreachable(host):
        answer = press(browser, locked, "proved")

    assert answer.status_code == 503
    assert "cannot be reached" in text(answer)
    assert row(locked).is_locked


# By an operator, and what the page says.


def test_an_operator_unlocks(anna: Person, olga: Person, locked: str) -> None:
    actor = olga.holder.operator_actor
    unlock_token(holder=anna.holder, serial=locked, proof="operator", now=now(), actor=actor)

    assert not ask_server(row(locked)).is_locked
    assert AuditRow.objects.get(action="token.unlocked").actor == actor


def test_whoever_has_nothing_else_is_told_to_ask_an_operator(mallory: Person) -> None:
    mallory.enrol()
    mallory.lock(mallory.open())

    page = text(browser_of(mallory).get(f"/tokens/{mallory.token.serial}/unlock"))

    assert "an operator has to do it" in page
    assert 'value="passkey"' not in page
    assert 'value="token"' not in page


def test_the_page_asks_how_the_token_stands(browser: Client, anna: Person, locked: str) -> None:
    unlock_token(holder=anna.holder, serial=locked, proof="operator", now=now())
    Token.objects.filter(serial=locked).update(locked_until=now() + timedelta(hours=1))

    assert "is not locked" in text(browser.get(f"/tokens/{locked}/unlock"))
    assert not row(locked).is_locked


def test_a_token_that_has_ended_is_not_unlocked(
    anna: Person, browser: Client, locked: str
) -> None:
    anna.post(f"/tokens/{locked}/revoke")

    assert browser.get(f"/tokens/{locked}/unlock")["Location"] == f"/tokens/{locked}"
    answer = anna.call("POST", f"/tokens/{locked}/unlock", {"by": anna.token.serial})
    assert answer.refusal == (409, "token_not_active")


@pytest.mark.parametrize("action", ["", "operator", "\x00"])
def test_a_proof_that_there_is_not_is_refused(browser: Client, locked: str, action: str) -> None:
    before = everything_stored()

    assert press(browser, locked, action).status_code == 400
    assert everything_stored() == before
