"""Resources on sale, people who have paid, and copies that ask to be used."""

import hashlib
import io
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from billing.entitlements.models import Entitlement, Offer, Purchase, Resource, Version
from billing.entitlements.services import add_version
from protocol.billing import BillingVerdict
from protocol.content import Release, decrypt
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, thumbprint, to_base64
from protocol.keys import Purpose
from signing.services import signing_key
from tests.platform.gadgets import Gadget, prove
from tests.platform.world import Answer, Person, now

CONTENT = b"\x89PNG and what else is in a picture"


def on_sale(developer: Person, kind: str = "picture", **fields: Any) -> Version:
    """A resource in the shop, with one version and a price of 4.99 EUR."""
    resource = Resource.objects.create(
        developer=developer.holder,
        kind=kind,
        title="Dawn",
        state=Resource.State.LISTED,
        created_at=now(),
        **fields,
    )
    Offer.objects.create(
        resource=resource, term="permanent", currency="EUR", amount=499, created_at=now()
    )
    return add_version(
        developer=developer.holder,
        resource_uid=bytes(resource.uid),
        file=io.BytesIO(CONTENT),
        size=len(CONTENT),
        filename="dawn.png",
        media_type="image/png",
        now=now(),
    )


def pay(
    person: Person,
    resource: Resource,
    *,
    term: str = "permanent",
    state: str = "active",
    days: int | None = None,
    uses: int | None = None,
) -> Entitlement:
    """Give a person what a purchase gives, without the money."""
    offer = Offer.objects.create(
        resource=resource,
        term=term,
        currency="EUR",
        amount=999,
        days=days if term == "until" else None,
        uses=uses or (1 if term == "metered" else None),
        created_at=now(),
    )
    purchase = Purchase.objects.create(
        buyer=person.holder,
        offer=offer,
        way="wallet",
        state="paid",
        payment=secrets.token_bytes(8),
        key=secrets.token_hex(8),
        refund_until=now() + timedelta(days=14),
        created_at=now(),
    )
    return Entitlement.objects.create(
        purchase=purchase,
        holder=person.holder,
        resource=resource,
        term=term,
        state=state,
        expires_at=None if days is None else now() + timedelta(days=days),
        uses_left=uses,
    )


@dataclass
class Copy:
    """One copy of a resource, with a key of its own, on a device."""

    version: Version
    gadget: Gadget
    owner: Person
    key: SigningKey = field(default_factory=SigningKey.generate)
    rnonce: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def ask(self, *, headers: dict[str, str] | None = None, **changes: Any) -> Answer:
        """Ask for a status code through the billing manager, which is the device."""
        body = {
            "resource_id": str(self.version.resource),
            "resource_version": self.version.number,
            "resource_build_digest": bytes(self.version.build_digest).hex(),
            "operation": "view",
            "rnonce": self.rnonce.hex(),
            "resource_key": to_base64(thumbprint(self.key.public)),
            "identity": {"account": self.owner.account},
        }
        return self.gadget.call("POST", "/billing/authorize", {**body, **changes}, headers=headers)

    def code(self) -> str:
        """Ask, and be given a code."""
        answer = self.ask()
        assert answer.status == 200, answer
        return str(answer.body["status_code"])

    def present(
        self,
        code: str,
        *,
        by: SigningKey | None = None,
        headers: dict[str, str] | None = None,
        **changes: Any,
    ) -> Answer:
        """Have a code verified, by the copy's own key."""
        body = {
            "status_code": code,
            "resource_id": str(self.version.resource),
            "resource_version": self.version.number,
            "rnonce": self.rnonce.hex(),
            "operation": "view",
            "device": to_base64(self.gadget.keys.thumbprint),
        }
        return prove(
            by or self.key, "POST", "/billing/verify", {**body, **changes}, headers=headers
        )

    def opened(self, answer: Answer, file: bytes) -> bytes:
        """Check the verdict of a positive answer, and decrypt the file with what came along."""
        verdict = verdict_in(answer)
        assert verdict.allowed
        sealed = from_base64(answer.body["content_key"])
        assert verdict.key_digest == hashlib.sha256(sealed).digest()
        device = self.gadget.keys.thumbprint
        release = Release(
            bytes(self.version.resource.uid), self.version.number, device, self.rnonce
        )
        key = release.open(sealed, self.gadget.keys.box)
        return b"".join(decrypt(io.BytesIO(file), key))


def verdict_in(answer: Answer) -> BillingVerdict:
    """The signed verdict of an answer, positive or not."""
    key = signing_key(Purpose.BILLING, now=now()).key.public
    return BillingVerdict.open(from_base64(answer.body["verdict"]), key=key)
