"""The browser keeps the phone's page whole: with all that its scripts load, of one version."""

import re
from collections.abc import Iterator

import pytest
from django.contrib import messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.staticfiles.finders import find
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import resolve, reverse

from common import kept as apps
from common.sentences import is_told
from offline import words
from offline.services.deciding import _REFUSALS
from offline.views import phone as views
from offline.words import refusal_sentences
from tests.platform import kept_apps
from tests.platform.kept_apps import Kept
from tests.platform.world import Person

pytestmark = pytest.mark.django_db
# Scripts of npm packages bring each other along; what they are asked to fetch is named here.
_WASM = [f"/static/vendor/zxing-wasm/{way}/zxing_{way}.wasm" for way in ("reader", "writer")]


def kept(language: str = "en") -> Kept:
    return kept_apps.kept("/sw.js", language)


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person.holder.user)
    return client


def test_all_that_the_page_loads_is_kept() -> None:
    files = kept()["files"]
    scripts = [f"/static/offline/{name}.js" for name in ("phone", "client", "sound", "link_qr")]
    needed = set[str]().union(*map(kept_apps.loaded_by, scripts))
    assert {*needed, *_WASM, "/offline/sound-worker.js", "/i18n/catalog.js"} <= set(files)
    assert "/static/vendor/hash-wasm/argon2.umd.min.js" in needed
    page = Client().get("/offline").content.decode()
    loaded = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', page))
    assert loaded <= set(files)


def test_everything_that_is_kept_is_there() -> None:
    for address in kept()["files"]:
        path = address.removeprefix("/static/")
        assert path == address or find(path), address


@pytest.fixture
def anew() -> Iterator[None]:
    """Have the version reckoned by this test alone."""
    apps._version.cache_clear()
    yield
    apps._version.cache_clear()


@pytest.mark.parametrize("name", ["offline", "catalog", "offline-manifest", "sound-worker"])
@pytest.mark.parametrize("change", ["content", "policy"])
def test_the_version_changes_with_whatever_is_kept(
    name: str, change: str, monkeypatch: pytest.MonkeyPatch, anew: None
) -> None:
    before = kept()["version"]
    assert kept()["version"] == before
    view = resolve(reverse(name)).func

    def changed(request: HttpRequest) -> HttpResponse:
        answer: HttpResponse = view(request)
        if change == "content":
            answer.content += b" "
        else:
            answer["Content-Security-Policy"] = "default-src 'none'"
        return answer

    monkeypatch.setattr(
        apps,
        "resolve",
        lambda path: (changed, (), {}) if path == reverse(name) else resolve(path),
    )
    apps._version.cache_clear()
    assert kept()["version"] != before


def test_the_version_changes_with_the_language() -> None:
    english, chinese = kept()["version"], kept("zh-hans")["version"]
    assert english != chinese
    assert kept()["version"] == english


def test_only_pages_that_work_without_a_network_are_kept() -> None:
    assert kept()["pages"] == {"/offline": "/offline", "/o": "/offline"}


def test_the_page_says_nothing_of_whoever_is_signed_in(anna: Person) -> None:
    # Every browser keeps a copy, and shows it to whoever holds the phone.
    page = signed_in(anna).get("/offline")
    assert anna.holder.account not in page.content.decode()
    assert "csrfmiddlewaretoken" not in page.content.decode()
    assert "microphone=(self)" in page.headers["Permissions-Policy"]
    assert "'unsafe-eval'" not in page.headers["Content-Security-Policy"]


def test_the_page_shows_no_message_that_waits_for_another_page() -> None:
    request = RequestFactory().get("/offline")
    request._messages = waiting = CookieStorage(request)  # type: ignore[attr-defined]  # as its middleware
    messages.info(request, "Anna paid 4.50 EUR")
    assert "Anna paid" not in views.phone(request).content.decode()
    assert not waiting.used


# What the set-up calls, in its order, and what each may refuse.
_SET_UP = (
    *("not_authenticated", "session_lost", "rate_limited"),
    *("device_code_invalid", "device_known", "too_many_devices", "device_proof_invalid"),
    *("paypass_wrong", "paypass_locked", "paypass_not_set", "permit_required", "unknown_client"),
    *("offline_password_weak", "client_state_wrong"),
)


def test_every_refusal_of_an_authorization_and_of_the_set_up_has_a_sentence() -> None:
    told = refusal_sentences()
    assert [code for code in (*_REFUSALS, *_SET_UP) if not told.get(code)] == []


def test_every_code_that_is_named_has_a_sentence_of_its_own() -> None:
    assert [code for code in words._OTHER_REFUSALS if not is_told(code)] == []


def test_the_page_can_be_installed() -> None:
    answer = Client().get("/offline/manifest.json")
    assert answer.headers["Content-Type"] == "application/manifest+json"
    said = answer.json()
    assert (said["start_url"], said["display"]) == ("/offline", "standalone")
    assert all(find(icon["src"].removeprefix("/static/")) for icon in said["icons"])


def test_setting_a_phone_up_takes_a_session(anna: Person) -> None:
    away = Client().get("/offline/set-up")
    assert away.headers["Location"] == "/accounts/login/?next=/offline/set-up"
    assert signed_in(anna).get("/offline/set-up").status_code == 200
