"""GET /scan and /r: the frame of the page; tests/browser/test_scan.py has what it does."""

import re

import pytest
from django.test import Client

from common.words import KINDS

PATHS = ["/scan", "/r"]


@pytest.mark.parametrize("path", PATHS)
def test_anybody_may_open_it(db: None, path: str) -> None:
    assert Client().get(path).status_code == 200
    assert Client().head(path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_it_takes_nothing(db: None, path: str) -> None:
    assert Client().post(path, {"receipt": "x"}).status_code == 405


@pytest.mark.parametrize("path", PATHS)
def test_it_may_use_the_camera_and_webassembly(db: None, path: str) -> None:
    headers = Client().get(path).headers

    assert "script-src 'self' 'wasm-unsafe-eval'" in headers["Content-Security-Policy"]
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "camera=(self)" in headers["Permissions-Policy"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/accounts/login/", "/api/v1/me", "/continue"])
def test_no_other_page_may(db: None, path: str) -> None:
    headers = Client().get(path).headers

    assert "wasm" not in headers["Content-Security-Policy"]
    assert "camera=()" in headers["Permissions-Policy"]


def test_without_scripts_it_says_what_to_do_instead(db: None) -> None:
    page = Client().get("/scan").content.decode()
    (without,) = re.findall("<noscript>(.*?)</noscript>", page, re.DOTALL)

    assert "JavaScript" in without
    assert "manage.py verify_receipt" in without
    assert 'href="/continue"' in without


def test_it_names_every_kind_of_statement(db: None) -> None:
    page = Client().get("/scan").content.decode()

    for kind, words in KINDS.items():
        assert f'"{int(kind)}": "{words}"' in page
