"""People who sell and buy, over the API alone."""

from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from billing.ledger.services import set_payment_password
from tests.platform.ledger import fill
from tests.platform.world import Answer, Person, call, now

PASSPHRASE = "seven-otters"
CONTENT = b"la la la " * 50
PRICE = 499


@dataclass(frozen=True)
class Sold:
    """A resource in the shop, and its offer.

    Attributes:
        developer: Who sells it.
        id: Public id of the resource.
        offer: Public id of the offer.
    """

    developer: Person
    id: str
    offer: str


def upload(developer: Person, resource: str, content: bytes = CONTENT, *, key: str = "") -> Answer:
    """Send a file as a browser's form does."""
    file = SimpleUploadedFile("song.ogg", content, "audio/ogg")
    body = encode_multipart(BOUNDARY, {"file": file})
    return call(
        "POST",
        f"/resources/{resource}/versions",
        body,
        key=developer.key,
        content_type=MULTIPART_CONTENT,
        headers={"Idempotency-Key": key} if key else {},
    )


def draft(developer: Person, **fields: Any) -> str:
    """Publish a resource without a file; return its id."""
    body = {"kind": "music", "title": "Morning", "summary": "Birds at five", **fields}
    return str(developer.post("/resources", body)["id"])


def offer(developer: Person, resource: str, **fields: Any) -> str:
    """Add an offer; return its id."""
    body = {"term": "permanent", "amount": PRICE, "currency": "EUR", **fields}
    return str(developer.post(f"/resources/{resource}/offers", body)["id"])


def on_shelf(developer: Person, *, term: dict[str, Any] | None = None, **fields: Any) -> Sold:
    """Publish, upload, price and list a resource."""
    resource = draft(developer, **fields)
    assert upload(developer, resource).status == 201
    price = offer(developer, resource, **(term or {}))
    developer.post(f"/resources/{resource}/list")
    return Sold(developer, resource, price)


def buyer(name: str = "Dora", amount: int = 10_000) -> Person:
    """Return a new holder with money and a payment password."""
    person = Person.make(name)
    ready_to_pay(person, amount)
    return person


def ready_to_pay(person: Person, amount: int = 10_000) -> None:
    """Give a holder money and a payment password."""
    fill(person, amount)
    set_payment_password(holder=person.holder, password=PASSPHRASE, now=now())


def order(sold: Sold, **fields: Any) -> dict[str, Any]:
    """The body of a purchase from the wallet."""
    return {"offer": sold.offer, "way": "wallet", "payment_password": PASSPHRASE, **fields}


def try_to_buy(person: Person, sold: Sold, *, key: str = "", **fields: Any) -> Answer:
    """Try to buy from the wallet."""
    headers = {"Idempotency-Key": key} if key else {}
    return person.call("POST", "/purchases", order(sold, **fields), headers=headers)


def bought(person: Person, sold: Sold) -> dict[str, Any]:
    """Buy from the wallet; return the purchase."""
    answer = try_to_buy(person, sold)
    assert answer.status == 201, answer
    return dict(answer.body)
