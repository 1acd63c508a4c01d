"""Phones of these tests' people: a device with a chip and a SIM, calling the site's API."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from binding.models import Binding
from binding.services import import_chips
from notices.services import deliver_sms, take_sms
from notices.sms import backend
from notices.sms.backends import MemoryBackend
from protocol.binding import ChipProof, Message, Purpose
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, to_base64
from tests.platform.gadgets import Gadget
from tests.platform.world import Answer, Person, now

# Each once: drawn by chance, two phones would have one number now and then.
_NUMBERS = iter(secrets.SystemRandom().sample(range(10**7), k=10**4))

HEADER = "serial,manufacturer,key,box_key"


@dataclass
class TestChip:
    """A security chip; its counter is in the open, so that tests can turn it back."""

    __test__ = False

    key: SigningKey = field(default_factory=SigningKey.generate)
    box: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    serial: str = field(default_factory=lambda: f"CHIP-{secrets.token_hex(8)}")
    counter: int = 0

    @property
    def box_key(self) -> bytes:
        return self.box.public_key().public_bytes_raw()

    @property
    def line(self) -> str:
        """As its manufacturer lists it."""
        return f"{self.serial},Acme,{to_base64(self.key.public)},{to_base64(self.box_key)}"

    def list(self) -> "TestChip":
        """Have the platform know it."""
        import_chips(lines=[HEADER, self.line], actor="system", now=now())
        return self

    def count(self) -> int:
        self.counter += 1
        return self.counter


@dataclass
class Sim:
    """A SIM with its number."""

    code: str = field(default_factory=lambda: f"8949{secrets.randbelow(10**15):015}")
    number: str = field(default_factory=lambda: f"+491511{next(_NUMBERS):07}")


@dataclass
class Phone:
    """A device with what is in it."""

    person: Person
    gadget: Gadget
    chip: TestChip
    sim: Sim

    @classmethod
    def of(
        cls, person: Person, *, chip: TestChip | None = None, sim: Sim | None = None
    ) -> "Phone":
        """Make one whose device is added and whose chip is listed, but not bound."""
        chip = chip or TestChip().list()
        return cls(person, Gadget.of(person), chip, sim or Sim())

    @classmethod
    def bound(cls, person: Person, **parts: Any) -> "Phone":
        """Make one and bind it."""
        phone = cls.of(person, **parts)
        answer = phone.prove(phone.register())
        assert answer.status == 200, answer
        assert answer.body["state"] == "bound", answer
        return phone

    def nonce(self) -> bytes:
        """Get what the chip has to sign."""
        answer = self.gadget.call("POST", "/binding/challenges")
        assert answer.status == 201, answer
        return from_base64(answer.body["nonce"])

    def shown(self, use: str, **changes: Any) -> dict[str, str]:
        """Identifiers and chip proof; ``changes`` are fields of the proof."""
        said = {
            "nonce": changes.pop("nonce", None) or self.nonce(),
            "purpose": Purpose(changes.pop("purpose", use)),
            "sim": self.sim.code,
            "number": self.sim.number,
            "device": self.gadget.keys.thumbprint,
            "counter": changes.pop("counter", None) or self.chip.count(),
            **changes,
        }
        return {
            "chip_serial": self.chip.serial,
            "sim_code": self.sim.code,
            "comm_number": self.sim.number,
            "chip_proof": to_base64(ChipProof(**said).sign(self.chip.key)),
        }

    def register(self, *, proof: str = "to_phone", **changes: Any) -> Answer:
        """Ask to be bound."""
        body = {
            "registration_number": self.sim.number,
            "proof": proof,
            **self.shown("register"),
            **changes,
        }
        body = {name: value for name, value in body.items() if value is not None}
        return self.gadget.call("POST", "/binding/register", body)

    def prove(self, registered: Answer, code: str = "") -> Answer:
        """Send the code that came by SMS."""
        assert registered.status == 201, registered
        code = code or code_to(self.sim.number)
        path = f"/binding/{registered.body['binding']}/proof"
        return self.gadget.call("POST", path, {"code": code})

    def permit(self, use: str = "billing", **changes: Any) -> Answer:
        """Ask for a permit."""
        body = {"purpose": use, **self.shown(use, **changes)}
        return self.gadget.call("POST", "/binding/permits", body)

    def write(self, to: "Phone", text: str = "Hello", **changes: Any) -> dict[str, str]:
        """A message as this phone's chip signs it."""
        said = {
            "sender": self.sim.number,
            "recipient": to.sim.number,
            "counter": self.chip.count(),
            "box_key": to.chip.box_key,
            **changes,
        }
        signed = Message.seal(text, **said).sign(self.chip.key)
        return {"to": to.sim.number, "message": to_base64(signed)}

    def send(self, body: dict[str, str], permit: str | None = None) -> Answer:
        """Send a message."""
        headers = {"Permit": permit} if permit else {}
        return self.gadget.call("POST", "/binding/messages", body, headers=headers)

    @property
    def row(self) -> Binding:
        """Its newest binding."""
        return Binding.objects.filter(device=self.gadget.row).latest("pk")


def sms_to(number: str) -> str:
    """Return the last SMS that was sent to a number."""
    deliver_sms(now=now())
    memory = backend()
    assert isinstance(memory, MemoryBackend), "these tests look into memory"
    return [text for to, text in memory.sent if to == number][-1]


def code_to(number: str) -> str:
    """Return the code in the last SMS to a number."""
    found = re.search(r"\b[0-9]{6}\b", sms_to(number))
    assert found
    return found[0]


def send_sms_from(number: str, text: str) -> bool:
    """Have an SMS come in; tell whether somebody took it."""
    return take_sms(
        provider="test", provider_id=secrets.token_hex(8), sender=number, text=text, now=now()
    )
