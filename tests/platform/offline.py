"""Phones without a network and the relays beside them, made with the protocol alone.

What a phone says is signed here as a phone signs it, whatever its state on the platform: tests of
refusals say what no honest phone would.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.models import AuditRow
from billing.ledger.services import set_payment_password
from offline.models import Authorization, Client, Relay, Service
from offline.services.clients import register_client, set_offline_password
from offline.services.relays import add_relay
from offline.services.services import create_service
from protocol import cose
from protocol.cose import Typ
from protocol.jwk import from_base64, to_base64
from protocol.keys import Purpose
from protocol.offline import (
    Application,
    Countersign,
    Level,
    Money,
    OneWayCode,
    Outcome,
    Result,
    Serial,
    ToBeSigned,
    digest_of,
    password_key,
    password_proof,
    seal,
)
from signing.services import signing_key
from tests.platform.gadgets import Gadget
from tests.platform.ledger import money, rich
from tests.platform.world import Answer, Person, now

PAYPASS = "coral-7-lantern"
PASSWORD = "amber orchard"
WRONG = "amber orchid"


@dataclass
class Shop:
    """A service with a relay."""

    owner: Person
    service: Service
    gadget: Gadget

    @classmethod
    def of(cls, owner: Person, kind: str = "checkout", **changes: Any) -> "Shop":
        """Let a person offer something at a device.

        Args:
            owner: Who.
            kind: Of the service.
            changes: Fields of its row.
        """
        currency = "EUR" if kind == "checkout" else ""
        service = create_service(
            owner=owner.holder, title=f"Corner {kind}", kind=kind, currency=currency, now=now()
        )
        Service.objects.filter(pk=service.pk).update(**changes)
        service.refresh_from_db()
        shop = cls(owner, service, Gadget.of(owner, "Relay"))
        add_relay(service=service, device=shop.gadget.row, now=now())
        return shop

    @property
    def relay(self) -> Relay:
        return Relay.objects.get(device=self.gadget.row)

    def apply(self, application: bytes, **options: Any) -> Answer:
        """Bring an application."""
        body = {"application": to_base64(application)}
        return self.gadget.call("POST", "/offline/apply", body, **options)

    def countersign(self, serial: Serial, message: bytes, *, is_sealed: bool = False) -> Answer:
        """Bring a countersign."""
        name = "sealed" if is_sealed else "countersign"
        body = {"serial": bytes(serial).hex(), name: to_base64(message)}
        return self.gadget.call("POST", "/offline/countersign", body)

    def take(self, code: bytes, amount: int, currency: str = "EUR", **options: Any) -> Answer:
        """Take an amount by a one-way code."""
        body = {"code": to_base64(code), "amount": amount, "currency": currency}
        return self.gadget.call("POST", "/offline/code", body, **options)


@dataclass
class Phone:
    """A client without a network."""

    person: Person
    gadget: Gadget
    client: Client
    password: str = PASSWORD
    drawn: int = 0

    @classmethod
    def of(cls, person: Person, *, has_password: bool = False) -> "Phone":
        """Register a device of a person as a client."""
        set_payment_password(holder=person.holder, password=PAYPASS, now=now())
        gadget = Gadget.of(person, "Phone")
        client = register_client(
            device=gadget.row, payment_password=PAYPASS, permit=None, now=now()
        )
        phone = cls(person, gadget, client)
        if has_password:
            phone.set_password()
        return phone

    @classmethod
    def rich(cls, *, has_password: bool = False) -> "Phone":
        """One of somebody with 1,000 EUR."""
        return cls.of(rich("Anna", 100_000), has_password=has_password)

    def set_password(self, password: str = PASSWORD) -> None:
        """Set the offline password."""
        set_offline_password(
            client=self.row, payment_password=PAYPASS, password=password, now=now()
        )

    @property
    def row(self) -> Client:
        """Its row as it stands."""
        return Client.objects.select_related("device__holder__user").get(pk=self.client.pk)

    def serial(self, counter: int | None = None) -> Serial:
        """A number of its own; the next one, or one that was used."""
        if counter is None:
            self.drawn += 1
        return Serial.draw(bytes(self.client.uid), counter or self.drawn)

    def asks(self, shop: Shop, **changes: Any) -> Application:
        """What it asks for: to pay 2.50 EUR at a checkout, or a right at a gate."""
        is_checkout = shop.service.kind == "checkout"
        said: dict[str, Any] = {
            "service": bytes(shop.service.uid),
            "money": Money(250, "EUR") if is_checkout else None,
            "level": Level.ORDINARY,
            "time": int(now().timestamp()),
            **changes,
        }
        said["serial"] = said.get("serial") or self.serial()
        return Application(**said)

    def applies(self, shop: Shop, **changes: Any) -> "Exchange":
        """Ask for something; the platform says what is to be signed."""
        asked = self.asks(shop, **changes)
        answer = shop.apply(self.signs(asked))
        assert answer.status == 200, answer
        bundle = answer.body["bundle"]
        return Exchange(
            self,
            shop,
            asked,
            from_base64(answer.body["tbs"]),
            None if bundle is None else from_base64(bundle),
        )

    def refused(self, shop: Shop, **changes: Any) -> tuple[int, str]:
        """Ask for something that is refused."""
        return shop.apply(self.signs(self.asks(shop, **changes))).refusal

    def signs(self, message: Application | Countersign | OneWayCode) -> bytes:
        """Sign something."""
        return message.sign(self.gadget.keys.signing)

    def code(self, most: int = 500, currency: str = "EUR", **changes: Any) -> bytes:
        """A one-way code."""
        said = {
            "serial": self.serial(),
            "most": Money(most, currency),
            "time": int(now().timestamp()),
            **changes,
        }
        return self.signs(OneWayCode(**said))

    def reconcile(
        self, *known: bytes | tuple[Serial, bytes | None], counter: int | None = None
    ) -> Answer:
        """Tell the platform what it signed: tbs or codes as they are, or entries."""
        entries = [entry if isinstance(entry, tuple) else _entry(entry) for entry in known]
        body = [
            {"serial": bytes(serial).hex(), "digest": digest and digest.hex()}
            for serial, digest in entries
        ]
        said = {"counter": self.drawn if counter is None else counter, "entries": body}
        return self.gadget.call("POST", "/offline/reconcile", said)


@dataclass
class Exchange:
    """One application, and what follows."""

    phone: Phone
    shop: Shop
    asked: Application
    tbs: bytes
    bundle: bytes | None = None

    @property
    def row(self) -> Authorization:
        return Authorization.objects.get(serial=bytes(self.asked.serial))

    @property
    def due(self) -> ToBeSigned:
        """What is to be signed; the platform signed it."""
        return ToBeSigned.open(self.tbs, key=offline_key())

    def signs(self, tbs: bytes | None = None, response: str | None = None) -> bytes:
        """Countersign."""
        return self.phone.signs(Countersign(digest_of(tbs or self.tbs), response))

    def seals(
        self,
        password: str | None = PASSWORD,
        *,
        countersign: bytes | None = None,
        response: str | None = None,
        serial: Serial | None = None,
    ) -> bytes:
        """Countersign with a proof of the password, sealed."""
        proof = None
        if password is not None:
            key = password_key(password, bytes(self.phone.client.salt))
            proof = password_proof(key, self.tbs)
        return seal(
            serial or self.asked.serial,
            countersign or self.signs(response=response),
            proof,
            bytes(self.phone.client.box_key),
        )

    def brings(self, message: bytes | None = None) -> Answer:
        """Bring a countersign of the ordinary level."""
        return self.shop.countersign(self.asked.serial, message or self.signs())

    def brings_sealed(self, sealed: bytes | None = None, **options: Any) -> Answer:
        """Bring a sealed one."""
        message = sealed or self.seals(**options)
        return self.shop.countersign(self.asked.serial, message, is_sealed=True)


def offline_key(at: datetime | None = None) -> bytes:
    """The key that signs what phones and relays believe."""
    return signing_key(Purpose.OFFLINE, now=at or now()).key.public


def result_of(answer: Answer) -> Result:
    """The signed result in an answer, be it an approval or a refusal."""
    return Result.open(from_base64(answer.body["result"]), key=offline_key())


def reason_of(exchange: Exchange) -> str:
    """What the audit says, and nobody else."""
    row = exchange.row
    audited = AuditRow.objects.get(action__startswith="authorization.", code=row.reason)
    assert audited.subject == row.public_id
    return row.reason


def require_refused(exchange: Exchange, answer: Answer, code: str) -> None:
    """Refused for good, by a signed result, without any effect."""
    result = result_of(answer)
    assert (result.outcome, result.code, result.money) == (Outcome.REJECTED, code, None)
    assert bytes(result.serial) == bytes(exchange.asked.serial)
    assert money(exchange.shop.owner) == {}
    assert exchange.row.receipt is None


def _entry(signed: bytes) -> tuple[Serial, bytes]:
    kind = OneWayCode if cose.parse(signed).typ == Typ.OFFLINE_CODE else ToBeSigned
    return kind.from_signed(cose.parse(signed)).serial, hashlib.sha256(signed).digest()
