"""Where somebody is signed in: seen, and ended."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.test import Client

from audit.models import AuditRow
from tests.platform.operators import text
from tests.platform.signing_in import is_signed_in, type_password, with_password
from tests.platform.world import Person, call, now

PAGE = "/accounts/sessions/"


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Hash passwords cheaply: these tests are about sessions."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def here(dora: Person) -> Client:
    """The browser that looks."""
    client, _ = type_password(with_password(dora))
    return client


@pytest.fixture
def there(here: Client, dora: Person) -> Client:
    """Another browser of the same person."""
    client, _ = type_password(dora)
    return client


def test_a_session_is_shown_in_words(here: Client) -> None:
    page = text(here.get(PAGE))

    assert "Firefox on Linux" in page
    assert "127.0.0.1" in page
    assert "This one" in page
    assert 'value="end"' not in page, "one does not end the session one looks with"


def test_what_a_browser_says_of_itself_is_not_repeated(dora: Person) -> None:
    client, _ = type_password(with_password(dora))
    client.defaults["HTTP_USER_AGENT"] = "<script>alert(1)</script> Firefox/1"
    with time_machine.travel(now() + timedelta(minutes=6), tick=False):
        page = text(client.get(PAGE))
        page = text(client.get(PAGE))

    assert "alert" not in page


def test_one_session_is_ended(here: Client, there: Client, dora: Person) -> None:
    other = UserSession.objects.exclude(session_key=here.session.session_key).get()

    assert here.post(PAGE, {"action": "end", "session": other.pk})["Location"] == PAGE

    assert not is_signed_in(there)
    assert is_signed_in(here)
    assert AuditRow.objects.get(action="sessions.ended").subject == dora.account


def test_all_others_are_ended(here: Client, there: Client) -> None:
    here.post(PAGE, {"action": "end-others"})

    assert not is_signed_in(there)
    assert is_signed_in(here)


def test_keys_of_programs_stay(here: Client, there: Client, dora: Person) -> None:
    here.post(PAGE, {"action": "end-others"})

    assert call("GET", "/me", key=dora.key).status == 200


def test_nobody_ends_the_session_of_somebody_else(here: Client, mallory: Person) -> None:
    theirs, _ = type_password(with_password(mallory))
    mine = UserSession.objects.get(session_key=here.session.session_key)

    assert theirs.post(PAGE, {"action": "end", "session": mine.pk}).status_code == 404
    assert is_signed_in(here)


@pytest.mark.parametrize("session", ["", "x", "9" * 30, "\uff11"])
def test_what_is_no_session_is_malformed(here: Client, session: str) -> None:
    assert here.post(PAGE, {"action": "end", "session": session}).status_code == 400


def test_when_somebody_was_last_seen_is_noted_every_five_minutes(here: Client) -> None:
    before = UserSession.objects.get().last_seen_at

    here.get("/account")
    assert UserSession.objects.get().last_seen_at == before

    with time_machine.travel(now() + timedelta(minutes=6), tick=False):
        here.get("/account")
        assert UserSession.objects.get().last_seen_at > before
