"""Browsers in which somebody signs in with a password, and what the token is asked then."""

import html
import re
from collections.abc import Mapping
from typing import Any

from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User
from protocol.statement import Kind
from tests.platform.world import Person
from transactions.models import Step
from transactions.selectors_messages import challenge_text

PASSWORD = "correct horse battery"
PAGE = "/sign-in/token"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def with_password(person: Person, **changes: object) -> Person:
    """Give somebody a password, and change what is known of the login."""
    user = person.holder.user
    user.set_password(PASSWORD)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    User.objects.filter(pk=user.pk).update(**changes)
    user.refresh_from_db()
    return person


def type_password(
    person: Person, client: Client | None = None, to: str = ""
) -> tuple[Client, Any]:
    """Type the right password in a browser; return it with the answer."""
    client = client or Client(raise_request_exception=False, headers={"User-Agent": FIREFOX})
    fields = {"login": person.email, "password": PASSWORD, **({"next": to} if to else {})}
    return client, client.post("/accounts/login/", fields)


def is_signed_in(client: Client) -> bool:
    """Tell whether a browser is let into what only holders see."""
    return client.get("/account").status_code == 200


def asked() -> dict[str, Any]:
    """Return the sign-in that a token was asked for last, as the API would show a step."""
    step = Step.objects.filter(kind=Kind.LOGIN).latest("pk")
    return {"id": step.public_id, "challenge": challenge_text(step)}


def respond(client: Client, response: str, **headers: str) -> Any:
    """Type digits on the page of the sign-in."""
    fields: Mapping[str, str] = {"action": "respond", "response": response}
    return client.post(PAGE, fields, headers=headers)


def text_of(page: str) -> str:
    """The words of a page."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)))
