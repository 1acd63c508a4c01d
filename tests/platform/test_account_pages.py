"""/account: the name others see, keys for programs, the language; and the ways to the rest."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import ApiKey, Holder, User
from tests.platform.operators import browser_of, text
from tests.platform.world import Person, call, everything_as_bytes, now

CSRF = {"csrfmiddlewaretoken": "as masked on this page"}


@pytest.fixture
def browser(dora: Person) -> Client:
    return browser_of(dora)


def make_key(browser: Client, name: str = "Till") -> str:
    """Make a key, and read it off the page."""
    response = browser.post(
        "/account", {**CSRF, "action": "create-key", "key-name": name}, follow=True
    )
    assert response.redirect_chain == [("/account", 302)]
    found = re.search(r'id="new-key">([^<]+)<', text(response))
    assert found
    return found[1]


def test_the_page_shows_the_account_number_to_copy(browser: Client, dora: Person) -> None:
    page = text(browser.get("/account"))

    assert f'value="{dora.account}"' in page
    assert " ".join(re.findall("....", dora.account)) in page
    assert "dora@example.com" in page


@pytest.mark.parametrize(
    "path", ["/accounts/email/", "/accounts/password/change/", "/accounts/2fa/"]
)
def test_the_page_leads_to_what_else_there_is(browser: Client, path: str) -> None:
    assert f'href="{path}"' in text(browser.get("/account"))
    assert browser.get(path).status_code in (200, 302)


def test_whoever_is_not_signed_in_signs_in_first(db: None) -> None:
    assert Client().get("/account")["Location"] == "/accounts/login/?next=/account"


@pytest.mark.parametrize("name", ["Dora Diehl", "朵拉", ""])
def test_the_name_that_others_see_is_changed(browser: Client, name: str) -> None:
    response = browser.post("/account", {"action": "rename", "name": name})

    assert response["Location"] == "/account"
    assert Holder.objects.get().name == name


@pytest.mark.parametrize(
    ("name", "words"), [("D" * 41, "at most 40"), ("付" * 20, "too long"), ("a\u200fb", "signed")]
)
def test_a_name_that_cannot_be_signed_is_refused_beside_its_field(
    browser: Client, name: str, words: str
) -> None:
    response = browser.post("/account", {"action": "rename", "name": name})

    assert response.status_code == 422
    assert words in text(response)
    assert name in text(response), "what was typed is still there"
    assert Holder.objects.get().name == ""


def test_a_name_typed_when_the_session_had_ended_is_still_there(
    browser: Client, dora: Person
) -> None:
    browser.logout()
    browser.post("/account", {"action": "rename", "name": "Dora Diehl"})
    browser.force_login(
        dora.holder.user, backend="allauth.account.auth_backends.AuthenticationBackend"
    )

    assert 'value="Dora Diehl"' in text(browser.get("/account"))


# Keys for programs.


def test_a_new_key_is_shown_and_opens_the_api(browser: Client, dora: Person) -> None:
    key = make_key(browser)

    assert call("GET", "/me", key=key).body["account"] == dora.account
    assert "<b>Till</b>" in text(browser.get("/account"))


def test_a_key_is_gone_from_the_page_after_ten_minutes(browser: Client) -> None:
    key = make_key(browser)
    assert key in text(browser.get("/account"))

    with time_machine.travel(now() + timedelta(minutes=10, seconds=1), tick=False):
        assert key not in text(browser.get("/account"))


def test_a_key_is_readable_in_no_table_and_no_cache(browser: Client) -> None:
    key = make_key(browser)

    assert key.encode() not in everything_as_bytes()
    assert key not in str([row.get_decoded() for row in Session.objects.all()])
    assert "no-store" in browser.get("/account")["Cache-Control"]


def test_a_form_for_a_key_that_is_sent_twice_makes_one_key(browser: Client) -> None:
    before = ApiKey.objects.count()

    assert make_key(browser) == make_key(browser)

    assert ApiKey.objects.count() == before + 1


@pytest.mark.parametrize("name", ["", "   ", "k" * 41, "a\u200fb"])
def test_a_key_without_a_name_that_can_be_read_is_not_made(browser: Client, name: str) -> None:
    before = ApiKey.objects.count()

    response = browser.post("/account", {"action": "create-key", "key-name": name})

    assert response.status_code == 422
    assert ApiKey.objects.count() == before


def test_a_revoked_key_opens_nothing_and_is_listed_no_more(browser: Client) -> None:
    key = make_key(browser)
    row = ApiKey.objects.get(name="Till")

    response = browser.post("/account", {"action": "revoke-key", "key": row.pk}, follow=True)

    assert "opens nothing any more" in text(response)
    assert "<b>Till</b>" not in text(browser.get("/account"))
    assert call("GET", "/me", key=key).refusal == (401, "not_authenticated")


@pytest.mark.parametrize("key", ["", "0", "-1", "x", "1" * 19, "1" * 5000, "\u0661"])
def test_a_key_that_there_is_not_is_not_found(browser: Client, key: str) -> None:
    assert browser.post("/account", {"action": "revoke-key", "key": key}).status_code == 404


def test_nobody_revokes_the_key_of_another(browser: Client) -> None:
    theirs = ApiKey.objects.get(holder=Person.make("Emil").holder)

    response = browser.post("/account", {"action": "revoke-key", "key": theirs.pk})

    assert response.status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


@pytest.mark.parametrize("action", ["", "nonsense", "\x00"])
def test_an_action_that_there_is_not_is_refused(browser: Client, action: str) -> None:
    assert browser.post("/account", {"action": action}).status_code == 400


# Language.


def choose(browser: Client, language: str, path: str = "/account") -> Any:
    return browser.post("/i18n/setlang/", {"language": language, "next": path})


def test_the_language_is_chosen_for_pages_and_e_mails(browser: Client) -> None:
    response = choose(browser, "zh-hans")

    assert response["Location"] == "/account"
    assert '<html lang="zh-hans">' in text(browser.get("/account"))
    assert User.objects.get().language == "zh-hans"
    cookie = response.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert cookie["max-age"] == 365 * 86_400


@pytest.mark.parametrize("language", ["", "xx", "fr", "x" * 500, "../en"])
def test_a_language_that_there_is_not_is_not_kept(browser: Client, language: str) -> None:
    choose(browser, language)

    assert User.objects.get().language == ""
    assert '<html lang="en">' in text(browser.get("/account"))


def test_whoever_is_not_signed_in_chooses_a_language_too(db: None) -> None:
    browser = Client()
    choose(browser, "zh-hans", "/")

    assert '<html lang="zh-hans">' in text(browser.get("/"))


def test_looking_at_the_address_chooses_nothing(browser: Client) -> None:
    assert browser.get("/i18n/setlang/", {"language": "zh-hans"}).status_code == 405


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example/"])
def test_choosing_a_language_leads_to_no_other_site(browser: Client, path: str) -> None:
    assert "evil" not in choose(browser, "en", path)["Location"]
