"""Signing in to the operator pages: waits that grow, one answer for all that is wrong."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client

from authserver import services
from authserver.models import SignInWait
from authserver.services import operators
from tests.authserver.batch_files import now

PASSWORD = "a long password 42"


@pytest.fixture(autouse=True)
def anna(db: None) -> None:
    """An operator."""
    services.add_operator(name="anna", password=PASSWORD)


@pytest.fixture
def client() -> Client:
    return Client()


def sign_in(
    client: Client, name: str = "anna", password: str = PASSWORD, **more: str
) -> HttpResponse:
    form = {"name": name, "password": password, **more}
    return client.post("/operator/sign-in", form)  # type: ignore[return-value]  # as it is


def is_signed_in(client: Client) -> bool:
    return client.get("/operator/servers").status_code == 200


def test_an_operator_signs_in_and_out(client: Client) -> None:
    assert not is_signed_in(client)
    assert sign_in(client).headers["Location"] == "/operator/"
    assert is_signed_in(client)
    client.post("/operator/sign-out")
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("anna", ""),
        ("a\0b", "x"),
        ("x" * 99, "x"),
    ],
)
def test_whatever_is_wrong_is_answered_alike(client: Client, name: str, password: str) -> None:
    answer = sign_in(client, name, password)
    assert answer.status_code == 403
    assert "Name and password do not fit, or there were too many tries" in answer.content.decode()
    assert not is_signed_in(client)


def test_tries_beyond_the_free_ones_wait_even_with_the_right_password(
    client: Client, clock: time_machine.Traveller
) -> None:
    for _ in range(operators.FREE_BY_NAME):
        sign_in(client, password="wrong")
    assert sign_in(client).status_code == 403
    clock.shift(operators.FIRST_WAIT)
    assert sign_in(client).status_code == 302


def test_each_wait_is_twice_the_one_before(client: Client, clock: time_machine.Traveller) -> None:
    waits = []
    for _ in range(11):
        sign_in(client, password="wrong")
        row = SignInWait.objects.order_by("-until").first()
        assert row
        waits.append((row.until - now()).total_seconds())
        clock.move_to(max(row.until, now()))
    assert waits == [0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600]


def test_a_try_that_waits_makes_the_wait_no_longer(client: Client) -> None:
    for _ in range(operators.FREE_BY_NAME + 5):
        sign_in(client, password="wrong")
    assert {row.failures for row in SignInWait.objects.all()} == {operators.FREE_BY_NAME}


def test_success_forgets_failures(client: Client) -> None:
    for _ in range(operators.FREE_BY_NAME - 1):
        sign_in(client, password="wrong")
    sign_in(client)
    assert not SignInWait.objects.exists()


def test_one_address_waits_whatever_the_names_and_whatever_headers_say(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators, "FREE_BY_ADDRESS", 3)
    for number in range(3):
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        form = {"name": f"name-{number}", "password": "x"}
        client.post("/operator/sign-in", form, headers=headers)
    assert sign_in(client).status_code == 403
    assert sign_in(Client(REMOTE_ADDR="192.0.2.7")).status_code == 302


def test_names_are_kept_as_hashes_and_for_a_day_only(
    client: Client, clock: time_machine.Traveller
) -> None:
    sign_in(client, name="hunter2", password="x")
    assert all("hunter2" not in row.key for row in SignInWait.objects.all())
    clock.shift(operators.FORGOTTEN + timedelta(seconds=1))
    sign_in(client)
    assert not SignInWait.objects.exists()


def test_fifteen_minutes_without_a_page_end_the_session(
    client: Client, clock: time_machine.Traveller
) -> None:
    sign_in(client)
    clock.shift(14 * 60)
    assert is_signed_in(client)
    clock.shift(14 * 60)
    assert is_signed_in(client)
    clock.shift(15 * 60 + 1)
    assert not is_signed_in(client)


def test_a_page_that_looks_again_by_itself_keeps_nobody_signed_in(
    client: Client, clock: time_machine.Traveller
) -> None:
    sign_in(client)
    clock.shift(10 * 60)
    assert client.get("/operator/servers?again=1").status_code == 200
    clock.shift(6 * 60)
    assert not is_signed_in(client)


def test_signing_in_takes_a_new_session(client: Client) -> None:
    """Whoever planted a session in the browser before does not share the new one."""
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["authserver-operator"] = session.session_key or ""
    sign_in(client)
    assert client.cookies["authserver-operator"].value != session.session_key
    assert not Session.objects.filter(session_key=session.session_key).exists()


def test_a_new_password_and_retiring_end_sessions(client: Client) -> None:
    sign_in(client)
    services.replace_operator_password(name="anna", password="another long one")
    assert not is_signed_in(client)
    sign_in(client, password="another long one")
    services.retire_operator(name="anna")
    assert not is_signed_in(client)
    assert sign_in(client, password="another long one").status_code == 403


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("/operator/stock", "/operator/stock"),
        ("https://evil.example/operator/", "/operator/"),
        ("//evil.example/operator/", "/operator/"),
        ("/operator/\\evil", "/operator/%5Cevil"),
        ("/operator/sign-out", "/operator/"),
        ("/v1/keys", "/operator/"),
    ],
)
def test_signing_in_leads_to_the_page_asked_for_and_never_elsewhere(
    client: Client, given: str, target: str
) -> None:
    assert sign_in(client, next=given).headers["Location"] == target


def test_a_page_that_needs_signing_in_comes_back_to_itself(client: Client) -> None:
    answer = client.get("/operator/stock")
    assert answer.headers["Location"] == "/operator/sign-in?next=%2Foperator%2Fstock"


def test_cookies_are_for_these_pages_alone_and_no_script_reads_them(client: Client) -> None:
    client.get("/operator/sign-in")
    sign_in(client)
    assert set(client.cookies) == {"authserver-operator", "authserver-form"}
    for cookie in client.cookies.values():
        assert (cookie["path"], cookie["samesite"]) == ("/operator", "Strict")
        assert cookie["httponly"]


def test_cookies_go_by_https_alone_where_the_origin_is_https() -> None:
    settings = _settings_of("https://host.example")
    assert settings == "True True"
    assert _settings_of("http://localhost:8001") == "False False"


def _settings_of(origin: str) -> str:
    code = (
        "from authserver import settings as s;print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)"
    )
    environment = {**os.environ, "AUTHSERVER_ORIGIN": origin}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


@pytest.fixture
def strict() -> Client:
    """A browser whose forms are checked, as Django's test client usually does not."""
    client = Client(enforce_csrf_checks=True)
    client.get("/operator/sign-in")
    return client


def test_a_form_without_the_token_of_this_browser_is_refused(strict: Client) -> None:
    answer = sign_in(strict)
    assert answer.status_code == 403
    assert "came from elsewhere" in answer.content.decode()
    token = strict.cookies["authserver-form"].value
    assert sign_in(strict, csrfmiddlewaretoken=token).status_code == 302


def test_the_rest_of_the_service_sets_no_cookie(client: Client) -> None:
    for path in ("/e", "/healthz", "/v1/keys"):
        assert "Set-Cookie" not in client.get(path).headers
