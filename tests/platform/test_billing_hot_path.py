"""What one use of a resource costs the database, as test_hot_path.py says it of a step."""

import math
from pathlib import Path
from typing import Any

import pytest

from protocol.ed25519 import SigningKey
from signing.services import create_keys
from tests.platform.billing import Copy, on_sale, pay
from tests.platform.gadgets import Gadget
from tests.platform.test_hot_path import Cost, cost_of
from tests.platform.world import Person, now

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_use_costs_what_it_costs(
    dora: Person, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine: the policy is read anew every few seconds.
    monkeypatch.setattr("enrolment.selectors.POLICY_KEPT_SECONDS", math.inf)
    settings.RESOURCE_STORE = tmp_path
    create_keys(root=SigningKey.generate(), now=now())
    version = on_sale(Person.make("Dev"))
    pay(dora, version.resource)
    gadget = Gadget.of(dora)
    # Once before, so that the device has its place, and a process what it keeps.
    first = Copy(version, gadget, dora)
    first.present(first.code())
    copy, codes = Copy(version, gadget, dora), []

    authorized = cost_of(lambda: codes.append(copy.code()))
    verified = cost_of(lambda: copy.present(codes[0]))

    # One commit each is the proof of possession.
    assert authorized == Cost(queries=9, commits=2)
    assert verified == Cost(queries=5, commits=2)
