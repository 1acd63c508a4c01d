"""What monitoring asks, the landing page, the API page, and the headers of every answer."""

import re
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client, override_settings

from countersign.api import api
from enrolment.models import AuthserverHost
from signing import services as signing
from tests.platform.world import Person, call, now, unreachable

# Its clock is compared with the authserver's.
pytestmark = pytest.mark.usefixtures("running_clock")


def get(path: str) -> Any:
    return Client(raise_request_exception=False).get(path)


def failing() -> list[str]:
    answer = get("/readyz")
    assert answer.status_code == 503
    body = answer.json()
    assert body["status"] == "failing"
    return list(body["failing"])


def test_the_process_answers(db: None) -> None:
    answer = get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_the_release_is_named(db: None) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", get("/version").json()["version"])


def test_the_platform_is_ready_with_keys_and_a_host(host: AuthserverHost) -> None:
    answer = get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "failing": []}


def test_the_platform_is_not_ready_without_keys(db: None) -> None:
    assert failing() == ["keys_missing"]


def test_the_platform_is_not_ready_while_a_host_gives_no_answer(host: AuthserverHost) -> None:
    with unreachable(host):
        assert failing() == [f"host:{host.name}"]


@pytest.mark.parametrize("seconds", [-60, 60])
def test_the_platform_is_not_ready_while_the_clocks_differ(
    host: AuthserverHost, seconds: int
) -> None:
    with time_machine.travel(now().timestamp() + seconds, tick=False):
        assert failing() == [f"clock:{host.name}"]


@pytest.mark.parametrize("shown", ["noon", None, float("nan"), True, {}])
def test_a_host_that_shows_no_time_fails(
    host: AuthserverHost, monkeypatch: pytest.MonkeyPatch, shown: object
) -> None:
    monkeypatch.setattr(
        "enrolment.authserver_client.AuthserverClient.keys", lambda _: {"time": shown}
    )

    assert failing()


def test_the_platform_is_not_ready_without_its_database(
    host: AuthserverHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("enrolment.live.open_hosts", fail)

    assert failing() == ["database"]


def test_the_platform_is_not_ready_with_another_sealing_key(host: AuthserverHost) -> None:
    signing._cache.clear()
    with override_settings(COUNTERSIGN_KEK="QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="):
        assert failing() == ["keys_unreadable"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version", "/"])
def test_these_pages_are_only_read(db: None, path: str) -> None:
    client = Client(raise_request_exception=False)

    assert client.post(path, {}).status_code in (403, 405)
    assert client.delete(path).status_code in (403, 405)


def test_the_landing_page_says_where_to_go(db: None) -> None:
    page = get("/").content.decode()

    for link in ("/accounts/signup/", "/accounts/login/", "/api/v1/docs"):
        assert f'href="{link}"' in page


def test_whoever_is_signed_in_finds_what_waits_instead_of_the_landing_page(db: None) -> None:
    client = Client()
    client.force_login(
        Person.make("Anna").holder.user,
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )

    page = client.get("/").content.decode()

    assert "Waits for you" in page
    assert "/accounts/signup/" not in page


def test_a_page_that_there_is_not_is_not_found(db: None) -> None:
    assert get("/nothing").status_code == 404


def test_another_host_name_is_refused(db: None) -> None:
    answer = Client(raise_request_exception=False).get("/", headers={"Host": "evil.example"})

    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/", "/healthz", "/accounts/login/", "/api/v1/me", "/nothing"])
def test_every_answer_has_its_security_headers(db: None, path: str) -> None:
    headers = get(path).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert re.fullmatch("[0-9a-f]{16}", headers["X-Trace-Id"])


def test_answers_of_the_api_are_not_cached(db: None) -> None:
    assert call("GET", "/me").headers["Cache-Control"] == "no-store"


def test_every_answer_has_a_trace_id_of_its_own(db: None) -> None:
    assert get("/healthz").headers["X-Trace-Id"] != get("/healthz").headers["X-Trace-Id"]


@override_settings(SECURE_SSL_REDIRECT=True, SECURE_HSTS_SECONDS=31_536_000)
def test_in_service_plain_http_is_sent_to_https(db: None) -> None:
    assert get("/").headers["Location"].startswith("https://")


def test_the_api_page_runs_on_our_own_scripts_alone(db: None) -> None:
    page = get("/api/v1/docs").content.decode()

    scripts = re.findall(r"<script([^>]*)>", page)
    assert all("src=" in script or "application/json" in script for script in scripts)
    assert not re.findall(r'(?:src|href)="https?://', page)
    for address in re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"', page):
        answer = get(address)
        answer.close()
        assert answer.status_code == 200, address


def test_the_description_of_the_api_names_what_answers_hold(db: None) -> None:
    described = get("/api/v1/openapi.json").json()

    schemas = described["components"]["schemas"]
    assert {"id", "owner", "state"} <= set(schemas["TransactionOut"]["properties"])
    assert {"serial", "host"} <= set(schemas["TokenOut"]["properties"])
    assert len(described["paths"]) == len(api.get_openapi_schema()["paths"])


def test_every_operation_is_described(db: None) -> None:
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), (method, path)
