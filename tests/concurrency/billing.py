"""Billing requests that many send, prove and pay back at once: how each try ended."""

import secrets
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from threading import Barrier
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.db.models import F

from accounts.models import Holder
from billing.ledger import selectors as ledger
from billing.ledger.models import Spending
from billing.packages.models import BillingRequest, Build, Nonce, Terminal
from billing.packages.services import charging, proving
from billing.packages.services.caps import require_within_caps, set_cap
from billing.packages.services.disputes import answer_dispute, open_dispute
from billing.packages.services.finish import expire_requests
from billing.packages.services.keys import create_package
from billing.packages.services.receive import receive_network
from billing.packages.services.store import read_measured
from billing.packages.services.terminals import (
    issue_nonces,
    open_evidence_key,
    register_terminal,
)
from notices.services import take_sms
from protocol import application
from protocol.application import Channel
from protocol.evidence import evidence, sample_ranges
from tests.concurrency.phoning import Phone
from tests.concurrency.racing import PATIENCE, at_once
from tests.concurrency.spending import _fill, _holder, _now
from tests.platform.applications import build_of

PRICE = 250
REPLAYS = 16
CHARGES = 12
CAP = 4 * PRICE


class Selling:
    """An application, and the phone of somebody who buys in it."""

    def __init__(self, wallet: int = 100 * PRICE) -> None:
        package = create_package(developer=_holder(), title="Race", currency="EUR", now=_now())
        self.build: Build = build_of(package)
        self.phone = _phone().bound()
        self.terminal: Terminal = register_terminal(self.phone.device, _now())
        self.payer: Holder = self.phone.device.holder
        _fill(self.payer, wallet)

    def asks(self, nonce: bytes, channel: Channel = Channel.NETWORK, **changes: Any) -> Any:
        """A request for the sword, sealed for its channel."""
        package = self.build.package
        said: dict[str, Any] = {
            "package": bytes(package.uid),
            "build": self.build.number,
            "terminal": bytes(self.phone.device.uid),
            "item": 1,
            "amount": PRICE,
            "currency": "EUR",
            "nonce": nonce,
            "is_counted": False,
            "is_consented": True,
            "key_matches": True,
            "files_match": True,
            "channel": channel,
            **changes,
        }
        request = application.BillingRequest(**said)
        backed = evidence(
            open_evidence_key(self.terminal),
            request,
            first_key=bytes(package.first_key),
            root=bytes(self.build.root),
            sample=read_measured(self.build, sample_ranges(nonce, self.build.measured_size)),
        )
        request = application.BillingRequest(**said, evidence=backed)
        seal = application.seal if channel is Channel.NETWORK else application.seal_sms
        return seal(request, bytes(package.third_key))

    def nonces(self, count: int) -> list[bytes]:
        return issue_nonces(self.terminal, count, _now())

    def receive(self, sealed: bytes) -> BillingRequest:
        return receive_network(self.phone.device, bytes(self.build.package.uid), sealed, _now())

    def waiting(self, count: int) -> list[BillingRequest]:
        """Requests that wait for the payment password."""
        return [self.receive(self.asks(nonce)) for nonce in self.nonces(count)]

    @property
    def outcome(self) -> dict[str, Any]:
        """What is there in the end."""
        mine = BillingRequest.objects.filter(payer=self.payer)
        spent = Spending.objects.filter(holder=self.payer, scope="apps")
        return {
            "states": dict(Counter(mine.values_list("state", flat=True))),
            "paid": sum(line.amount for line in _payments(self.payer)),
            "spent": sorted(set(spent.values_list("spent", flat=True))),
        }


def _phone() -> Phone:
    phone = Phone()
    phone.device.box_key = X25519PrivateKey.generate().public_key().public_bytes_raw()
    phone.device.save()
    return phone


def _payments(holder: Holder) -> Any:
    entries = ledger.statement(holder.pk)
    return [line for line in ledger.lines(entries) if line.other is not None]


def replay() -> dict[str, Any]:
    """One request, sixteen times at once, by the network and by SMS; each that can, charges."""
    selling = Selling()
    (nonce,) = selling.nonces(1)
    sealed, text = selling.asks(nonce), selling.asks(nonce, Channel.SMS)

    def once(number: int) -> None:
        if number % 2:
            request = selling.receive(sealed)
            charging.capture(request.pk, from_state=request.state, now=_now())
        else:
            take_sms(
                provider="race",
                provider_id=secrets.token_hex(8),
                sender=selling.phone.sim.number,
                text=text,
                now=_now(),
            )

    at_once(once, REPLAYS)
    return selling.outcome


def count() -> dict[str, Any]:
    """One counter, sixteen times at once."""
    selling = Selling()
    sealed = selling.asks((7).to_bytes(8), is_counted=True)
    ended = at_once(lambda _: selling.receive(sealed), REPLAYS)
    return {"ended": ended, **selling.outcome}


def draw() -> int:
    """Eight calls draw twenty nonces each at once; return how many are good."""
    selling = Selling()
    at_once(lambda _: selling.nonces(20), 8)
    return Nonce.objects.filter(terminal=selling.terminal, used_at=None).count()


def register() -> dict[str, Any]:
    """Eight calls register one terminal at once; return how each ended, and the shares."""
    phone = _phone()
    shares = set()

    def once(_: int) -> None:
        shares.add(bytes(register_terminal(phone.device, _now()).share))

    return {"ended": at_once(once, 8), "shares": len(shares)}


def prove() -> dict[str, Any]:
    """One request is charged sixteen times at once."""
    selling = Selling()
    (request,) = selling.waiting(1)
    return {"ended": at_once(lambda _: _charge(request), REPLAYS), **selling.outcome}


def charge_to_the_cap() -> dict[str, Any]:
    """Twelve requests are charged at once; the payer's limit suffices for four."""
    selling = Selling()
    requests = selling.waiting(CHARGES)
    set_cap(holder=selling.payer, currency="EUR", day=CAP, month=CAP, now=_now())
    ended = at_once(lambda number: _charge(requests[number]), CHARGES)
    return {"ended": ended, **selling.outcome}


def charge_unguarded() -> dict[str, Any]:
    """As :func:`charge_to_the_cap`, where limits are looked at and not counted: it goes wrong."""
    looked = Barrier(CHARGES)

    def spend(*, amount: int, now: datetime, **whose: Any) -> None:
        require_within_caps(amount=amount, now=now, **whose)
        looked.wait(PATIENCE)
        holder = whose["holder"]
        for period in (f"{now:%Y-%m-%d}", f"{now:%Y-%m}"):
            row = {"holder": holder, "currency": "EUR", "scope": "apps", "period": period}
            Spending.objects.get_or_create(**row)
            Spending.objects.filter(**row).update(spent=F("spent") + amount)

    with patch.object(charging, "spend", spend):
        return charge_to_the_cap()


def pay_back() -> dict[str, Any]:
    """One charge is paid back eight times at once."""
    selling = Selling()
    first, _ = map(_charge, selling.waiting(2))
    developer = selling.build.package.developer

    def once(_: int) -> None:
        charging.refund_charge(first, by=developer, now=_now())

    return {"ended": at_once(once, 8), **selling.outcome}


def dispute() -> dict[str, Any]:
    """One charge is disputed eight times at once, and answered eight times at once, both ways."""
    selling = Selling()
    (charge,) = map(_charge, selling.waiting(1))
    developer = selling.build.package.developer
    opened = at_once(lambda _: open_dispute(charge, words="Not me", now=_now()), 8)

    def once(number: int) -> None:
        answer_dispute(charge, by=developer, is_refund=number % 2 == 0, words="No", now=_now())

    return {"opened": opened, "answered": at_once(once, 8), **selling.outcome}


def charge_or_cancel() -> dict[str, Any]:
    """Each of six requests is charged, cancelled and ended at once."""
    selling = Selling()
    requests = selling.waiting(6)

    def once(number: int) -> None:
        request = requests[number // 3]
        if number % 3 == 0:
            _charge(request)
        elif number % 3 == 1:
            proving.cancel(request, actor="race", now=_now())
        else:
            expire_requests(now=request.expires_at)

    at_once(once, 18)
    return selling.outcome


def _charge(request: BillingRequest) -> BillingRequest:
    return charging.capture(request.pk, from_state="awaiting_paypass", now=_now())


RACES: dict[str, Callable[[], Any]] = {
    race.__name__: race
    for race in (
        replay,
        count,
        draw,
        register,
        prove,
        charge_to_the_cap,
        charge_unguarded,
        pay_back,
        dispute,
        charge_or_cancel,
    )
}
