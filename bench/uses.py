"""Uses of a resource: a status code is asked for and used up, as billing manager and copy do."""

import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.visitors import BenchError, Connection
from protocol.ed25519 import SigningKey
from protocol.jwk import thumbprint, to_base64
from terminal.dpop import make_proof
from tests.e2e.copies import LiveDevice, buy, publish
from tests.e2e.party import Party

# As many as anybody may have, so that each calls seldom, as in real life.
DEVICES_PER_BUYER = 20


@dataclass(repr=False)
class Use:
    """One device with a copy of what its holder has paid for.

    Attributes:
        origin: The platform's, which proofs name.
        account: The holder's.
        resource: Public id of what was bought.
        digest: Of its file.
        device_key: Secret key of the device.
        copy_key: Secret key of the copy.
    """

    origin: str
    account: str
    resource: str
    digest: str
    device_key: bytes
    copy_key: bytes = field(default_factory=lambda: SigningKey.generate().to_bytes())

    @property
    def visits_left(self) -> int:
        """It may always come again."""
        return 1

    def visit(self, service: Connection) -> None:
        """Ask for a status code, and have it verified.

        To check the verdict and to open the content key is the copy's work, not the services'.
        """
        device, copy = map(SigningKey.from_bytes, (self.device_key, self.copy_key))
        asked = {
            "resource_id": self.resource,
            "resource_version": 1,
            "operation": "view",
            "rnonce": secrets.token_hex(16),
        }
        code = self._post(
            service,
            device,
            "/api/v1/billing/authorize",
            {
                **asked,
                "resource_build_digest": self.digest,
                "resource_key": to_base64(thumbprint(copy.public)),
                "identity": {"account": self.account},
            },
        )["status_code"]
        presented = {
            **asked,
            "status_code": code,
            "device": to_base64(thumbprint(device.public)),
        }
        answer = self._post(service, copy, "/api/v1/billing/verify", presented)
        if not (answer["verdict"] and answer["content_key"]):
            raise BenchError(f"nothing was released: {answer}")

    def _post(
        self, service: Connection, key: SigningKey, path: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        data = json.dumps(body).encode()
        proof = make_proof(key, "POST", self.origin + path, data, now=datetime.now(UTC))
        return service.send(path, {"DPoP": proof}, data)


def bought_uses(parties: list[Party]) -> list[Use]:
    """Have the first of some people sell a picture to the others, each with many devices."""
    seller, *buyers = parties
    resource = publish(seller, device_limit=DEVICES_PER_BUYER)
    uses = []
    for buyer in buyers:
        buy(buyer, resource)
        uses += [
            Use(
                buyer.origin,
                buyer.account,
                resource.id,
                resource.digest,
                LiveDevice.of(buyer).keys.signing.to_bytes(),
            )
            for _ in range(DEVICES_PER_BUYER)
        ]
    return uses
