"""What nobody sends by accident: answered in words, kept by no cache, recorded once."""

import json
from typing import Any
from unittest import mock

import pytest
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from django.http import HttpRequest
from django.test import Client
from fido2.utils import websafe_encode

from audit.models import AuditRow
from enrolment import authserver_client
from enrolment.authserver_client import AuthserverClient
from enrolment.models import AuthserverHost
from protocol.fields import MAX_TIME
from tests.platform.operators import browser_of, operator
from tests.platform.passkeys import Passkey
from tests.platform.world import Person, unreachable


@pytest.mark.parametrize("path", ["/account", "/api/v1/tokens"])
def test_a_session_whose_name_holds_nul_is_no_session(db: None, path: str) -> None:
    # PostgreSQL would not even look for it.
    answer = Client().get(path, headers={"Cookie": r'sessionid="\000aaaaaaaaaaaa"'})
    assert answer.status_code == (401 if path.startswith("/api/") else 302)
    assert not answer.wsgi_request.COOKIES


@pytest.mark.parametrize("path", ["/tokens", "/inbox", "/console/holders", "/accounts/email/"])
def test_no_shared_cache_keeps_a_page_of_somebody(host: None, path: str) -> None:
    answer = browser_of(operator("Olga")).get(path)
    assert answer.status_code == 200
    assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize("until", [10**18, MAX_TIME + 1, -1, "soon", None])
def test_a_lock_until_no_possible_time_is_a_lock_without_a_time(
    anna: Person, until: object
) -> None:
    told = {"code": "token_locked", "locked_until": until}
    step = anna.open()

    def refuse(*_: object, **__: object) -> None:
        authserver_client._read(423, json.dumps(told).encode())

    with mock.patch.object(AuthserverClient, "_call", side_effect=refuse):
        answer = browser_of(anna).post(
            f"/steps/{step['id']}", {"action": "respond", "response": "12345678"}
        )

    assert answer.status_code == 423


def test_a_refused_decline_leaves_one_audit_row(anna: Person, host: AuthserverHost) -> None:
    browser, address = browser_of(anna), f"/steps/{anna.open()['id']}"
    refused = AuditRow.objects.filter(action="request.refused")

    # Hides the order of what follows: it may not be signed.
    browser.post(address, {"action": "decline", "reason": "no\u202e"})
    assert refused.count() == 1
    with unreachable(host):
        browser.post(address, {"action": "decline", "reason": "no"})
    assert refused.count() == 2


def said_of_a_passkey(**changes: Any) -> str:
    """What a browser says, and where it has what the library looks for, nonsense."""
    client = {"type": "webauthn.get", "challenge": "AA", "origin": "http://localhost:8000"}
    response = {
        "clientDataJSON": websafe_encode(json.dumps(client).encode()),
        # Extensions are announced, and none is there.
        "authenticatorData": websafe_encode(bytes(32) + b"\x80" + bytes(4)),
        "attestationObject": websafe_encode(b"\xa3"),
        **{"signature": "AA", "userHandle": "AA"},
    }
    said = {"id": "AA", "rawId": "AA", "type": "public-key", "response": response}
    return json.dumps({**said, **changes})


NO_PASSKEY = [
    *("9" * 5000, "[" * 100_000, "{", "null", "{}"),
    *(said_of_a_passkey(), said_of_a_passkey(rawId=10**12), said_of_a_passkey(response=7)),
]


@pytest.mark.parametrize("credential", NO_PASSKEY)
def test_what_is_no_passkey_is_refused(db: None, credential: str) -> None:
    answer = Client().post("/accounts/2fa/webauthn/login/", {"credential": credential})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("credential", NO_PASSKEY)
@pytest.mark.parametrize(("page", "status"), [("add", 200), ("reauthenticate", 302)])
def test_what_is_no_passkey_is_neither_added_nor_believed(
    db: None, page: str, status: int, credential: str
) -> None:
    person = Passkey.of(Person.make("Dora")).person
    browser, request = browser_of(person), HttpRequest()
    request.session = browser.session
    record_authentication(
        request, person.holder.user, "mfa", type="webauthn", reauthenticated=True
    )
    request.session.save()
    address = f"/accounts/2fa/webauthn/{page}/"
    browser.get(address)
    answer = browser.post(address, {"credential": credential, "name": "Key"})
    assert answer.status_code == status
    assert "add" not in answer.get("Location", "")
    assert Authenticator.objects.count() == 1


def test_a_length_of_thousands_of_digits_is_too_large(db: None) -> None:
    answer = Client().post("/continue", headers={"Content-Length": "9" * 5000})
    assert answer.status_code == 413
