"""A resource on sale on a live site, a buyer's devices, and copies that ask to be used."""

import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import urllib3

from protocol.ed25519 import SigningKey
from protocol.jwk import thumbprint, to_base64
from terminal.dpop import make_proof
from terminal.keys import DeviceKeys
from tests.e2e.party import Answer, Party

CONTENT = b"what was paid for"
PRICE = 499


@dataclass
class OnSale:
    """A resource with one version and one offer."""

    id: str
    digest: str
    offer: str


def publish(developer: Party, *, device_limit: int = 3, **offer: Any) -> OnSale:
    """Publish a picture at 4.99 EUR: for ever, unless the offer says otherwise."""
    body = {"kind": "picture", "title": "Dawn", "device_limit": device_limit}
    resource = developer.post("/resources", body)["id"]
    terms = {"term": "permanent", "amount": PRICE, "currency": "EUR", **offer}
    sold = developer.post(f"/resources/{resource}/offers", terms)["id"]
    digest = _upload(developer, resource)
    developer.post(f"/resources/{resource}/list", {})
    return OnSale(resource, digest, sold)


def _upload(developer: Party, resource: str) -> str:
    response = _HTTP.request(
        "POST",
        f"{developer.origin}/api/v1/resources/{resource}/versions",
        fields={"file": ("dawn.png", CONTENT, "image/png")},
        headers={"Authorization": f"Bearer {developer.key}"},
    )
    assert response.status == 201, response.data
    return str(response.json()["digest"])


def buy(buyer: Party, resource: OnSale) -> str:
    """Pay for a resource from a wallet that is filled for it; return the purchase's id."""
    buyer.post("/wallet/top-ups", {"amount": PRICE, "currency": "EUR"})
    password = {"password": buyer.person.password, "current": buyer.person.password}
    buyer.call("POST", "/wallet/payment-password", password)
    return str(
        buyer.post(
            "/purchases",
            {
                "offer": resource.offer,
                "way": "wallet",
                "payment_password": buyer.person.password,
            },
        )["id"]
    )


@dataclass
class LiveDevice:
    """A device that was added."""

    owner: Party
    keys: DeviceKeys = field(default_factory=DeviceKeys.generate)

    @classmethod
    def of(cls, owner: Party) -> "LiveDevice":
        """Make one, and add it."""
        device = cls(owner)
        assert device.add(owner.post("/devices/codes", {})["code"]).status == 201
        return device

    def add(self, code: str) -> Answer:
        """Ask the platform to add it."""
        body = {"code": code, "name": "Desk", "box_key": to_base64(self.keys.box_key)}
        return prove(self.owner.origin, self.keys.signing, "/devices", body)


@dataclass
class LiveCopy:
    """One copy of a resource on a device, asking once."""

    device: LiveDevice
    resource: OnSale
    key: SigningKey = field(default_factory=SigningKey.generate)
    rnonce: str = field(default_factory=lambda: secrets.token_hex(16))

    def ask(self) -> Answer:
        """Ask for a status code."""
        owner = self.device.owner
        body = {
            "resource_id": self.resource.id,
            "resource_version": 1,
            "resource_build_digest": self.resource.digest,
            "operation": "view",
            "rnonce": self.rnonce,
            "resource_key": to_base64(thumbprint(self.key.public)),
            "identity": {"account": owner.account},
        }
        return prove(owner.origin, self.device.keys.signing, "/billing/authorize", body)

    def present(self, code: str, proof: str = "") -> Answer:
        """Have a code verified, with a proof of its own unless one is given."""
        return prove(
            self.device.owner.origin, self.key, "/billing/verify", self.presented(code), proof
        )

    def presented(self, code: str) -> dict[str, Any]:
        """What it sends for that."""
        return {
            "status_code": code,
            "resource_id": self.resource.id,
            "resource_version": 1,
            "rnonce": self.rnonce,
            "operation": "view",
            "device": to_base64(self.device.keys.thumbprint),
        }


_HTTP = urllib3.PoolManager(maxsize=200, retries=False, timeout=60)


def prove(origin: str, key: SigningKey, path: str, body: Any, proof: str = "") -> Answer:
    """Post to the API as the holder of a key."""
    url, data = f"{origin}/api/v1{path}", json.dumps(body).encode()
    proof = proof or make_proof(key, "POST", url, data, now=datetime.now(UTC))
    headers = {"DPoP": proof, "Content-Type": "application/json"}
    began = time.monotonic()
    response = _HTTP.request("POST", url, body=data, headers=headers)
    span = (began, time.monotonic())
    return Answer(response.status, response.json(), response.headers, span)
