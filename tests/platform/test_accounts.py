"""Who calls: sign-up, sessions with their CSRF token, API keys, and the caller's own account."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.test import Client

from accounts.models import ApiKey, Holder, User
from accounts.services import holder_for
from tests.platform.world import Answer, Person, call, everything_stored

PASSWORD = "correct horse battery"
ORIGIN = "http://testserver"


@pytest.fixture
def anna(db: None) -> Person:
    """A holder without a token: these tests need no authentication server."""
    return Person.make("Anna")


@pytest.fixture
def browser(anna: Person) -> Client:
    """A browser in which Anna is signed in, and which checks CSRF as a real one makes us."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(
        anna.holder.user, backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return client


def csrf(client: Client) -> dict[str, str]:
    """Fetch a page with a form, and return the header its script would send."""
    client.get("/accounts/logout/")
    return {"X-CSRFToken": client.cookies["csrftoken"].value, "Origin": ORIGIN}


# The account.


def test_a_holder_has_a_random_account_number_and_no_name_at_first(anna: Person) -> None:
    assert anna.get("/me") == {"account": anna.account, "name": ""}
    assert re.fullmatch(r"[1-9][0-9]{11}", anna.account)


@pytest.mark.parametrize("name", ["Anna", "安娜", "آنا", "A" * 40, ""])
def test_a_name_is_set(anna: Person, name: str) -> None:
    assert anna.post("/me", {"name": f" {name} "})["name"] == name


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("A" * 41, (422, "text_too_long")),
        ("a\x00", (422, "text_refused")),
        ("a\u200f", (422, "text_refused")),
        ("\ud800", (422, "text_refused")),
        (None, (422, "input_invalid")),
        (5, (422, "input_invalid")),
        ("A" * 900_000, (422, "text_too_long")),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_name_that_may_not_be_signed_is_refused(
    anna: Person, name: object, refusal: tuple[int, str]
) -> None:
    assert anna.call("POST", "/me", {"name": name}).refusal == refusal
    assert Holder.objects.get().name == ""


def test_the_same_user_has_the_same_holder(anna: Person) -> None:
    assert holder_for(anna.holder.user) == anna.holder


def test_an_account_number_that_is_taken_is_drawn_again(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = User.objects.create_user("ben@example.com")
    digits = iter(anna.account + "2" * 12)
    monkeypatch.setattr("accounts.services.holders.secrets.choice", lambda _: next(digits))

    assert holder_for(ben).account == "2" * 12


# API keys.


def test_an_api_key_is_shown_once_and_stored_as_a_hash(anna: Person) -> None:
    made = anna.post("/api-keys", {"name": "till"})

    assert made["key"].startswith(made["prefix"])
    assert call("GET", "/me", key=made["key"]).body["account"] == anna.account
    assert made["key"] not in str(everything_stored())
    assert "key" not in anna.get("/api-keys")[0]


def test_a_revoked_key_opens_nothing(anna: Person) -> None:
    made = anna.post("/api-keys", {"name": "till"})

    assert anna.call("DELETE", f"/api-keys/{made['id']}").status == 204

    assert call("GET", "/me", key=made["key"]).refusal == (401, "not_authenticated")
    assert anna.get("/api-keys")[0]["revoked_at"]


def test_a_key_is_revoked_once(anna: Person) -> None:
    made = anna.post("/api-keys", {"name": "till"})
    anna.call("DELETE", f"/api-keys/{made['id']}")

    assert anna.call("DELETE", f"/api-keys/{made['id']}").refusal == (404, "not_found")


def test_nobody_revokes_the_key_of_another(anna: Person) -> None:
    ben = Person.make("Ben")
    key = ApiKey.objects.get(holder=anna.holder)

    assert ben.call("DELETE", f"/api-keys/{key.pk}").refusal == (404, "not_found")
    assert anna.get("/me")


@pytest.mark.parametrize("key_id", ["0", "-1", "9" * 18, "9" * 19, "9" * 40])
def test_a_key_that_there_is_not_is_not_found(anna: Person, key_id: str) -> None:
    assert anna.call("DELETE", f"/api-keys/{key_id}").refusal == (404, "not_found")


@pytest.mark.parametrize("key_id", ["x", "1.5", "%00", "9" * 5000])
def test_what_is_no_id_of_a_key_is_refused(anna: Person, key_id: str) -> None:
    assert anna.call("DELETE", f"/api-keys/{key_id}").refusal == (422, "input_invalid")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "k" * 41])
def test_a_key_needs_a_name_that_can_be_read(anna: Person, name: str) -> None:
    status, _ = anna.call("POST", "/api-keys", {"name": name}).refusal

    assert status == 422
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer cs_wrong",
        "Bearer \xff\xfe",
        "Bearer " + "x" * 100_000,
        "Basic YTpi",
        "bearer\t",
        "Digest x",
    ],
    ids=lambda header: repr(header)[:20],
)
def test_what_is_no_valid_key_is_refused(db: None, header: str) -> None:
    answer = call("GET", "/me", headers={"Authorization": header})

    assert answer.refusal == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_of_somebody_who_may_not_sign_in_opens_nothing(anna: Person) -> None:
    User.objects.update(is_active=False)

    assert anna.call("GET", "/me").refusal == (401, "not_authenticated")


# Sessions.


def test_a_signed_in_browser_may_read(browser: Client, anna: Person) -> None:
    assert call("GET", "/me", client=browser).body["account"] == anna.account


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/me"),
        ("POST", "/api-keys"),
        ("POST", "/transactions"),
        ("POST", "/tokens"),
        ("DELETE", "/api-keys/1"),
    ],
)
def test_a_browser_changes_nothing_without_its_csrf_token(
    browser: Client, method: str, path: str
) -> None:
    before = everything_stored()

    answer = call(method, path, {"name": "Mallory"}, client=browser)

    assert answer.refusal[0] == 403
    assert everything_stored() == before


def test_a_browser_changes_something_with_its_csrf_token(browser: Client) -> None:
    answer = call("POST", "/me", {"name": "Anna"}, client=browser, headers=csrf(browser))

    assert answer.status == 200


def test_a_csrf_token_sent_from_another_origin_is_refused(browser: Client) -> None:
    headers = {**csrf(browser), "Origin": "https://evil.example"}

    answer = call("POST", "/me", {"name": "Mallory"}, client=browser, headers=headers)

    assert answer.refusal[0] == 403


def test_a_session_cookie_that_was_made_up_opens_nothing(db: None) -> None:
    client = Client()
    client.cookies["sessionid"] = "x" * 32

    assert call("GET", "/me", client=client).refusal == (401, "not_authenticated")


# Sign-up.


def form(client: Client, path: str, **fields: str) -> Any:
    return client.post(path, fields)


def test_a_stranger_signs_up_confirms_the_address_and_is_a_holder(db: None) -> None:
    browser = Client()

    form(browser, "/accounts/signup/", email="Dora@Example.com", password1=PASSWORD)
    code = re.findall(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", str(mail.outbox[0].body), re.MULTILINE)[0]
    form(browser, "/accounts/confirm-email/", code=code)

    assert User.objects.get().email == "dora@example.com"
    assert call("GET", "/me", client=browser).body["account"]


def test_an_address_that_is_not_confirmed_signs_nobody_in(db: None) -> None:
    browser = Client()
    form(browser, "/accounts/signup/", email="dora@example.com", password1=PASSWORD)

    assert call("GET", "/me", client=browser).refusal == (401, "not_authenticated")
    form(browser, "/accounts/login/", login="dora@example.com", password=PASSWORD)
    assert call("GET", "/me", client=browser).refusal == (401, "not_authenticated")


def test_a_password_is_reset_by_a_mailed_code(db: None) -> None:
    user = User.objects.create_user("dora@example.com", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    browser = Client()

    form(browser, "/accounts/password/reset/", email="dora@example.com")
    code = re.findall(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", str(mail.outbox[0].body), re.MULTILINE)[0]
    form(browser, "/accounts/password/reset/confirm/", code=code)
    fresh = "another horse entirely"
    form(
        browser,
        "/accounts/password/reset/complete/",
        password1=fresh,
        password2=fresh,
    )

    user.refresh_from_db()
    assert user.check_password(fresh)


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "nobody", "password1": PASSWORD},
        {"email": "a\x00@example.com", "password1": PASSWORD},
        {"email": "a@example.com\nBcc: b@example.com", "password1": PASSWORD},
        {"email": "x" * 300 + "@example.com", "password1": PASSWORD},
        {"email": "dora@example.com", "password1": "short"},
        {"email": "dora@example.com", "password1": "password"},
        {"email": "dora@example.com"},
        {},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_a_sign_up_that_breaks_a_rule_makes_nobody(db: None, fields: dict[str, str]) -> None:
    answer = form(Client(), "/accounts/signup/", **fields)

    assert answer.status_code == 200
    assert not User.objects.exists()
    assert not mail.outbox


@pytest.mark.parametrize("path", ["signup", "login", "password/reset"])
@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"email=%00&login=%ff", b"a=" + b"x" * 900_000]
)
def test_a_form_of_nonsense_is_answered_with_the_form(db: None, path: str, body: bytes) -> None:
    answer = Client(raise_request_exception=False).post(
        f"/accounts/{path}/", body, content_type="application/x-www-form-urlencoded"
    )

    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("path", ["signup/", "login/", "password/reset/", "2fa/"])
def test_the_pages_of_accounts_are_there(db: None, path: str) -> None:
    assert Client().get(f"/accounts/{path}").status_code in (200, 302)


def test_a_form_from_another_origin_is_refused(db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")

    answer = client.post(
        "/accounts/login/",
        {"csrfmiddlewaretoken": client.cookies["csrftoken"].value},
        headers={"Origin": "https://evil.example"},
    )

    assert answer.status_code == 403


def test_a_user_is_called_by_the_address(anna: Person) -> None:
    assert str(anna.holder.user) == "anna@example.com"
    assert str(ApiKey.objects.get()).endswith("…")


def test_a_password_is_stored_by_argon2id_with_the_parameters_of_owasp() -> None:
    assert make_password(PASSWORD).startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_answer_never_holds_a_password(db: None) -> None:
    answer = Answer.of(form(Client(), "/accounts/signup/", email="x", password1=PASSWORD))

    assert PASSWORD.encode() not in answer.raw
