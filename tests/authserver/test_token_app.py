"""The host serves the token app's modules, those it shares with the scanning app included."""

import posixpath
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

ROOT = Path(settings.BASE_DIR)
APP = ROOT / "authserver" / "static" / "token"
MODULES = sorted(str(path.relative_to(APP)) for path in APP.rglob("*.js"))
# import … from "…", import("…") and import "…".
IMPORT = re.compile(r'(?:^import |\bfrom |\bimport\()\s*"(\.[^"]+)"', re.MULTILINE)
pytestmark = [
    # The end of an answer looks after connections that earlier tests left open.
    pytest.mark.django_db,
    pytest.mark.skipif(
        not (ROOT / "node_modules" / "cborg").exists(),
        reason="node_modules is missing (make setup)",
    ),
]


def served(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.getvalue().decode()


def test_every_module_finds_all_that_it_imports(client: Client) -> None:
    due, seen = [f"/token/app/{name}" for name in MODULES], set[str]()
    while due:
        path = due.pop()
        if path not in seen:
            seen.add(path)
            folder = posixpath.dirname(path)
            found = IMPORT.findall(served(client, path))
            due += [posixpath.normpath(posixpath.join(folder, name)) for name in found]
    parts = {path.split("/")[2] for path in seen}
    assert parts == {"app", "receipts", "offline", "protocol", "vendor"}


def test_modules_shared_with_the_scanning_app_are_its_own_files(client: Client) -> None:
    own = ROOT / "platform" / "receipts" / "static" / "receipts" / "cose.js"
    assert served(client, "/token/receipts/cose.js") == own.read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/token/app/token.js", "text/javascript"),
        ("/token/protocol/currencies.json", "application/json"),
    ],
)
def test_modules_have_their_type_and_the_host_s_headers(
    client: Client, path: str, kind: str
) -> None:
    response = client.get(path)
    response.close()
    assert response["Content-Type"].partition(";")[0] == kind
    assert response["Cache-Control"] == "max-age=60, public"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "unsafe-inline" not in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/token/app/none.js",
        "/token/settings.py",
        "/token/app/../../settings.py",
        "/token/app/%2e%2e/%2e%2e/settings.py",
        "/token/vendor/",
        "/token/operator.js",
    ],
)
def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
