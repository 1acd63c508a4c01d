"""Browsers for the tests of pages: signed in, and an operator's."""

import html
from typing import Any

from django.test import Client

from tests.platform.world import Person

# Pages of the console that list things, by their paths below it.
LISTS = (
    "",
    "holders",
    "tokens",
    "stock",
    "hosts",
    "transactions",
    "sales",
    "audit",
)
# Those, and the other pages on everything.
WHOLES = (*LISTS, "policy", "approvals", "rules", "fraud")
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def browser_of(person: Person) -> Client:
    """Return a browser in which somebody is signed in."""
    client = Client(raise_request_exception=False)
    client.force_login(person.holder.user, backend=BACKEND)
    return client


def operator(name: str) -> Person:
    """Make an operator."""
    person = Person.make(name)
    person.holder.user.is_staff = True
    person.holder.user.save()
    return person


def auditor(name: str) -> Person:
    """Make somebody who reads the console, and changes nothing."""
    person = Person.make(name)
    person.holder.user.is_auditor = True
    person.holder.user.save()
    return person


def text(answer: Any) -> str:
    """Return a page as it is read: without the escapes of its markup."""
    return html.unescape(answer.content.decode())


def text_of(answer: Any, status: int = 200) -> str:
    """Return a page, which must have answered so."""
    assert answer.status_code == status
    return str(answer.content.decode())
