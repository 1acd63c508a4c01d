"""Billing requests of an application: by network until the payer is asked, by SMS to the end."""

import base64
import hmac
import json
import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import cast

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from bench.visitors import BenchError, Connection
from countersign.local import LocalServices
from protocol.application import BillingRequest, Channel, seal, seal_sms
from protocol.ed25519 import SigningKey
from protocol.evidence import evidence, evidence_key, sample_ranges
from protocol.jwk import to_base64
from terminal.dpop import make_proof
from tests.e2e.applications import POTION, Application, Buyer
from tests.e2e.live import Live
from tests.e2e.party import Party
from tests.e2e.phones import Handset

# As many as may be bound within an hour, less one.
PHONES_PER_PAYER = 9
# Nobody is to run out of money, nor to pass a limit.
LIMITS = {
    name: str(10**12) for name in ("CHARGE_DAY_CAP", "CHARGE_MONTH_CAP", "CHARGE_ITEM_DAY_CAP")
}
_WALLET = 10**9


@dataclass(repr=False)
class Bill:
    """A bound phone with an application, which has no nonces left, so that it counts.

    Attributes:
        origin: The platform's, which proofs name.
        request: What it asks for each time, but for the counter.
        key: Of its evidence.
        first_key, root, third_key: Of the application's build.
        measured: The content of its measured files.
        device_key: Secret key of the device.
        number: Of its SIM.
        secret: Of the SMS centre's webhook.
        counted: The last number it used.
    """

    origin: str
    request: BillingRequest
    key: bytes
    first_key: bytes
    root: bytes
    third_key: bytes
    measured: bytes
    device_key: bytes
    number: str
    secret: bytes
    counted: int = 0

    @property
    def visits_left(self) -> int:
        """It may always come again."""
        return 1

    def visit(self, service: Connection) -> None:
        """Ask to be charged, by the network or by SMS."""
        if self.request.channel is Channel.SMS:
            self._send_sms(service, seal_sms(self._asked(), self.third_key))
        else:
            self._post(service, seal(self._asked(), self.third_key))

    def _asked(self) -> BillingRequest:
        # In milliseconds, as terminals count; it rises, also from one process of the bench to
        # another: within a millisecond none makes two.
        self.counted = max(self.counted + 1, time.time_ns() // 1_000_000)
        asked = replace(self.request, nonce=self.counted.to_bytes(8))
        ranges = sample_ranges(asked.nonce, len(self.measured))
        backed = evidence(
            self.key,
            asked,
            first_key=self.first_key,
            root=self.root,
            sample=b"".join(self.measured[start : start + length] for start, length in ranges),
        )
        return replace(asked, evidence=backed)

    def _post(self, service: Connection, sealed: bytes) -> None:
        path = "/api/v1/billing/request"
        package = self.request.package.hex()
        body = {"version": 1, "package": package, "sealed": to_base64(sealed)}
        data = json.dumps(body).encode()
        key = SigningKey.from_bytes(self.device_key)
        proof = make_proof(key, "POST", self.origin + path, data, now=datetime.now(UTC))
        answer = service.send(path, {"DPoP": proof}, data)
        if answer["state"] != "awaiting_paypass":
            raise BenchError(f"the request does not wait: {answer}")

    def _send_sms(self, service: Connection, text: str) -> None:
        body = json.dumps({"from": self.number, "text": text})
        name, at = secrets.token_hex(16), str(int(time.time()))
        signature = hmac.digest(self.secret, f"{name}.{at}.{body}".encode(), "sha256")
        headers = {
            "webhook-id": name,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        }
        service.send("/sms/inbound", headers, body.encode())


def bills(
    services: LocalServices, developer: Party, payers: list[Party]
) -> tuple[list[Bill], list[Bill]]:
    """Have phones of some people get an application; return them by the network, and by SMS.

    Raises:
        BenchError: what they ask by SMS is not charged.
    """
    live = cast(Live, services)
    application = Application.build(live, developer, services.folder / "application", "Bench")
    numbers = (f"+1202555{number:04}" for number in count())
    by_network = []
    for payer in payers:
        payer.post("/wallet/top-ups", {"amount": _WALLET, "currency": "EUR"})
        for _ in range(PHONES_PER_PAYER):
            handset = Handset.of(live, payer, next(numbers))
            handset.bind()
            by_network.append(_bill(services, Buyer(handset, application.packed_for(handset))))
    by_sms = [
        replace(bill, request=replace(bill.request, channel=Channel.SMS)) for bill in by_network
    ]
    by_sms[0].visit(Connection(services.platform_port))
    booked = payers[0].get("/wallet/entries")["items"]
    if "hold" not in {line["kind"] for line in booked}:
        raise BenchError("what was asked by SMS is not charged")
    return by_network, by_sms


def _bill(services: LocalServices, buyer: Buyer) -> Bill:
    keys, store, manifest = buyer.handset.home.keys(), buyer.store, buyer.manifest
    shared = keys.box.exchange(X25519PublicKey.from_public_bytes(store.share))
    secret = services.environment("platform")["SMS_INBOUND_SECRETS"].removeprefix("whsec_")
    return Bill(
        origin=services.origin,
        request=buyer.request(POTION, nonce=bytes(8), is_counted=True),
        key=evidence_key(shared, store.share, keys.thumbprint),
        first_key=store.first_key,
        root=manifest.root,
        third_key=store.third_key,
        measured=buyer.measured([(0, manifest.size)]),
        device_key=keys.signing.to_bytes(),
        number=buyer.handset.number,
        secret=base64.b64decode(secret),
    )
