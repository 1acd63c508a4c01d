"""Purchase, use, refund, expiry and suspension in any order: who may use what, and whose money.

A model in plain Python says what must come of every move; the services must agree.
"""

import hashlib
import io
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import hypothesis
import pytest
from django.conf import settings
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.entitlements import services
from billing.entitlements.models import Entitlement, Offer, Purchase, StatusCode
from billing.entitlements.services import buying, settle
from billing.entitlements.services.authorize import Asked, authorize
from billing.entitlements.services.verify import Presented, verify
from billing.ledger.services import set_payment_password, top_up
from billing.ledger.verification import faults
from binding.dpop import Proof
from binding.models import Device
from binding.security import Prover
from common.errors import DomainError
from protocol.billing import Operation
from protocol.content import Release
from protocol.ed25519 import SigningKey
from signing.services import create_keys
from tests.migrated import fill
from tests.platform.ledger import money
from tests.platform.world import Person
from tests.postgres import create_database

ROOT = Path(__file__).resolve().parents[2]
START = datetime.now(UTC)
PASSPHRASE = "seven-otters"
FUNDS = 2_000
CONTENT = b"la la la"
# What each offer costs and gives: it must be possible to run out of money.
PRICES = {"permanent": 500, "until": 200, "metered": 100}
DAYS, USES, REFUND_DAYS = 10, 2, 14
CODE_LIFE = timedelta(seconds=60)
ORDER = ["permanent", "until", "metered"]
LIVING = {"pending_payment", "active", "suspended"}


@dataclass
class Bought:
    """What the model knows of one purchase."""

    uid: bytes
    number: int
    buyer: str
    term: str
    state: str
    bought_at: datetime
    expires_at: datetime | None = None
    uses_left: int | None = None
    is_used: bool = False
    is_refused: bool = False

    def is_usable(self, now: datetime) -> bool:
        in_time = self.expires_at is None or now < self.expires_at
        return self.state == "active" and in_time and self.uses_left != 0

    def activate(self, now: datetime) -> None:
        self.state = "active"
        self.expires_at = now + timedelta(days=DAYS) if self.term == "until" else None


@dataclass
class Code:
    """A status code that was issued, and what is needed to present it."""

    of: Bought
    text: str
    release: Release
    prover: Prover
    issued_at: datetime
    is_spent: bool = False
    is_revoked: bool = False


class Shop(RuleBasedStateMachine):
    """Two buyers, one developer, one operator, one resource at three prices."""

    def __init__(self) -> None:
        super().__init__()
        # Undone at the end; no test case of its own would begin so often.
        self.undone = transaction.atomic()
        self.undone._from_testcase = True  # type: ignore[attr-defined]  # as TestCase does
        self.undone.__enter__()
        self.now = START
        self.people = {name: Person.make(name) for name in ("Anna", "Ben", "Dev", "Op")}
        self.bought: list[Bought] = []
        self.codes: list[Code] = []
        self.wallets = dict.fromkeys(("Anna", "Ben"), FUNDS)
        self.devices = {name: self._equip(name) for name in self.wallets}
        self._stock_the_shop()

    def _equip(self, name: str) -> Device:
        holder = self.people[name].holder
        top_up(holder=holder, amount=FUNDS, currency="EUR", key="start", now=self.now)
        set_payment_password(holder=holder, password=PASSPHRASE, now=self.now)
        key = SigningKey.generate()
        return Device.objects.create(
            holder=holder,
            name="Desk",
            key=key.public,
            thumbprint=hashlib.sha256(key.public).digest(),
            # Of nobody: what is sealed to it is never opened here.
            box_key=bytes.fromhex("09" + "00" * 31),
            created_at=self.now,
        )

    def _stock_the_shop(self) -> None:
        developer = self.people["Dev"].holder
        self.resource = services.publish_resource(
            developer=developer,
            kind="music",
            title="Morning",
            refund_days=REFUND_DAYS,
            now=self.now,
        )
        uid = bytes(self.resource.uid)
        self.version = services.add_version(
            developer=developer,
            resource_uid=uid,
            file=io.BytesIO(CONTENT),
            size=len(CONTENT),
            filename="morning.ogg",
            now=self.now,
        )
        self.offers = {
            term: services.add_offer(
                developer=developer,
                resource_uid=uid,
                term=term,
                amount=price,
                currency="EUR",
                days=DAYS if term == "until" else None,
                uses=USES if term == "metered" else None,
                now=self.now,
            )
            for term, price in PRICES.items()
        }
        services.list_resource(developer=developer, resource_uid=uid, now=self.now)

    # Buying.

    @rule(buyer=st.sampled_from(["Anna", "Ben"]), term=st.sampled_from(ORDER))
    def buy_from_the_wallet(self, buyer: str, term: str) -> None:
        self._buy(buyer, term, "wallet")

    @rule(buyer=st.sampled_from(["Anna", "Ben"]), term=st.sampled_from(ORDER))
    def have_a_token_asked(self, buyer: str, term: str) -> None:
        self._buy(buyer, term, "token")

    def _buy(self, buyer: str, term: str, way: str) -> None:
        expected = self._refusal_to_sell(buyer, term)
        # The step itself is the main job's, and tested there.
        no_step = mock.patch.multiple(
            buying, check_part=mock.DEFAULT, open_transaction=mock.DEFAULT
        )
        purchase: Purchase | None = None

        def bought() -> None:
            nonlocal purchase
            purchase = services.buy(
                buyer=self.people[buyer].holder,
                offer_uid=bytes(self.offers[term].uid),
                way=way,
                key=secrets.token_hex(8),
                payment_password=PASSPHRASE,
                now=self.now,
            )

        with no_step:
            assert code_of(bought) == expected
        if purchase is None:
            return
        self.wallets[buyer] -= PRICES[term]
        item = Bought(bytes(purchase.uid), purchase.pk, buyer, term, "pending_payment", self.now)
        item.uses_left = USES if term == "metered" else None
        if way == "wallet":
            item.activate(self.now)
        self.bought.append(item)

    def _refusal_to_sell(self, buyer: str, term: str) -> str:
        living = [item for item in self.bought if item.buyer == buyer and item.state in LIVING]
        if any(item.term == "permanent" for item in living):
            return "already_owned"
        lasts = self.now + timedelta(days=DAYS)
        if term == "until" and any(
            item.term == "until" and item.expires_at is not None and item.expires_at >= lasts
            for item in living
        ):
            return "already_owned"
        return "funds_insufficient" if self.wallets[buyer] < PRICES[term] else ""

    def _those(self, *states: str) -> list[Bought]:
        return [item for item in self.bought if item.state in states]

    @precondition(lambda self: self._those("pending_payment"))
    @rule(data=st.data(), is_signed=st.booleans())
    def the_token_answers(self, data: st.DataObject, is_signed: bool) -> None:  # noqa: FBT001
        item = data.draw(st.sampled_from(self._those("pending_payment")))
        purchase = Purchase.objects.get(pk=item.number)
        with mock.patch.object(settle, "_close_chain"):
            settle.conclude(purchase, is_signed=is_signed, now=self.now)
        if is_signed:
            item.activate(self.now)
        else:
            item.state = "cancelled"
            self.wallets[item.buyer] += PRICES[item.term]

    # Using.

    @rule(buyer=st.sampled_from(["Anna", "Ben"]))
    def ask_for_a_code(self, buyer: str) -> None:
        expected = self._usable(buyer)
        device = self.devices[buyer]
        prover = Prover(Proof(SigningKey.generate().public, secrets.token_bytes(32)))
        release = Release(
            bytes(self.resource.uid), 1, bytes(device.thumbprint), secrets.token_bytes(16)
        )
        asked = Asked(
            account=self.people[buyer].account,
            resource=release.resource,
            version=1,
            build_digest=bytes(self.version.build_digest),
            operation=Operation.PLAY,
            rnonce=release.rnonce,
            resource_key=prover.thumbprint,
        )
        if expected is None:
            with pytest.raises(DomainError) as refused:
                authorize(device=device, asked=asked, now=self.now)
            assert refused.value.code == self._reason(buyer)
            return
        issued = authorize(device=device, asked=asked, now=self.now)
        row = StatusCode.objects.latest("pk")
        assert row.entitlement.purchase_id == expected.number
        self.codes.append(Code(expected, issued.code, release, prover, self.now))

    @rule(buyer=st.sampled_from(["Anna", "Ben"]))
    def use_it_at_once(self, buyer: str) -> None:
        before = len(self.codes)
        self.ask_for_a_code(buyer)
        if len(self.codes) > before:
            self._present(self.codes[-1])

    def _usable(self, buyer: str) -> Bought | None:
        usable = [item for item in self.bought if item.buyer == buyer and item.is_usable(self.now)]
        # The newest of the kind that costs least to use.
        return min(usable, key=lambda item: (ORDER.index(item.term), -item.number), default=None)

    def _reason(self, buyer: str) -> str:
        """Why the newest purchase of a buyer gives no access."""
        own = [item for item in self.bought if item.buyer == buyer and item.state != "cancelled"]
        reasons = {
            "pending_payment": "not_paid",
            "active": "entitlement_expired",
            "expired": "entitlement_expired",
            "refunded": "entitlement_refunded",
        }
        return reasons.get(own[-1].state, "entitlement_closed") if own else "not_paid"

    @precondition(lambda self: self.codes)
    @rule(data=st.data())
    def present_a_code(self, data: st.DataObject) -> None:
        self._present(data.draw(st.sampled_from(self.codes)))

    def _present(self, code: Code) -> None:
        in_time = self.now < code.issued_at + CODE_LIFE
        is_good = in_time and not (code.is_spent or code.is_revoked)
        is_allowed = is_good and code.of.is_usable(self.now)
        presented = Presented(code.text, code.release, Operation.PLAY)

        def use() -> None:
            verify(prover=code.prover, presented=presented, now=self.now)

        assert (code_of(use) == "") == is_allowed
        if is_allowed:
            code.is_spent = code.of.is_used = True
            if code.of.uses_left is not None:
                code.of.uses_left -= 1

    # Giving back.

    @precondition(lambda self: self.bought)
    @rule(data=st.data())
    def ask_for_the_money(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self.bought))
        is_late = self.now > item.bought_at + timedelta(days=REFUND_DAYS)
        expected = ""
        if item.state in ("pending_payment", "cancelled"):
            expected = "purchase_not_paid"
        elif item.state != "refunded" and item.is_refused:
            expected = "refund_refused"
        elif item.state != "refunded" and is_late:
            expected = "refund_too_late"
        buyer = self.people[item.buyer].holder

        def ask() -> None:
            services.ask_refund(buyer=buyer, purchase_uid=item.uid, now=self.now)

        assert code_of(ask) == expected
        is_open = item.state in ("active", "expired")
        if not expected and is_open and not item.is_used:
            self._given_back(item)

    @precondition(lambda self: self.bought)
    @rule(data=st.data())
    def the_developer_gives_back(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self.bought))
        unpaid = item.state in ("pending_payment", "cancelled")

        def grant() -> None:
            services.grant_refund(
                developer=self.people["Dev"].holder, purchase_uid=item.uid, now=self.now
            )

        assert code_of(grant) == ("purchase_not_paid" if unpaid else "")
        if not unpaid and item.state != "refunded":
            self._given_back(item)

    @precondition(lambda self: self.bought)
    @rule(data=st.data())
    def the_developer_says_no(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self.bought))
        purchase = Purchase.objects.get(pk=item.number)
        waits = purchase.refund_asked_at is not None and item.state != "refunded"

        def refuse() -> None:
            services.refuse_refund(
                developer=self.people["Dev"].holder, purchase_uid=item.uid, now=self.now
            )

        expected = "" if waits or item.is_refused else "refund_not_asked"
        assert code_of(refuse) == expected
        item.is_refused = expected == ""

    def _given_back(self, item: Bought) -> None:
        item.state = "refunded"
        self.wallets[item.buyer] += PRICES[item.term]
        self._void_codes(item)

    # Operators, and time.

    @precondition(lambda self: self.bought)
    @rule(data=st.data(), what=st.sampled_from(["suspend", "resume", "revoke"]))
    def an_operator_steps_in(self, data: st.DataObject, what: str) -> None:
        item = data.draw(st.sampled_from(self.bought))
        sources = {"suspend": ["active"], "resume": ["suspended"]}
        goals = {"suspend": "suspended", "resume": "active", "revoke": "revoked"}
        is_done = item.state in sources.get(what, ["active", "suspended"])
        step_in: Callable[..., Entitlement] = getattr(services, f"{what}_entitlement")

        def act() -> None:
            step_in(operator=self.people["Op"].holder, purchase_uid=item.uid, now=self.now)

        assert code_of(act) == ("" if is_done else "entitlement_state_wrong")
        if is_done:
            item.state = goals[what]
            self._void_codes(item)

    def _void_codes(self, item: Bought) -> None:
        for code in self.codes:
            if code.of is item and not code.is_spent:
                code.is_revoked = True

    @rule(days=st.sampled_from([0, 1, 4, 9]), seconds=st.sampled_from([1, 30, 61]))
    def time_passes(self, days: int, seconds: int) -> None:
        self.now += timedelta(days=days, seconds=seconds)

    @rule()
    def the_worker_comes_by(self) -> None:
        services.expire_entitlements(now=self.now)
        for item in self._those("active", "suspended"):
            over = item.expires_at is not None and item.expires_at <= self.now
            if over or item.uses_left == 0:
                item.state = "expired"

    def teardown(self) -> None:
        try:
            self._agree()
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)

    def _agree(self) -> None:
        """See that the database says what the model says, and that the books are right."""
        assert not list(faults())
        stored = {row.purchase_id: (row.state, row.uses_left) for row in Entitlement.objects.all()}
        assert stored == {
            item.number: (item.state, item.uses_left)
            for item in self.bought
            if item.state != "cancelled"
        }
        for name, amount in self.wallets.items():
            assert money(self.people[name]).get("wallet", 0) == amount
        earned = sum(
            PRICES[item.term]
            for item in self.bought
            if item.state not in ("pending_payment", "cancelled", "refunded")
        )
        held = sum(PRICES[item.term] for item in self._those("pending_payment"))
        assert money(self.people["Dev"]).get("earnings", 0) == earned
        assert sum(self.wallets.values()) + earned + held == FUNDS * 2
        assert Offer.objects.count() == len(PRICES)


def code_of(act: Callable[[], None]) -> str:
    """Do something; return why it was refused, or nothing."""
    try:
        act()
    except DomainError as error:
        return error.code
    return ""


@pytest.fixture
def cheap_keys(db: None) -> None:
    create_keys(root=SigningKey.generate(), now=START)


def test_in_any_order_only_who_has_paid_uses_it_and_no_cent_is_lost(
    cheap_keys: None,
) -> None:
    run_state_machine_as_test(
        Shop,
        settings=hypothesis.settings(
            max_examples=int(os.environ.get("SHOP_EXAMPLES", "12")),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )


@pytest.mark.skipif("postgres" in settings.DATABASES["default"]["ENGINE"], reason="it is this one")
@pytest.mark.allow_hosts(["127.0.0.1", "::1"])
def test_on_postgresql_too(postgres: str) -> None:
    url = create_database(postgres, "shop_machine")
    # What pytest-django would make, and takes as it finds it.
    fill(create_database(postgres, "test_shop_machine"), "platform")
    name = test_in_any_order_only_who_has_paid_uses_it_and_no_cent_is_lost.__name__
    options = ["-q", "-p", "no:cacheprovider", "--allow-hosts=127.0.0.1,::1", "--reuse-db"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"{__file__}::{name}"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert "1 passed" in ran.stdout
