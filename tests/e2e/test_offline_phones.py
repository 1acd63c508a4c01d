"""Phones without a network: copied ones, what a device has seen of them, codes, the program."""

import json
import os
import subprocess
import sys
from itertools import chain, repeat
from pathlib import Path

import pytest

from countersign.local import ROOT
from countersign.stage import PAYMENT_PASSWORD
from protocol import cbor
from protocol.jwk import to_base64
from protocol.near_field import Kind
from protocol.offline import Level, Money, Serial
from terminal.errors import TerminalError
from terminal.home import Home
from terminal.links.qr import QrLink
from terminal.offline.client import OfflineClient
from terminal.offline.registering import Registrar
from terminal.offline.relay import Gate, Relay
from terminal.offline.store import MAX_ENTRIES, Entry, State
from terminal.offline.talking import Talk
from tests.e2e.live import LOOPBACK
from tests.e2e.offline import (
    PASSWORD,
    Air,
    Anybody,
    ByHand,
    Phone,
    Place,
    Tap,
    asking,
    call,
    code,
    honest,
    meet,
    offer_of,
    pay,
    put_up,
    refusal,
)

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@pytest.fixture(scope="module")
def phone(place: Place) -> Phone:
    phone = Phone.of(place.live, place.holder, "Phone")
    phone.set_password()
    return phone


def test_applications_that_are_brought_late_raise_no_alarm(place: Place, phone: Phone) -> None:
    hand = ByHand(phone, Tap(Air("loopback", Path()).pair()[0]))
    first, second = (to_base64(hand.application(offer_of(place))) for _ in range(2))
    assert call(place.till, "/offline/apply", {"application": second})["tbs"]
    assert refusal(place.till, "/offline/apply", {"application": first}) == "serial_stale"
    assert Registrar.of(phone.home).refresh().client == phone.store.registration().client
    assert standing(place, phone) == "active"


def standing(place: Place, phone: Phone) -> str:
    client = phone.store.registration().client.hex()
    (found,) = (each for each in place.holder.get("/offline/clients") if each["id"] == client)
    return str(found["state"])


def test_a_copied_phone_is_found_and_stopped(place: Place, air: Air, tmp_path: Path) -> None:
    phone = Phone.of(place.live, place.holder, "Copied phone")
    copied = Home(tmp_path / "copy")
    copied.make()
    for path in phone.home.folder.iterdir():
        (copied.folder / path.name).write_bytes(path.read_bytes())
    thief = Phone(copied)
    honest(place, air, thief)
    # The true one comes with the counter that the copy has used.
    met = meet(air, asking(phone), pay(place))
    assert code(met.client) == "serial_stale"
    assert standing(place, phone) == "suspended"
    for each in (phone, thief):
        assert code(meet(air, asking(each), pay(place)).client) == "unknown_client"


def test_a_copied_phone_is_found_when_the_true_one_is_on_line_again(
    place: Place, air: Air, tmp_path: Path
) -> None:
    phone = Phone.of(place.live, place.holder, "Quiet phone")
    honest(place, air, phone)
    registrar = Registrar.of(phone.home)
    ((_, outcome),) = registrar.reconcile(phone.client(air.pair()[0]).clock())
    assert (outcome, standing(place, phone)) == ("approved", "active")
    assert phone.store.entries() == []
    copied = Home(tmp_path / "copy")
    copied.make()
    for path in phone.home.folder.iterdir():
        (copied.folder / path.name).write_bytes(path.read_bytes())
    honest(place, air, Phone(copied))
    assert registrar.reconcile(phone.client(air.pair()[0]).clock()) == []
    assert standing(place, phone) == "suspended"


def test_a_copied_phone_is_found_also_when_the_copy_was_compared_first(
    place: Place, air: Air, tmp_path: Path
) -> None:
    phone = Phone.of(place.live, place.holder, "Robbed phone")
    now = phone.client(air.pair()[0]).clock
    honest(place, air, phone)
    Registrar.of(phone.home).reconcile(now())
    copied = Home(tmp_path / "copy")
    copied.make()
    for path in phone.home.folder.iterdir():
        (copied.folder / path.name).write_bytes(path.read_bytes())
    thief = Phone(copied)
    for _ in range(3):
        thief.store.draw_serial()
    honest(place, air, thief)
    ((_, outcome),) = Registrar.of(copied).reconcile(now())
    assert (outcome, standing(place, phone)) == ("approved", "active")
    # The true one is behind, as if it had been brought late; then it is on-line again.
    assert code(meet(air, asking(phone), pay(place)).client) == "serial_stale"
    registrar = Registrar.of(phone.home)
    registrar.register(PAYMENT_PASSWORD)
    registrar.reconcile(now())
    assert standing(place, phone) == "suspended"


def test_a_phone_that_used_a_thousand_serials_is_on_line_again(place: Place, air: Air) -> None:
    phone = Phone.of(place.live, place.holder, "Busy phone")
    client, now = phone.store.registration().client, phone.client(air.pair()[0]).clock()
    serials = [Serial.draw(client, counter + 1) for counter in range(MAX_ENTRIES)]
    phone.store.adopt(MAX_ENTRIES)
    entries = [
        Entry(bytes(serial), State.COUNTERSIGNED, 0, bytes(32)).to_json() for serial in serials
    ]
    (phone.home.folder / "offline-journal.json").write_text(json.dumps(entries))
    assert code(meet(air, asking(phone), pay(place)).client) == "journal_full"
    found = Registrar.of(phone.home).reconcile(now)
    assert [outcome for _, outcome in found] == ["unknown"] * MAX_ENTRIES
    assert honest(place, air, phone).client.serial.counter == MAX_ENTRIES + 1


def test_the_capture_of_a_high_level_run_has_nothing_to_guess_the_password_from(
    place: Place, air: Air, phone: Phone
) -> None:
    # What the phone itself said on-line, under TLS, the device never had.
    passed = [len(part) for part in place.live.front.seen]
    right = meet(air, asking(phone, level=Level.HIGH), pay(place))
    wrong = meet(
        air,
        lambda link: phone.client(link).authorize(Anybody("seven tall pine"), level=Level.HIGH),
        pay(place),
    )
    assert meet(air, asking(phone, level=Level.HIGH), pay(place)).client.is_approved
    starts = chain(passed, repeat(0))
    seen = zip(place.live.front.seen, starts, strict=False)
    on_the_wire = b"".join(bytes(part[start:]) for part, start in seen)
    for met, password in ((right, PASSWORD), (wrong, "seven tall pine")):
        (tbs, _), (sealed,) = met.tap.of(Kind.TO_BE_SIGNED), met.tap.of(Kind.SEALED)
        proof = phone.proof(tbs, password)
        signed = ByHand(phone, air.pair()[0]).countersign(tbs)
        captured = [*met.tap.capture, on_the_wire]
        # Whoever guesses the password computes its proof: there is nothing to compare it with,
        # nor the signature, over which one might be made.
        for secret in (proof, signed[-64:], password.encode()):
            for form in (secret, secret.hex().encode(), to_base64(secret).encode()):
                assert all(form not in content for content in captured)
        # A control: the search sees what is there.
        assert to_base64(sealed).encode() in on_the_wire
    # Right and wrong look alike but for the answer, and no two are equal.
    (one,), (other,) = right.tap.of(Kind.SEALED), wrong.tap.of(Kind.SEALED)
    assert len(one) == len(other)
    assert one != other


def test_the_program_of_the_phone_makes_no_network_call(
    place: Place, phone: Phone, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import socket\n\n\ndef refused(*_, **__):\n    raise OSError('no network')\n\n\n"
        "socket.socket.__init__ = socket.create_connection = socket.getaddrinfo = refused\n"
    )
    near, far = tmp_path / "near", tmp_path / "far"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "terminal.offline", "authorize", "--yes", "--high"),
            *("--outgoing", near, "--incoming", far),
        ],
        cwd=ROOT,
        env={
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
            "COUNTERSIGN_TERMINAL_FOLDER": str(phone.home.folder),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    relay, serve = pay(place)(Tap(QrLink(far, near)))
    assert process.stdin is not None
    process.stdin.write(f"{PASSWORD}\n")
    process.stdin.flush()
    result = serve()
    printed, told = process.communicate(timeout=600)
    assert printed.startswith(f"approved {bytes(result.serial).hex()} 4.50 EUR receipt "), told
    assert "Dana's corner shop, of Dana Shops" in told
    assert relay.is_open


def test_the_program_of_the_phone_refuses_every_socket_to_itself() -> None:
    script = (
        "import sys\n"
        "from terminal.offline.__main__ import refuse_network\n"
        "sys.addaudithook(refuse_network)\n"
        "import socket\n"
        "for make in (socket.socket, lambda: socket.getaddrinfo('localhost', 80)):\n"
        "    try:\n"
        "        make()\n"
        "    except Exception as error:\n"
        "        print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert done.stdout.split() == ["network_refused", "network_refused"]


def test_one_device_at_a_gate_is_no_device_at_a_till(place: Place, air: Air, phone: Phone) -> None:
    gate = meet(
        air,
        asking(phone),
        lambda tap: ((door := place.door(tap)), door.admit),
    )
    assert gate.client.is_approved
    assert gate.client.money is None
    assert gate.relay.is_open
    other = put_up(place.live, place.owner, "Other gate", "gate", "")
    (signed,) = gate.tap.of(Kind.RESULT)
    elsewhere = Gate.of(other, air.pair()[1])
    with pytest.raises(TerminalError, match="something else"):
        elsewhere.open(signed, gate.client.serial)
    assert not elsewhere.is_open


def test_a_one_way_code_works_once_and_where_both_sides_want_it(
    place: Place, air: Air, phone: Phone
) -> None:
    most, before = Money(300, "EUR"), place.spent
    near, far = air.pair()
    with pytest.raises(TerminalError) as refused:
        phone.client(near).show_code(most)
    assert refused.value.code == "codes_off"
    wanted = {"payment_password": PAYMENT_PASSWORD, "amount": 300, "currency": "EUR"}
    client = phone.store.registration().client.hex()
    assert place.holder.call("PUT", f"/offline/clients/{client}/codes", wanted).status == 200
    Registrar.of(phone.home).refresh()
    till, tap = place.checkout(far), Tap(far)
    till.talk = Talk(tap)
    phone.client(near).show_code(most)
    with pytest.raises(TerminalError) as refused:
        till.take_code(Money(250, "EUR"))
    assert refused.value.code == "service_denied"
    rules = {"is_open": True, "is_high": False, "high_from": None, "takes_codes": True}
    path = f"/offline/services/{till.post.service.hex()}"
    changed = {"title": till.post.title, **rules}
    assert place.owner.call("PUT", path, changed).status == 200
    (code_shown,) = tap.of(Kind.CODE)
    answers = []
    for amount in (301, 250, 250):
        near.send(cbor.encode([int(Kind.CODE), code_shown]))
        try:
            answers.append(till.take_code(Money(amount, "EUR")).code)
        except TerminalError as error:
            answers.append(error.code)
    assert answers == ["limit_exceeded", "approved", "serial_reused"]
    assert not till.is_open
    assert place.spent == before + 250


def test_an_unregistered_phone_and_a_device_at_no_service_are_refused(
    place: Place, phone: Phone, air: Air
) -> None:
    with pytest.raises(TerminalError) as refused:
        OfflineClient.of(place.till, air.pair()[0])
    assert refused.value.code == "client_not_registered"
    with pytest.raises(TerminalError) as refused:
        Relay.of(phone.home, air.pair()[1])
    assert refused.value.code == "device_not_trusted"
