"""What goes wrong is told on a page, in a sentence."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from authserver.errors import Code
from common.errors import DomainError, InputInvalidError
from common.problems import DATABASE_GONE
from common.sentences import sentence
from countersign import urls
from enrolment.errors import AuthserverRefusedError
from transactions.errors import ChainHeadMovedError

# Answered between the services alone; no holder's request brings them about.
_BETWEEN_SERVICES = {
    *("json_invalid", "input_invalid", "server_unknown", "verdict_unknown", "certificate_invalid"),
    *("share_invalid", "ticket_unknown", "ticket_used", "statement_invalid", "kind_refused"),
    *("tag_wrong", "challenge_open", "unavailable", "not_ready"),
}
# Told to operators at the command line.
_OF_COMMANDS = {
    *("host_invalid", "root_key_invalid", "refused"),
    *("key_unknown", "key_in_use", "end_refused"),
    *(
        "builds_exhausted",
        "package_folder_invalid",
        "price_list_invalid",
        "keys_full",
    ),
}
_GENERAL = sentence("no such code")


def _refuse(request: HttpRequest) -> HttpResponse:
    raise ChainHeadMovedError


def _break(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("SECRET-IN-A-TRACEBACK")


def _lose_the_database(request: HttpRequest) -> HttpResponse:
    raise OperationalError("gone")


handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
urlpatterns = [
    path("refuse", _refuse),
    path("break", _break),
    path("lose", _lose_the_database),
    *urls.urlpatterns,
]


@pytest.fixture
def visitor() -> Iterator[Client]:
    with override_settings(ROOT_URLCONF=__name__):
        yield Client(raise_request_exception=False)


def _errors(kind: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    yield kind
    for sub in kind.__subclasses__():
        yield from _errors(sub)


def test_every_refusal_of_the_platform_has_its_sentence() -> None:
    varying = {InputInvalidError, AuthserverRefusedError}
    codes = {error.code for error in _errors() if error not in varying}
    assert len(codes) > 20
    assert [code for code in codes - _OF_COMMANDS if sentence(code) == _GENERAL] == []


def test_every_refusal_of_the_authentication_server_has_its_sentence() -> None:
    codes = {code.name.lower() for code in Code}
    assert [code for code in codes - _BETWEEN_SERVICES if sentence(code) == _GENERAL] == []


@pytest.mark.django_db
def test_refusal_that_no_view_answers_becomes_a_page_with_its_status(visitor: Client) -> None:
    response = visitor.get("/refuse")
    assert response.status_code == 409
    assert "Somebody else has continued" in response.content.decode()
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.django_db
def test_unknown_address_is_told_on_a_page(visitor: Client) -> None:
    response = visitor.get("/there/is/no/such/page")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


@pytest.mark.django_db
def test_fault_of_ours_shows_a_number_and_no_traceback(visitor: Client) -> None:
    response = visitor.get("/break")
    body = response.content.decode()
    assert response.status_code == 500
    assert "SECRET-IN-A-TRACEBACK" not in body
    assert response["X-Trace-Id"] in body


def test_lost_database_is_told_without_asking_it_for_anything(visitor: Client) -> None:
    # Without the mark of pytest-django every query fails this test.
    assert OperationalError in DATABASE_GONE
    response = visitor.get("/lose")
    assert response.status_code == 503
    assert "Nothing is lost" in response.content.decode()


@pytest.mark.django_db
def test_form_without_its_token_is_told_that_the_session_was_lost() -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/accounts/login/", {"login": "a@example.com", "password": "x"})
    assert response.status_code == 403
    assert "Nothing was sent" in response.content.decode()


@pytest.mark.django_db
def test_address_with_a_nul_is_not_there(visitor: Client) -> None:
    response = visitor.get("/tokens/%00")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_too_large_a_form_is_told_on_a_page(visitor: Client) -> None:
    response = visitor.post("/continue", {"receipt": "1" * 1_000_001})
    assert response.status_code == 413
    assert "one megabyte" in response.content.decode()
