"""The guide through a first transaction, which shows passwords: where it is, and where never."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings

from countersign.playground import Playground


def get(path: str) -> Any:
    return Client().get(path)


@pytest.fixture
def playground(tmp_path: Path) -> Iterator[Playground]:
    playground = Playground(tmp_path, variables=" FOLDER=elsewhere")
    playground.introduce()
    with override_settings(COUNTERSIGN_DEMO_FILE=playground.demo_file):
        yield playground


@pytest.mark.parametrize("path", ["/guide", "/guide/ca.crt"])
def test_in_service_there_is_no_guide(db: None, path: str) -> None:
    assert get(path).status_code == 404


def test_there_is_none_before_there_are_people(db: None, tmp_path: Path) -> None:
    with override_settings(COUNTERSIGN_DEMO_FILE=tmp_path / "not-yet.json"):
        assert get("/guide").status_code == 404


def test_it_names_everybody_and_how_to_answer_for_them(db: None, playground: Playground) -> None:
    page = get("/guide").content.decode()

    for login in ("anna", "ben", "chen", "operator"):
        assert f"{login}@example.com" in page
    assert "make token WHO=anna FOLDER=elsewhere</code>" in page
    assert f"COUNTERSIGN_ENV_FILE={playground.folder}/platform.env" in page


def test_it_leads_to_the_pages_in_order(db: None, playground: Playground) -> None:
    page = get("/guide").content.decode()

    links = ["/accounts/login/?next=/transactions/new", "/scan", "?next=/console/"]
    links += ["/shop", "/apps", "make demo-app-billing"]
    places = [page.index(link, page.index('class="steps"')) for link in links]
    assert places == sorted(places)


def test_its_file_is_for_its_owner_alone(playground: Playground) -> None:
    assert playground.demo_file.stat().st_mode & 0o777 == 0o600


def test_over_http_it_says_how_to_bring_a_phone(db: None, playground: Playground) -> None:
    assert "make run LAN=1" in get("/guide").content.decode()
    assert get("/guide/ca.crt").status_code == 404


def test_in_the_local_network_it_offers_the_certificate(db: None, tmp_path: Path) -> None:
    playground = Playground(tmp_path, lan="192.168.1.5")
    assert playground.certificate
    playground.certificate.keep([playground.lan], now=datetime.now(UTC))
    playground.introduce()
    with override_settings(COUNTERSIGN_DEMO_FILE=playground.demo_file):
        page = get("/guide").content.decode()
        offered = get("/guide/ca.crt")

    assert playground.certificate.fingerprint in page
    assert "Whoever is in this network" in page
    assert offered.content == playground.certificate.authority.read_bytes()
    assert offered["Content-Type"] == "application/x-x509-ca-cert"


def test_the_first_page_is_told_whether_there_is_a_guide(db: None, playground: Playground) -> None:
    assert get("/").context["demo"] is True
    with override_settings(COUNTERSIGN_DEMO_FILE=None):
        assert get("/").context["demo"] is False
