"""Moves that are refused: other hosts, other platforms, changed and made-up packages."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from authserver.models import (
    Passage,
    Server,
    TrustedHost,
)
from authserver.services import cargo, seals
from authserver.services.hosts import current_host_key
from protocol import cbor
from protocol.moving import MAX_PACKAGE_BYTES, Package
from tests.authserver.places import Place, ask_offer, at, bring, carry, move, package
from tests.authserver.world import Bank, LocalHost, Paired


def test_a_host_takes_nothing_from_one_it_does_not_trust(
    here: Place, there: Place, active: Paired
) -> None:
    with there.entered():
        TrustedHost.objects.all().delete()
    assert ask_offer(there, here.origin, active).code == "host_untrusted"
    there.trust(here)
    move(here, there, active)
    with there.entered():
        TrustedHost.objects.all().delete()
    assert bring(there, package(here, active)).code == "host_untrusted"
    there.trust(here)
    assert bring(there, package(here, active)).status == 200


def test_a_host_gives_nothing_to_one_it_does_not_trust(
    here: Place, there: Place, active: Paired
) -> None:
    TrustedHost.objects.all().delete()
    assert move(here, there, active).code == "host_untrusted"
    assert active.answer(active.statement()).body["accepted"] is True


def test_a_host_gives_nothing_to_one_that_only_has_the_name(
    here: Place, there: Place, active: Paired, tmp_path: Path, bank: Bank
) -> None:
    (tmp_path / "other").mkdir()
    other = Place.made("there", tmp_path / "other")
    other.admit(bank)
    other.trust(here)
    assert move(here, other, active).code == "offer_invalid"


@pytest.mark.parametrize("seconds", [600, 601])
def test_an_offer_ends_after_ten_minutes(
    here: Place, there: Place, active: Paired, clock: time_machine.Traveller, seconds: int
) -> None:
    offered = ask_offer(there, here.origin, active).body
    clock.shift(timedelta(seconds=seconds))
    answer = active.call("POST", "/move", offered)
    assert answer.code == ("offer_invalid" if seconds > 600 else "")


def test_an_offer_is_for_one_server(
    here: Place, there: Place, active: Paired, host: LocalHost, bank: Bank
) -> None:
    other = Paired.make(host, bank)
    other.activate()
    offered = ask_offer(there, here.origin, other).body
    assert active.call("POST", "/move", offered).code == "offer_invalid"


def spoiled(data: bytes, change: Callable[[list[Any]], None]) -> bytes:
    """Change the parts of a package."""
    parts = cbor.decode(data, max_bytes=MAX_PACKAGE_BYTES)
    change(parts)
    return cbor.encode(parts)


@pytest.mark.parametrize("place", range(4))
def test_a_package_that_was_changed_is_refused(
    here: Place, there: Place, active: Paired, place: int
) -> None:
    move(here, there, active)

    def change(parts: list[Any]) -> None:
        parts[place] = 2 if place == 0 else parts[place][:-1] + bytes([parts[place][-1] ^ 1])

    answer = bring(there, spoiled(package(here, active), change))
    assert answer.code == "package_invalid"


@pytest.mark.parametrize("data", [b"", b"\x80", b"{}", b"\xff" * 100, bytes(70_000)])
def test_what_is_no_package_is_refused(here: Place, there: Place, data: bytes) -> None:
    assert bring(there, data).code == "package_invalid"


def test_a_package_is_for_one_host(
    here: Place, there: Place, active: Paired, tmp_path: Path, bank: Bank
) -> None:
    third = Place.made("third", tmp_path)
    third.admit(bank)
    third.trust(here)
    move(here, there, active)
    assert bring(third, package(here, active)).code == "package_invalid"


def test_a_package_is_for_one_platform(here: Place, there: Place, active: Paired) -> None:
    shop = Bank.make("shop", datetime.now(UTC))
    move(here, there, active)
    stranger = replace(there)
    stranger.admit(shop)
    assert bring(stranger, package(here, active)).code == "package_invalid"
    assert at(stranger, active).call("GET", "/package").code == "server_unknown"


def test_a_stranger_gets_no_further_than_the_door(
    here: Place, there: Place, active: Paired
) -> None:
    move(here, there, active)
    stranger = replace(here, key="unknown")
    assert at(stranger, active).call("GET", "/package").code == "not_authenticated"
    assert bring(replace(there, key="unknown"), package(here, active)).code == "not_authenticated"
    assert (
        ask_offer(replace(there, key="unknown"), here.origin, active).code == "not_authenticated"
    )


def test_another_hosts_signature_on_a_package_opens_nothing(
    here: Place, there: Place, active: Paired, tmp_path: Path, bank: Bank
) -> None:
    third = Place.made("third", tmp_path)
    third.admit(bank)
    there.trust(third)
    move(here, there, active)
    sent = Package.decode(package(here, active))

    with third.entered():
        signer = current_host_key(datetime.now(UTC))
        forged = replace(sent.move, source=third.origin).pack(
            b"", host_key=seals.host_signing_key(signer), certificate=signer.certificate
        )
    _, message, certificate, _ = cbor.decode(forged)
    answer = bring(there, cbor.encode([1, message, certificate, sent.sealed]))
    assert answer.code == "package_invalid"


VERDICTS = 5
NONSENSE: tuple[Any, ...] = (
    None,
    -1,
    2**53 - 1,
    "",
    "x",
    b"x",
    [],
    [[]],
    [["id"]],
    [["seq"], [0]],
    [[["x"]]],
)


@pytest.mark.parametrize("place", range(11))
def test_a_trusted_host_that_packs_nonsense_is_refused_and_nothing_breaks(
    here: Place, there: Place, active: Paired, place: int
) -> None:
    active.answer(active.statement())
    server = Server.objects.get(vk=active.vk)
    content = cbor.decode(cargo.load(server, "active", datetime.now(UTC)))
    move(here, there, active)
    sent = Package.decode(package(here, active)).move
    signer = current_host_key(datetime.now(UTC))
    for value in NONSENSE:
        if value in (content[place], [[]] if place != VERDICTS else None):
            # No rows at all are nothing wrong, where none are linked.
            continue
        changed = cbor.encode([*content[:place], value, *content[place + 1 :]])
        forged = sent.pack(
            changed, host_key=seals.host_signing_key(signer), certificate=signer.certificate
        )
        answer = bring(there, forged)
        assert answer.code in ("package_invalid", "state_conflict"), (value, answer)
    with there.entered():
        assert not Server.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"seq": -1},
        {"seq": "1"},
        {"sight": 2**40},
        {"suite": "OCRA-9"},
        {"serial": "S" * 17},
        {"is_blocked": "no"},
        {"head": b"x" * 33},
        {"consecutive_failures": 5},
    ],
)
def test_a_field_that_breaks_its_rule_is_refused(
    here: Place, there: Place, active: Paired, change: dict[str, object]
) -> None:
    server = Server.objects.get(vk=active.vk)
    content = cbor.decode(cargo.load(server, "active", datetime.now(UTC)))
    names, values = content[1]
    for name, value in change.items():
        values[names.index(name)] = value
    move(here, there, active)
    signer = current_host_key(datetime.now(UTC))
    forged = Package.decode(package(here, active)).move.pack(
        cbor.encode(content),
        host_key=seals.host_signing_key(signer),
        certificate=signer.certificate,
    )
    assert bring(there, forged).code in ("package_invalid", "state_conflict")


def test_a_serial_that_is_taken_is_said_before_anything_moves(
    here: Place, there: Place, active: Paired, bank: Bank
) -> None:
    with there.entered():
        other = Paired.make(there, replace(bank, key=there.key))
        Server.objects.filter(vk=other.vk).update(serial=active.serial)
    assert ask_offer(there, here.origin, active).code == "state_conflict"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"suite": "OCRA-9"}, "suite_invalid"),
        ({"vk": "00"}, "input_invalid"),
        ({"vk": "Z" * 16}, "input_invalid"),
        ({"origin": "https://nobody.example"}, "host_untrusted"),
        ({"more": 1}, "input_invalid"),
    ],
)
def test_what_is_no_question_for_an_offer_is_refused(
    here: Place, there: Place, active: Paired, change: dict[str, object], code: str
) -> None:
    asked = {"origin": here.origin, **change}
    assert ask_offer(there, str(asked.pop("origin")), active, **asked).code == code


def test_a_server_that_never_left_is_not_overwritten(
    here: Place, there: Place, active: Paired
) -> None:
    moved = carry(here, there, active)
    with there.entered():
        Passage.objects.all().delete()
    assert bring(there, package(here, active)).code == "state_conflict"
    assert moved.answer(moved.statement()).body["accepted"] is True
