"""Charges, as the tests of receipts, limits and disputes need them: proved without ado."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.ledger.services import set_payment_password
from billing.packages.models import BillingRequest
from billing.packages.services.charging import capture
from tests.platform.applications import Application, Biller
from tests.platform.ledger import fill
from tests.platform.shopping import PASSPHRASE
from tests.platform.world import Person, now


@dataclass
class Payer:
    """Somebody with money, a terminal, and an application that asks for it."""

    person: Person
    biller: Biller
    application: Application

    @classmethod
    def make(cls, name: str = "Dora", amount: int = 10_000) -> "Payer":
        """Make one with a payment password, and an application that sells."""
        person = Person.make(name)
        fill(person, amount)
        set_payment_password(holder=person.holder, password=PASSPHRASE, now=now())
        return cls(person, Biller.of(person), Application.make())

    def asked(self, **changes: Any) -> BillingRequest:
        """Have the application ask; return what waits."""
        answer = self.biller.bill(self.application, **changes)
        assert answer.status == 202, answer
        return BillingRequest.objects.latest("pk")

    def charged(self, at: datetime | None = None, **changes: Any) -> BillingRequest:
        """Have the application ask, and capture it as if it were proved."""
        waiting = self.asked(**changes)
        return capture(waiting.pk, from_state=waiting.state, now=at or now())
