"""The page that verifies receipts is an app: the same for everybody, kept whole, installable."""

import re

import pytest
from django.contrib.staticfiles.finders import find
from django.test import Client

from tests.platform.kept_apps import kept, loaded_by
from tests.platform.world import Person

pytestmark = pytest.mark.django_db
_WASM = "/static/vendor/zxing-wasm/reader/zxing_reader.wasm"


def test_all_that_the_page_loads_is_kept() -> None:
    files = kept("/scan-worker.js")["files"]
    needed = loaded_by("/static/receipts/scan.js")
    assert {*needed, _WASM, "/i18n/catalog.js", "/scan/manifest.json"} <= set(files)
    page = Client().get("/scan").content.decode()
    assert set(re.findall(r'(?:src|href)="(/static/[^"#]+)', page)) <= set(files)


def test_everything_that_is_kept_is_there_and_nothing_of_other_apps() -> None:
    for address in kept("/scan-worker.js")["files"]:
        path = address.removeprefix("/static/")
        assert path == address or find(path), address
        assert "ggwave" not in address


def test_both_addresses_of_the_page_lead_to_one_copy() -> None:
    assert kept("/scan-worker.js")["pages"] == {"/scan": "/scan", "/r": "/scan"}


def test_the_copies_of_two_apps_have_names_of_their_own() -> None:
    scanner, phone = (kept(worker) for worker in ("/scan-worker.js", "/sw.js"))
    assert (scanner["app"], phone["app"]) == ("scan", "offline")


def test_the_page_is_the_same_for_everybody(anna: Person) -> None:
    client = Client()
    client.force_login(anna.holder.user)
    for path in ("/scan", "/r"):
        page = client.get(path)
        assert page.content == Client().get("/scan").content
        assert "csrfmiddlewaretoken" not in page.content.decode()
        assert "camera=(self)" in page.headers["Permissions-Policy"]
        assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]


def test_the_page_speaks_the_readers_language_and_so_does_its_copy() -> None:
    chinese = Client(headers={"accept-language": "zh-hans"}).get("/scan")
    assert 'lang="zh-hans"' in chinese.content.decode()
    assert kept("/scan-worker.js", "zh-hans")["version"] != kept("/scan-worker.js")["version"]


def test_the_page_can_be_installed() -> None:
    answer = Client().get("/scan/manifest.json")
    assert answer.headers["Content-Type"] == "application/manifest+json"
    said = answer.json()
    assert (said["start_url"], said["display"]) == ("/scan", "standalone")
    assert all(find(icon["src"].removeprefix("/static/")) for icon in said["icons"])


def test_where_the_page_gets_its_token_against_forgery_there_is_one() -> None:
    (path,) = set(re.findall(r'data-token-from="([^"]+)"', Client().get("/scan").content.decode()))
    assert "csrftoken" in Client().get(path).cookies
