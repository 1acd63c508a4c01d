"""The host itself: keys, health, readiness, version, headers, its own trouble."""

import tomllib
from pathlib import Path
from unittest import mock

import pytest
import time_machine
from django.db import OperationalError
from django.http import UnreadablePostError
from django.test import Client
from pytest_django import Settings

from authserver.base64url import decode
from authserver.models import HostKey, HostState
from authserver.services import datakeys
from protocol.keys import Purpose, open_certificate
from tests.authserver.world import NOON, LocalHost, new_key


def test_anybody_may_read_the_hosts_keys(host: LocalHost) -> None:
    body = host.call("GET", "/v1/keys").body
    key = open_certificate(decode(body["certificates"][0]), decode(body["root"]))
    assert (body["name"], body["time"]) == ("host-1", int(NOON.timestamp()))
    assert (key.purpose, key.subject) == (Purpose.HOST, "host-1")


def test_a_host_before_init_is_alive_and_not_ready(db: None) -> None:
    host = LocalHost()
    assert host.call("GET", "/healthz").body == {"status": "ok"}
    for path in ("/readyz", "/v1/keys"):
        answer = host.call("GET", path)
        assert (answer.status, answer.code) == (503, "not_ready")


def test_a_ready_host_tells_its_time(host: LocalHost) -> None:
    body = host.call("GET", "/readyz").body
    assert body == {"status": "ready", "time": int(NOON.timestamp())}


def test_a_host_without_its_kek_is_not_ready(host: LocalHost, settings: Settings) -> None:
    settings.AUTHSERVER_KEK = new_key()
    # Another process, which has nothing at hand.
    datakeys.forget()
    answer = host.call("GET", "/readyz")
    assert (answer.status, answer.code) == (503, "not_ready")
    assert "keys of this host" in answer.body["detail"]


def test_a_host_whose_key_ended_is_not_ready(host: LocalHost) -> None:
    HostKey.objects.update(to_day=1)
    assert host.call("GET", "/readyz").code == "not_ready"


def test_a_restored_host_is_not_ready_for_a_while(
    host: LocalHost, clock: time_machine.Traveller
) -> None:
    HostState.objects.update(not_ready_until=NOON)
    assert host.call("GET", "/readyz").status == 200
    clock.shift(-1)
    assert host.call("GET", "/readyz").code == "not_ready"


def test_the_version_is_that_of_the_project(host: LocalHost) -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    assert host.call("GET", "/version").body == {"version": project["version"]}


def test_every_answer_names_its_trace(host: LocalHost) -> None:
    refused = host.client.get("/v1/verdicts")
    assert refused["X-Trace-Id"] == refused.json()["trace_id"]
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:countersign:error:not_authenticated"


@pytest.mark.parametrize("path", ["/e", "/healthz", "/nothing"])
def test_every_answer_is_closed_to_other_sites_and_caches(host: LocalHost, path: str) -> None:
    response = host.client.get(path)
    assert response["Content-Security-Policy"].startswith(
        "default-src 'self'; img-src 'self' data:"
    )
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in response


def test_over_https_browsers_are_told_to_stay_there(host: LocalHost, settings: Settings) -> None:
    settings.AUTHSERVER_ORIGIN = "https://auth.example"
    assert "max-age" in host.client.get("/healthz")["Strict-Transport-Security"]


def test_a_certificate_nobody_can_check_is_not_made_compulsory_for_a_year(
    host: LocalHost, settings: Settings
) -> None:
    settings.AUTHSERVER_ORIGIN = "https://192.168.1.5:8001"
    settings.AUTHSERVER_HSTS_SECONDS = 0
    assert "Strict-Transport-Security" not in host.client.get("/healthz")


def test_a_database_that_does_not_answer_is_503_and_safe_to_repeat(host: LocalHost) -> None:
    with mock.patch("authserver.services.host_keys", side_effect=OperationalError("down")):
        response = host.client.get("/v1/keys")
    assert response.status_code == 503
    assert response.json()["code"] == "unavailable"
    assert response["Retry-After"] == "2"


def test_a_body_that_breaks_off_is_no_fault_of_ours(host: LocalHost) -> None:
    with mock.patch("authserver.views.Body.read", side_effect=UnreadablePostError("gone")):
        answer = host.call("POST", "/v1/enrolments", {})
    assert (answer.status, answer.code) == (400, "request_malformed")


def test_a_fault_of_ours_is_a_problem_document_without_details(host: LocalHost) -> None:
    client = Client(raise_request_exception=False)
    with mock.patch("authserver.services.host_keys", side_effect=RuntimeError("seed 1234")):
        response = client.get("/v1/keys")
    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert "seed" not in response.content.decode()
