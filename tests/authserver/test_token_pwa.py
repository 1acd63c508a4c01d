"""The browser keeps the token app whole: with all that its scripts load, of one version."""

import json
import posixpath
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles.finders import find
from django.test import Client

from authserver import token_pwa
from tests.authserver.conftest import admitted
from tests.authserver.world import Bank, LocalHost

# import … from "…", import("…") and import "…"; in comments they are of types.
IMPORT = re.compile(r'(?:^import |\bfrom |\bimport\()\s*"(\.[^"]+)"', re.MULTILINE)
COMMENT = re.compile(r"/\*\*.*?\*/", re.DOTALL)
# Scripts of npm packages bring each other along; what they are asked to fetch is named here.
WASM = {f"/token/vendor/zxing-wasm/{way}/zxing_{way}.wasm" for way in ("reader", "writer")}
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not (Path(settings.BASE_DIR) / "node_modules" / "cborg").exists(),
        reason="node_modules is missing (make setup)",
    ),
]


def kept(language: str = "en") -> dict[str, Any]:
    body = Client(headers={"Accept-Language": language}).get("/token/sw.js").content.decode()
    found: dict[str, Any] = json.loads(
        re.findall(r"^const .* = (\{.*\});$", body, re.MULTILINE)[0]
    )
    return found


def loaded_by(address: str) -> set[str]:
    """Return the files that a script loads sooner or later, by their addresses."""
    found, waiting = set[str](), [address]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        if path.endswith(".js"):
            script = Path(str(find(path.removeprefix("/token/")))).read_text("utf-8")
            text = COMMENT.sub("", script)
            folder = posixpath.dirname(path)
            waiting += [posixpath.normpath(f"{folder}/{name}") for name in IMPORT.findall(text)]
    return found


def test_all_that_the_page_loads_is_kept() -> None:
    page = Client().get("/token/").content.decode()
    named = set(re.findall(r'(?:src|href)="(/token/[^"#]+)', page))
    scripts = {path for path in named if path.startswith("/token/app/")}
    needed = named.union(WASM, *map(loaded_by, scripts))
    assert needed - set(kept()["files"]) == set()
    assert "/token/vendor/hash-wasm/argon2.umd.min.js" in needed


def test_everything_that_is_kept_is_there() -> None:
    made = {"/token/catalog.js", "/token/manifest.json"}
    missing = [
        path for path in kept()["files"] if path not in made and not find(path[len("/token/") :])
    ]
    assert missing == []
    assert all(Client().get(path).status_code == 200 for path in made)


def test_no_other_page_of_the_host_is_kept() -> None:
    assert kept()["pages"] == {"/token/": "/token/"}
    assert all(path.startswith("/token/") for path in kept()["files"])


def test_the_version_changes_with_the_language_and_with_nothing_else() -> None:
    english, chinese = kept()["version"], kept("zh-CN")["version"]
    assert english != chinese
    assert (kept()["version"], kept("zh-CN")["version"]) == (english, chinese)


def test_the_version_changes_with_any_file(monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept()["version"]
    monkeypatch.setattr(token_pwa, "_digest_of_files", lambda: b"another")
    assert kept()["version"] != before


def test_a_platform_that_is_let_in_may_be_called_from_the_kept_page_too(host: LocalHost) -> None:
    before = kept()["version"]
    bank = admitted(Bank.make("bank", datetime.now(UTC)))
    assert bank.information.origin in Client().get("/token/")["Content-Security-Policy"]
    assert kept()["version"] != before


def test_the_worker_is_asked_for_anew_and_keeps_to_its_own_paths() -> None:
    answer = Client().get("/token/sw.js")
    assert answer["Content-Type"] == "text/javascript"
    assert answer["Cache-Control"] == "no-store"
    assert "Service-Worker-Allowed" not in answer


@pytest.mark.parametrize(("language", "name"), [("en", "Countersign token"), ("zh-CN", None)])
def test_the_app_can_be_installed(language: str, name: str | None) -> None:
    answer = Client(headers={"Accept-Language": language}).get("/token/manifest.json")
    assert answer["Content-Type"] == "application/manifest+json"
    said = answer.json()
    assert (said["id"], said["start_url"], said["scope"]) == ("/token/",) * 3
    assert said["display"] == "standalone"
    assert name in (said["name"], None)
    assert {icon["sizes"] for icon in said["icons"]} == {"any", "512x512"}
    for icon in said["icons"]:
        served = Client().get(icon["src"])
        served.close()
        assert served["Content-Type"] == icon["type"]
