"""The page of the token app: what it may load and call, and in which language."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from authserver import services
from authserver.models import Platform
from protocol.errors import ProtocolError
from tests.authserver.world import NOON, Bank

SCRIPTS = Path(settings.BASE_DIR) / "authserver" / "static" / "token" / "pages"
# element("id"), input("id"), on("id", …), typed("id"), show("name") and the like.
NAMED = re.compile(r'\b(?:element|input|on|typed|complain|withPin|newPin|countDown)\("([a-z-]+)"')
SHOWN = re.compile(r'\bshow\("([a-z]+)"\)')
CHINESE = {"Accept-Language": "zh-CN"}


def policy(client: Client) -> dict[str, list[str]]:
    parts = client.get("/token/")["Content-Security-Policy"].split("; ")
    return {name: values.split() for name, _, values in (part.partition(" ") for part in parts)}


@pytest.mark.django_db
def test_the_page_calls_nobody_but_its_host_and_the_platforms_of_that_host(
    client: Client, bank: Bank
) -> None:
    assert policy(client)["connect-src"] == ["'self'", bank.information.origin]


@pytest.mark.django_db
def test_a_platform_is_let_in_while_the_host_runs(client: Client) -> None:
    assert policy(client)["connect-src"] == ["'self'"]
    root = Bank.make("new", NOON).root.public
    services.add_platform(platform_id="new", origin="https://new.example", root=root)
    assert policy(client)["connect-src"] == ["'self'", "https://new.example"]


@pytest.mark.django_db
@pytest.mark.parametrize("origin", ["https://a; script-src *", "https://a,b", "https://A.example"])
def test_what_is_no_origin_is_not_let_in_and_never_reaches_the_policy(
    client: Client, bank: Bank, origin: str
) -> None:
    with pytest.raises(ProtocolError):
        services.add_platform(platform_id="new", origin=origin, root=bank.root.public)
    Platform.objects.update(origin=origin)
    assert policy(client)["connect-src"] == ["'self'"]


@pytest.mark.django_db
def test_nothing_is_allowed_that_is_not_named(client: Client) -> None:
    allowed = policy(client)
    del allowed["connect-src"]
    assert allowed == {
        "default-src": ["'none'"],
        "script-src": ["'self'", "'wasm-unsafe-eval'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    assert client.get("/token/")["Permissions-Policy"].startswith("camera=(self)")


@pytest.mark.django_db
def test_the_page_has_no_script_and_no_style_of_its_own(client: Client) -> None:
    page = client.get("/token/").content.decode()
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", page) == []


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/token/", "/token/catalog.js"])
def test_a_choice_of_language_goes_before_what_the_browser_asks_for(
    client: Client, path: str
) -> None:
    english, chinese = client.get(path), client.get(path, headers=CHINESE)
    assert english.content != chinese.content
    client.cookies["token-language"] = "en"
    assert client.get(path, headers=CHINESE).content == english.content
    assert english["Vary"] == "Accept-Language, Cookie"


@pytest.mark.django_db
def test_the_scripts_speak_the_words_of_the_modules_they_share(client: Client) -> None:
    catalog = client.get("/token/catalog.js", headers=CHINESE).content.decode()
    assert '"This is a receipt."' in catalog, "receipts/qrtext.js says it"


@pytest.mark.django_db
def test_whatever_the_scripts_name_is_on_the_page(client: Client) -> None:
    page = client.get("/token/").content.decode()
    there = set(re.findall(r'\bid="([a-z-]+)"', page))
    scripts = "".join(path.read_text("utf-8") for path in SCRIPTS.glob("*.js"))
    named = set(NAMED.findall(scripts)) | {f"screen-{name}" for name in SHOWN.findall(scripts)}
    assert len(named) > 60
    assert named - there == set()


@pytest.mark.django_db
def test_every_field_has_a_label_and_every_screen_a_heading(client: Client) -> None:
    page = client.get("/token/").content.decode()
    fields = re.findall(r'<(?:input|textarea) id="([a-z-]+)"', page)
    assert [field for field in fields if f'<label for="{field}">' not in page] == []
    screens = re.split(r'<section id="screen-', page)[1:]
    assert [screen[:10] for screen in screens if "<h1 tabindex=" not in screen] == []
