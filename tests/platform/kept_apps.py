"""What browsers are told to keep of an app, and what its scripts load."""

import json
import re
from pathlib import Path
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.staticfiles.finders import find
from django.test import Client

Kept = dict[str, dict[str, str] | list[str] | str]


def kept(worker: str, language: str = "en") -> Kept:
    """Return what a service worker keeps: its app, version, pages and files."""
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    body = client.get(worker).content.decode()
    found: Kept = json.loads(re.findall(r"^const .* = (\{.*\});$", body, re.M)[0])
    return found


def loaded_by(path: str) -> set[str]:
    """Return the files that a script loads sooner or later, by their addresses."""
    found, waiting = set(), [path]
    while waiting:
        address = waiting.pop()
        if address in found:
            continue
        found.add(address)
        file = find(address.removeprefix("/static/"))
        assert file, address
        if address.endswith(".js"):
            names = re.findall(r'(?:from|import|import\()\s*"(\.[^"]+)"', Path(file).read_text())
            waiting += [urljoin(address, name) for name in names]
    return found
