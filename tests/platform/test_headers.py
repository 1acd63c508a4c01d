"""What browsers are told to insist on: HTTPS and well-kept cookies in service, neither here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Visits the site as its own settings see it.
VISIT = """
import django
django.setup()
from django.conf import settings
from django.test import Client
is_secure = settings.COUNTERSIGN_ORIGIN.startswith("https:")
client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
answer = client.post("/i18n/setlang/", {"language": "zh-hans"}, secure=is_secure)
print(answer.headers.get("Strict-Transport-Security"))
print(answer.cookies["django_language"].OutputString())
"""


def visit(origin: str) -> tuple[str, set[str]]:
    """Return what a site of this origin says of HTTPS, and the attributes of its cookie."""
    done = subprocess.run(
        # A process of its own, since settings are read once in each.
        [sys.executable, "-c", VISIT],
        cwd=ROOT,
        env={**os.environ, "COUNTERSIGN_ORIGIN": origin, "PYTHONPATH": f"{ROOT}:platform"}
        | {"DJANGO_SETTINGS_MODULE": "countersign.settings"},
        capture_output=True,
        check=True,
        text=True,
    )
    transport, cookie = done.stdout.splitlines()
    return transport, set(cookie.split("; ")[1:])


def test_in_service_browsers_keep_to_https_and_cookies_stay_within_the_site() -> None:
    transport, cookie = visit("https://platform.example")
    assert transport == "max-age=31536000"
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= cookie


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://localhost:8000"])
def test_on_this_machine_browsers_are_not_told_to_keep_to_https(origin: str) -> None:
    transport, cookie = visit(origin)
    assert transport == "None"
    assert ("Secure" in cookie) == origin.startswith("https")
    assert {"HttpOnly", "SameSite=Lax"} <= cookie
