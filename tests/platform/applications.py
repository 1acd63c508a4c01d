"""Applications on sale, and terminals that ask to be charged, made with the protocol alone."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from accounts.models import Holder
from billing.packages.models import BillingRequest as Row
from billing.packages.models import Build, FraudSignal, Item, Package, Rule, Terminal
from billing.packages.selectors_requests import terminal_of
from billing.packages.services.building import build_package
from billing.packages.services.keys import create_package
from billing.packages.services.store import read_measured
from protocol.application import BillingRequest, Channel, seal, seal_sms
from protocol.evidence import evidence, evidence_key, sample_ranges
from protocol.jwk import from_base64, to_base64
from tests.platform.gadgets import Gadget
from tests.platform.operators import operator
from tests.platform.phones import Phone, send_sms_from
from tests.platform.world import Answer, Person, now

SWORD, CASTLE = 1, 2
PRICES = ((SWORD, "Golden sword", 250), (CASTLE, "Castle", 9_900))
MAIN = b"print('dragons')\n" * 40


@dataclass
class Application:
    """A package with a build."""

    developer: Person
    package: Package
    build: Build

    @classmethod
    def make(cls, developer: Person | None = None, title: str = "Dragons") -> "Application":
        """Make one that sells a sword for 2.50 EUR and a castle for 99.00 EUR."""
        developer = developer or Person.make("Games")
        Holder.objects.filter(pk=developer.holder.pk).update(name="Games")
        developer.holder.refresh_from_db()
        package = create_package(
            developer=developer.holder, title=title, currency="EUR", now=now()
        )
        return cls(developer, package, build_of(package))

    def item(self, number: int = SWORD) -> Item:
        return self.build.items.get(number=number)


def build_of(package: Package) -> Build:
    """Make the next build of a package."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "main.py").write_bytes(MAIN)
        return build_package(package=package, folder=Path(folder), prices=PRICES, now=now())


@dataclass
class Biller:
    """A device that is registered for billing, perhaps a bound phone."""

    person: Person
    gadget: Gadget
    key: bytes
    phone: Phone | None = None
    nonces: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, person: Person, *, gadget: Gadget | None = None) -> "Biller":
        """Register a device of a person."""
        gadget = gadget or Gadget.of(person)
        answer = gadget.call("POST", "/billing/terminal")
        assert answer.status == 200, answer
        share = from_base64(answer.body["share"])
        shared = gadget.keys.box.exchange(X25519PublicKey.from_public_bytes(share))
        return cls(person, gadget, evidence_key(shared, share, gadget.keys.thumbprint))

    @classmethod
    def bound(cls, person: Person) -> "Biller":
        """Register a phone that is bound to its number; needs the fixture ``phone_keys``."""
        phone = Phone.bound(person)
        biller = cls.of(person, gadget=phone.gadget)
        biller.phone = phone
        return biller

    @property
    def row(self) -> Terminal:
        return terminal_of(self.gadget.row)

    @property
    def signals(self) -> list[str]:
        """What operators were told of this terminal, oldest first."""
        seen = FraudSignal.objects.filter(terminal=self.row).order_by("pk")
        return list(seen.values_list("reason", flat=True))

    def nonce(self) -> bytes:
        """Take one of the nonces that were fetched while on-line."""
        if not self.nonces:
            answer = self.gadget.call("POST", "/billing/nonces", {"count": 20})
            assert answer.status == 201, answer
            self.nonces = [bytes.fromhex(nonce) for nonce in answer.body["nonces"]]
        return self.nonces.pop()

    def asks(self, application: Application, **changes: Any) -> BillingRequest:
        """A request with its evidence.

        Args:
            application: Of which build.
            changes: Fields of the request; or ``seen_key``, ``seen_root`` and ``seen_sample``:
                what the terminal found, when it is not what was signed.
        """
        seen = {name: changes.pop(f"seen_{name}", None) for name in ("key", "root", "sample")}
        build = application.build
        said: dict[str, Any] = {
            "package": bytes(application.package.uid),
            "build": build.number,
            "terminal": bytes(self.gadget.row.uid),
            "item": SWORD,
            "amount": 250,
            "currency": "EUR",
            "is_counted": False,
            "is_consented": True,
            "key_matches": True,
            "files_match": True,
            "channel": Channel.NETWORK,
            **changes,
        }
        said["nonce"] = said.get("nonce") or self.nonce()
        request = BillingRequest(**said)
        ranges = sample_ranges(request.nonce, build.measured_size)
        backed = evidence(
            self.key,
            request,
            first_key=seen["key"] or bytes(application.package.first_key),
            root=seen["root"] or bytes(build.root),
            sample=seen["sample"] or read_measured(build, ranges),
        )
        return replace(request, evidence=changes.get("evidence", backed))

    def body(self, application: Application, request: BillingRequest) -> dict[str, Any]:
        """A request as the network carries it."""
        sealed = seal(request, bytes(application.package.third_key))
        package = application.package.public_id
        return {"version": 1, "package": package, "sealed": to_base64(sealed)}

    def post(self, application: Application, request: BillingRequest) -> Answer:
        """Send a request by the network."""
        body = self.body(application, request)
        return self.gadget.call("POST", "/billing/request", body)

    def bill(self, application: Application, **changes: Any) -> Answer:
        """Ask to be charged, by the network."""
        return self.post(application, self.asks(application, **changes))

    def text(self, application: Application, **changes: Any) -> str:
        """Ask to be charged: the SMS."""
        request = self.asks(application, channel=Channel.SMS, **changes)
        return seal_sms(request, bytes(application.package.third_key))

    def text_in(self, text: str, *, sender: str = "") -> bool:
        """Have an SMS of this phone come in."""
        assert self.phone is not None
        return send_sms_from(sender or self.phone.sim.number, text)

    def bill_by_sms(self, application: Application, **changes: Any) -> Row:
        """Ask to be charged, by SMS; return what was stored last."""
        assert self.text_in(self.text(application, **changes))
        return Row.objects.latest("pk")


def rule(kind: str, value: str, **conditions: Any) -> Rule:
    """Let a rule hold, as if two operators had wanted it."""
    made_by = operator(f"Olga {uuid4()}").holder
    return Rule.objects.create(
        kind=kind,
        value=value,
        made_by=made_by,
        created_at=now(),
        in_force_at=now(),
        **conditions,
    )
