"""What tests of the pages share on which a step is written."""

from typing import Any

from protocol.receipt import identity
from tests.platform.world import Person, receipt_bytes
from transactions.models import Step

NEW = "/transactions/new"


def form(person: Person, **changes: object) -> dict[str, Any]:
    """What a browser sends of a form that was filled in."""
    filled = {
        "csrfmiddlewaretoken": "as it was masked on this page",
        "kind": "payment",
        "amount": "1250.00",
        "currency": "EUR",
        "payee_name": "Flower shop",
        "payee_account": "DE89370400440532013000",
        "text": "Flowers for the spring",
        "reference": "2026-117",
        "due_days": "14",
        "remark": "I agree",
        "token": person.token.serial if person.tokens else "",
        "next": "anyone",
        "next_email": "",
        "next_account": "",
        "ttl": "180",
        "is_open_to_anyone": "on",
    }
    merged = {**filled, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def steps_of(person: Person) -> list[Step]:
    """The steps of chains that somebody wrote, oldest first."""
    return list(Step.objects.filter(holder=person.holder, kind__lte=5).order_by("pk"))


def page_of(receipt: str) -> str:
    """Where the next step behind a receipt is written."""
    return f"/continue/{identity(receipt_bytes(receipt)).hex()}"


def beside(response: Any, field: str) -> str:
    """What stands beside a field of the form on a page."""
    return " ".join(response.context["form"].errors.get(field, []))
