"""What rules are about, as bare rows: an application with items, terminals with numbers."""

import secrets
from datetime import timedelta
from typing import Any

from billing.packages.models import Build, FraudSignal, Item, Package, Rule, Terminal
from binding.identifiers import number_hash
from binding.models import Device
from tests.platform.world import Person, now

NUMBER = "+4915112345678"
ITEM, OTHER_ITEM = 7, 8


def application(developer: Person, title: str = "Chess") -> Package:
    """Make one that sells two items; its keys are none."""
    package = Package.objects.create(
        uid=secrets.token_bytes(4),
        developer=developer.holder,
        title=title,
        currency="EUR",
        first_key=bytes(32),
        sealed_first_key=b"",
        third_key=bytes(32),
        sealed_third_key=b"",
        created_at=now(),
    )
    build = Build.objects.create(
        package=package,
        number=1,
        sealed_salt=b"",
        root=bytes(32),
        digest=bytes(32),
        size=1,
        measured_size=1,
        created_at=now(),
    )
    for number, amount in ((ITEM, 500), (OTHER_ITEM, 900)):
        Item.objects.create(build=build, number=number, title=f"Item {number}", amount=amount)
    return package


def terminal_of(person: Person, name: str = "Desk") -> Terminal:
    """Make a terminal that is registered for billing."""
    device = Device.objects.create(
        holder=person.holder,
        name=name,
        key=secrets.token_bytes(32),
        thumbprint=secrets.token_bytes(32),
        box_key=bytes(32),
        created_at=now(),
    )
    return Terminal.objects.create(
        device=device, sealed_evidence_key=b"", share=bytes(32), created_at=now()
    )


def rule(maker: Person, kind: str, value: str, **conditions: Any) -> Rule:
    """Put a rule in force; ``number`` is a phone number."""
    if number := conditions.pop("number", ""):
        conditions |= {"number_hash": number_hash(number), "number_tail": number[-4:]}
    at = now()
    return Rule.objects.create(
        kind=kind,
        value=value,
        made_by=maker.holder,
        created_at=at,
        in_force_at=at,
        **conditions,
    )


def seen(terminal: Terminal, reason: str = "evidence_mismatch", *, days: int = 0) -> FraudSignal:
    """A signal of some days ago."""
    at = now() - timedelta(days=days)
    return FraudSignal.objects.create(terminal=terminal, reason=reason, at=at)
