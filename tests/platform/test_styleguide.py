"""The styleguide: a living page of everything that pages are made of."""

import re
from pathlib import Path

import pytest
from django.test import Client

from common import words
from tests.platform.operators import browser_of
from tests.platform.world import Person

ROOT = Path(__file__).parents[2]
COMPONENTS = sorted(path.name for path in (ROOT / "templates" / "components").iterdir())
STATIC = ROOT / "platform" / "countersign" / "static" / "countersign"
SYMBOLS = re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text("utf-8"))


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_component_is_drawn(console: Client, name: str) -> None:
    page = console.get("/styleguide")

    assert page.status_code == 200
    assert f"components/{name}" in {template.name for template in page.templates}


@pytest.mark.parametrize("name", SYMBOLS)
def test_every_icon_is_shown_with_its_name(console: Client, name: str) -> None:
    page = console.get("/styleguide").content.decode()

    assert f'icons.svg#{name}"></use></svg><code>{name}</code>' in page


@pytest.mark.parametrize("state", words.STATES)
def test_every_state_has_its_badge_and_seal(console: Client, state: str) -> None:
    page = console.get("/styleguide").content.decode()

    assert f"<code>{state}</code>" in page
    assert str(words.STATES[state].words) in page


def test_every_token_of_the_design_is_named(console: Client) -> None:
    page = console.get("/styleguide").content.decode()
    styles = (STATIC / "site.css").read_text("utf-8")

    for name in re.findall(r"^  --([a-z0-9-]+):", styles, re.MULTILINE):
        assert f"<code>{name}</code>" in page


def test_a_form_shows_what_is_wrong_in_words(console: Client) -> None:
    page = console.get("/styleguide").content.decode()

    assert "field-wrong" in page
    assert "What is wrong with the whole form stands above it." in page


@pytest.mark.parametrize(("path", "status"), [("/styleguide", 403), ("/styleguide/", 404)])
def test_nobody_but_operators_sees_it(db: None, path: str, status: int) -> None:
    client = browser_of(Person.make("Anna"))

    assert client.get(path).status_code == status


def test_a_stranger_signs_in_first(db: None) -> None:
    answer = Client().get("/styleguide")

    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=/styleguide"
