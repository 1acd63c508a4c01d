"""Translations: the sources' messages are found, and every one of them is translated."""

from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from django.conf import settings
from django.utils.translation import to_locale

from countersign.messages import LANGUAGES, SOURCES, collect, faults, translations

PYTHON = """
_("Sign in")
gettext_lazy("Sign out")
ngettext("%(n)s step", "%(n)s steps", n)
pgettext_lazy("of a step", "Open")
no_message("Sign up")
"""
TEMPLATE = """{% load i18n %}
<h1 title="It's (one">{% translate "Your token" %}</h1>
    {% if x == "[" %}
  {% blocktranslate trimmed count n=tries with who=name %}
    {{ who }} has {{ n }} try.
  {% plural %}
    {{ who }} has {{ n }} tries.
  {% endblocktranslate %}
    {% endif %}{{ name|default:_("Nobody") }} {% translate "Open" context "of a step" %}
"""
SCRIPT = """
const text = x => `${x?.y ?? gettext("Copied")}` + ngettext("%s second", "%s seconds", 2);
const pattern = /gettext\\("no"\\)/u;
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name, text in {
        "platform/app/views.py": PYTHON,
        "platform/app/static/app/page.js": SCRIPT,
        "templates/app/page.html": TEMPLATE,
        "templates/mail/subject.txt": '{% load i18n %}{% translate "A step waits for you" %}',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def found(file: str, root: Path) -> list[tuple[Any, str | None]]:
    messages = collect(f"locale/LANGUAGE/LC_MESSAGES/{file}", root)
    return [(message.id, message.context) for message in messages if message.id]


def test_messages_of_python_and_of_templates_are_found(sources: Path) -> None:
    assert found("django.po", sources) == [
        ("Sign in", None),
        ("Sign out", None),
        (("%(n)s step", "%(n)s steps"), None),
        ("Open", "of a step"),
        ("Your token", None),
        (("%(who)s has %(n)s try.", "%(who)s has %(n)s tries."), None),
        ("Nobody", None),
        ("A step waits for you", None),
    ]


def test_messages_of_scripts_are_found(sources: Path) -> None:
    assert found("djangojs.po", sources) == [
        ("Copied", None),
        (("%s second", "%s seconds"), None),
    ]


def catalog(*messages: tuple[Any, Any], **options: Any) -> Catalog:
    made = Catalog(locale="zh_Hans")
    for message, text in messages:
        made.add(message, text, **options)
    return made


TRIES = ("%(n)s try", "%(n)s tries")


@pytest.mark.parametrize(
    ("wanted", "translated", "fault"),
    [
        (("Open", ""), catalog(), "missing: Open"),
        (("Open", ""), catalog(("Open", "")), "not translated: Open"),
        (("Open", ""), catalog(("Open", "开"), flags=["fuzzy"]), "fuzzy: Open"),
        (("Open", ""), catalog(("Open", "开"), context="of a step"), "missing: Open"),
        ((TRIES, ""), catalog((TRIES, ("",))), f"not translated: {TRIES}"),
        ((TRIES, ""), catalog((TRIES, ("%(m)s 次",))), f"other placeholders: {TRIES}"),
        (("{n} %", ""), catalog(("{n} %", "% n")), "other placeholders: {n} %"),
    ],
)
def test_a_translation_that_would_not_do_is_named(
    wanted: tuple[Any, Any], translated: Catalog, fault: str
) -> None:
    assert fault in list(faults(catalog(wanted), translated))


def test_a_translation_of_what_is_gone_is_named() -> None:
    assert list(faults(catalog(), catalog(("Open", "开")))) == ["no longer in the sources: Open"]


def test_a_translation_that_fits_has_no_fault() -> None:
    wanted = catalog(("Sign in", ""), (TRIES, ""))
    translated = catalog(("Sign in", "登录"), (TRIES, ("%(n)s 次",)))
    assert list(faults(wanted, translated)) == []


def test_every_language_but_that_of_the_sources_has_translations() -> None:
    others = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
    assert [to_locale(code) for code in others] == list(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", SOURCES)
def test_every_message_is_translated(file: str, language: str) -> None:
    lacking = list(faults(collect(file), translations(file, language)))
    assert not lacking, "\n".join(lacking)
