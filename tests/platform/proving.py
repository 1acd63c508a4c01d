"""Requests that wait for a proof, and how they are proved, for the tests of the strategies."""

from dataclasses import dataclass
from typing import Any

import pytest
from captcha.models import CaptchaStore

from accounts.models import Holder
from billing.packages.models import BillingRequest as Row
from billing.packages.models import Build, Package
from protocol.application import seal
from protocol.jwk import to_base64
from tests.platform.applications import Application, Biller, rule
from tests.platform.ledger import money
from tests.platform.world import Answer, Person, now

PRICE = 250


@dataclass
class Waiting:
    """A request of a terminal, and both who may prove it."""

    application: Application
    biller: Biller
    uid: str

    @classmethod
    def on(
        cls, application: Application, biller: Biller, strategy: str, **changes: Any
    ) -> "Waiting":
        """Ask to be charged by the network, where a rule wants a strategy."""
        want(strategy, application.package)
        answer = biller.bill(application, **changes)
        assert answer.status == 202, answer
        return cls(application, biller, str(answer.body["request"]))

    @property
    def row(self) -> Row:
        return Row.objects.get(uid=bytes.fromhex(self.uid))

    @property
    def state(self) -> str:
        return str(self.row.state)

    def post(self, way: str, body: object = None, *, by: Any = None) -> Answer:
        """Call an endpoint of this request: as its terminal, or as somebody else."""
        caller = by or self.biller.gadget
        answer = caller.call("POST", f"/billing/requests/{self.uid}/{way}", body)
        assert isinstance(answer, Answer)
        return answer

    def get(self, way: str) -> Any:
        """Read something about it, as the payer."""
        return self.biller.person.get(f"/billing/requests/{self.uid}/{way}")

    def letters(self) -> str:
        """What the image shows that is to be read now."""
        prompt = self.row.prompts.filter(strategy="captcha").latest("position")
        return str(CaptchaStore.objects.get(hashkey=prompt.reference).response)

    def fresh(self, **changes: Any) -> dict[str, str]:
        """A fresh request for the same, as the strategy ``online`` asks for."""
        # What was fetched before the request waited is no fresh nonce.
        self.biller.nonces.clear()
        request = self.biller.asks(self.application, **changes)
        return {"sealed": to_base64(seal(request, bytes(self.application.package.third_key)))}


def want(strategy: str, package: Package) -> None:
    """Let a rule want a strategy for all of an application."""
    rule("strategy", strategy, package=package)


def revoke(application: Application) -> None:
    """Let an operator revoke its build."""
    Build.objects.filter(pk=application.build.pk).update(revoked_at=now())


def abandon(application: Application) -> None:
    """Let its developer leave."""
    Holder.objects.filter(pk=application.developer.holder.pk).update(leaving_at=now())


# By which an application stops charging, and what is said then.
withdrawals = pytest.mark.parametrize(
    ("withdraw", "refusal"),
    [(revoke, (410, "build_revoked")), (abandon, (404, "package_unknown"))],
)


def is_uncharged(person: Person, before: int = 10_000) -> bool:
    """Tell whether a payer has what was there before."""
    return money(person) == {"wallet": before}


def assert_charged(waiting: Waiting, answer: Answer, before: int = 10_000) -> None:
    """The answer says that it is charged, once, with a receipt."""
    assert answer.status == 200, answer
    assert answer.body["state"] == "captured"
    assert answer.body["receipt"]
    assert money(waiting.biller.person) == {"wallet": before - PRICE}
    assert money(waiting.application.developer) == {"earnings": PRICE}
