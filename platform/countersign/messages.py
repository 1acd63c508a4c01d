"""What people read, collected from the sources of both services into ``.po`` files.

``python -m countersign.messages`` brings these files up to date; ``faults`` names what they lack.
Babel does the work, since gettext's own programs are not to be had everywhere.
"""

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file, extract_python
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("zh_Hans",)

KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
COMMENT_TAGS = ("Translators:",)
# Of the method for JavaScript: look into `${…}` too.
OPTIONS = {"parse_template_string": True}
# Stands for something else: %(name)s, %s, %% or {name}.
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z%]|\{\w*\}")


def extract_template(
    file: BinaryIO, keywords: Mapping[str, Any], tags: Collection[str], options: Any
) -> Iterator[tuple[Any, ...]]:
    """Extract the messages of a Django template, as an extraction method of Babel."""
    source = templatize(file.read().decode())
    # Now it is Python in all but indentation.
    flat = "\n".join(line.lstrip() for line in source.split("\n"))
    return extract_python(BytesIO(flat.encode()), keywords, tags, options)


# Files of translations, and where their messages stand.
SOURCES: dict[str, dict[str, Any]] = {
    "locale/LANGUAGE/LC_MESSAGES/django.po": {
        "platform/**/*.py": "python",
        "templates/**/*.html": extract_template,
        "templates/**/*.txt": extract_template,
    },
    "locale/LANGUAGE/LC_MESSAGES/djangojs.po": {"platform/*/static/**/*.js": "javascript"},
    "authserver/locale/LANGUAGE/LC_MESSAGES/django.po": {
        "authserver/**/*.py": "python",
        "authserver/templates/**/*.html": extract_template,
    },
    "authserver/locale/LANGUAGE/LC_MESSAGES/djangojs.po": {
        "authserver/static/token/**/*.js": "javascript"
    },
}


def collect(file: str, root: Path = ROOT) -> Catalog:
    """Return every message of the sources, with the files it stands in.

    Args:
        file: One of :data:`SOURCES`.
        root: Of the repository.
    """
    found = Catalog()
    for pattern, method in SOURCES[file].items():
        for path in sorted(root.glob(pattern)):
            place = path.relative_to(root).as_posix()
            for line, message, comments, context in extract_from_file(
                method, path, KEYWORDS, COMMENT_TAGS, OPTIONS
            ):
                found.add(
                    message,
                    locations=[(place, line)],
                    auto_comments=comments,
                    context=context,
                )
    return found


def translations(file: str, language: str) -> Catalog:
    """Return what a file of a language holds; an empty catalog when there is none."""
    path = _path(file, language)
    if path.exists():
        with path.open("rb") as opened:
            return read_po(opened, locale=language)
    now = datetime.now(UTC)
    return Catalog(
        locale=language,
        header_comment="# `make messages` brings this file up to date with the sources.",
        project="Countersign",
        creation_date=now,
        revision_date=now,
        fuzzy=False,
    )


def faults(wanted: Catalog, translated: Catalog) -> Iterator[str]:
    """Yield what is wrong with translations, each with the message in question.

    Args:
        wanted: What the sources hold.
        translated: What a ``.po`` file holds.
    """
    for message in _messages(wanted):
        found = translated.get(message.id, message.context)
        if found is None or found.id != message.id:
            yield f"missing: {message.id}"
        elif found.fuzzy:
            yield f"fuzzy: {message.id}"
        elif not all(_texts(found.string)):
            yield f"not translated: {message.id}"
        else:
            # The last of the sources' forms is the plural, which names the number.
            expected = _placeholders(_texts(message.id)[-1])
            if any(_placeholders(text) != expected for text in _texts(found.string)):
                yield f"other placeholders: {message.id}"
    for message in _messages(translated):
        if wanted.get(message.id, message.context) is None:
            yield f"no longer in the sources: {message.id}"


def update(file: str, language: str) -> None:
    """Bring a file of a language up to date: new messages are empty, those that are gone go."""
    catalog, path = translations(file, language), _path(file, language)
    catalog.update(collect(file), no_fuzzy_matching=True, update_creation_date=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as opened:
        # Without line numbers and wrapping, a change of the sources shows as itself alone.
        write_po(
            opened,
            catalog,
            width=0,
            sort_by_file=True,
            include_lineno=False,
            ignore_obsolete=True,
        )
    empty = sum(not all(_texts(message.string)) for message in _messages(catalog))
    sys.stdout.write(f"{path.relative_to(ROOT)}: {len(catalog)} messages, {empty} untranslated\n")


def _path(file: str, language: str) -> Path:
    return ROOT / file.replace("LANGUAGE", language)


def _messages(catalog: Catalog) -> Iterable[Message]:
    # The header is a message too, with an empty id.
    return (message for message in catalog if message.id)


def _texts(forms: Any) -> tuple[str, ...]:
    """Return one text, or the forms of a plural, as a tuple."""
    return (forms,) if isinstance(forms, str) else tuple(forms or ("",))


def _placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


def main() -> None:
    """Bring every file up to date."""
    for file in SOURCES:
        for language in LANGUAGES:
            update(file, language)


if __name__ == "__main__":
    main()
