"""Flow C over the live site: each test is the row of its table that it is named after."""

import re
import sqlite3
from collections.abc import Callable
from functools import partial
from itertools import chain, product
from typing import Any

import psycopg
import pytest

from protocol.jwk import from_base64, to_base64
from terminal.binding.phone import hardware_of
from terminal.chip import Chip
from terminal.errors import TerminalError
from tests.e2e.leaks import columns, urls
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Party
from tests.e2e.phones import Handset, new_number

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

IDENTIFIERS = ("chip_serial", "sim_code", "comm_number")


# New ones for each test: nobody may register more than ten phones an hour.
@pytest.fixture
def anna(on_sqlite: Live) -> Party:
    return Party.sign_up(on_sqlite.origin, on_sqlite.folder / "mail", "Anna")


@pytest.fixture
def ben(on_sqlite: Live) -> Party:
    return Party.sign_up(on_sqlite.origin, on_sqlite.folder / "mail", "Ben")


@pytest.fixture
def mallory(on_sqlite: Live) -> Party:
    return Party.sign_up(on_sqlite.origin, on_sqlite.folder / "mail", "Mallory")


def refused(ask: Callable[[], Any]) -> tuple[int, str]:
    """Return status and code of a refusal."""
    with pytest.raises(TerminalError) as error:
        ask()
    return int(error.value.members.get("status", 0)), error.value.code


def registration(handset: Handset, **changes: Any) -> dict[str, Any]:
    body = {
        "registration_number": handset.number,
        **handset.phone.acquisition.read_identifiers().to_json(),
        "proof": "from_phone",
        "chip_proof": handset.chip_proof,
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


def register(handset: Handset, **changes: Any) -> tuple[int, str]:
    body = registration(handset, **changes)
    return refused(lambda: handset.phone.platform.ask("/binding/register", body))


def test_registration_request_holds_the_registration_number(on_sqlite: Live, anna: Party) -> None:
    handset = Handset.of(on_sqlite, anna)
    assert register(handset, registration_number=None) == (422, "input_invalid")
    assert register(handset, registration_number="") == (422, "number_invalid")
    assert register(handset, registration_number=new_number()) == (422, "reg_number_mismatch")
    assert handset.phone.requests.standing() == []


def test_registration_info_is_chip_serial_and_sim_code_and_number(
    on_sqlite: Live, anna: Party
) -> None:
    handset = Handset.of(on_sqlite, anna)
    for name in IDENTIFIERS:
        assert register(handset, **{name: None})[0] == 422
    assert register(handset, sim_code="") == (422, "no_sim")
    assert handset.phone.requests.standing() == []
    handset.bind()
    # Stored as keyed hashes: nothing of them can be read.
    (row,) = on_sqlite.rows(
        "platform",
        "SELECT c.serial_hash, b.sim_hash, b.number_hash FROM binding_binding b "
        "JOIN binding_chip c ON c.id = b.chip_id WHERE b.uid = ?",
        bytes.fromhex(handset.phone.requests.standing()[0]["binding"]),
    )
    assert [len(value) for value in row] == [32, 32, 32]


def test_bind_sim_of_that_number_to_the_client(
    on_sqlite: Live, anna: Party, mallory: Party
) -> None:
    handset = Handset.bound(on_sqlite, anna)
    thief = Handset.of(on_sqlite, mallory)
    handset.put_sim_into(thief)
    assert refused(lambda: thief.phone.register(handset.number)) == (409, "already_bound")


def test_real_time_acquisition_when_use_is_triggered(on_sqlite: Live, anna: Party) -> None:
    handset = Handset.bound(on_sqlite, anna)
    assert handset.phone.permit("message")
    card = hardware_of(handset.home).sim.read()
    hardware_of(handset.home).sim.insert(card.number)
    assert refused(lambda: handset.phone.permit("message")) == (403, "binding_refused")
    hardware_of(handset.home).sim.insert(card.number, code=card.code)
    assert handset.phone.permit("message")


def test_server_verifies_legal_binding_and_allows(
    on_sqlite: Live, anna: Party, ben: Party
) -> None:
    sender, receiver = Handset.bound(on_sqlite, anna), Handset.bound(on_sqlite, ben)
    peer = sender.phone.platform.ask("/binding/peers", {"number": receiver.number})
    assert peer["number"] == receiver.number
    sender.phone.messages.send(receiver.number, "Only for Ben 🌹")
    assert [each.text for each in receiver.phone.messages.inbox()] == ["Only for Ben 🌹"]
    # The same without a permit, and with one that served.
    spent = sender.phone.permit("message")
    assert send(sender, receiver, spent)["id"]
    for permit in ("", spent, sender.phone.permit("step")):
        answer = refused(partial(send, sender, receiver, permit))
        assert answer == (403, "permit_required")
    assert len(receiver.phone.messages.inbox()) == 2


def send(sender: Handset, receiver: Handset, permit: str) -> dict[str, Any]:
    """Send a message with this permit, or with none."""
    phone = sender.phone
    peer = phone.platform.ask("/binding/peers", {"number": receiver.number})
    message = phone.acquisition.chip.write(
        "Hello",
        sender=sender.number,
        recipient=receiver.number,
        box_key=from_base64(peer["box_key"]),
    )
    body = {"to": receiver.number, "message": to_base64(message)}
    headers = {"Permit": permit} if permit else {}
    return phone.platform.ask("/binding/messages", body, **headers)


def test_stolen_sim_in_another_phone(on_sqlite: Live, anna: Party, mallory: Party) -> None:
    handset = Handset.bound(on_sqlite, anna)
    thief = Handset.bound(on_sqlite, mallory)
    handset.put_sim_into(thief)
    # The thief's own phone is bound, and has a chip of the list: only it is not Anna's.
    assert refused(lambda: thief.phone.permit("message")) == (403, "binding_refused")
    assert handset.state == "suspended"
    assert refused(lambda: handset.phone.permit("message")) == (423, "binding_suspended")
    # Told by e-mail: whoever has the SIM reads her SMS.
    assert "phone_stopped" in {notice["kind"] for notice in anna.get("/notices")}
    place = f"/phones/{handset.phone.requests.standing()[0]['binding']}"
    assert any(anna.person.email in letter for letter in letters(on_sqlite) if place in letter)


def letters(live: Live) -> list[str]:
    """Have all e-mail sent, whoever else of these tests wrote some; return it."""
    sent = -1
    folder = live.folder / "mail"
    while sent != (sent := len(list(folder.iterdir())) if folder.exists() else 0):
        live.manage("worker", "--once")
    return [path.read_text("utf-8") for path in folder.iterdir()]


def test_unique_correspondence_of_terminal_and_sim(services: Live) -> None:
    party = services.party("Carl of the phones")
    first, second = Handset.bound(services, party), Handset.bound(services, party)
    ids = [bytes.fromhex(each.phone.requests.standing()[0]["binding"]) for each in (first, second)]
    for column in ("device_id", "chip_id", "sim_hash", "number_hash"):
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.UniqueViolation)):
            copy(services, column, *ids)
    assert [first.state, second.state] == ["bound", "bound"]


def copy(live: Live, column: str, one: bytes, other: bytes) -> None:
    """Give one binding another one's identifier, behind the site's back."""
    # Names come from the test alone; the ids are hexadecimal.
    literal = r"'\x{}'" if live.is_postgres else "X'{}'"
    mine, theirs = (literal.format(uid.hex()) for uid in (one, other))
    live.change(
        "platform",
        f"UPDATE binding_binding SET {column} = (SELECT {column} FROM binding_binding "  # noqa: S608
        f"WHERE uid = {theirs}) WHERE uid = {mine}",
    )


def test_first_use_registration_of_apps_on_the_terminal(on_sqlite: Live, anna: Party) -> None:
    handset = Handset.of(on_sqlite, anna)
    assert refused(lambda: handset.phone.permit("message")) == (403, "not_bound")
    requested = handset.phone.register(handset.number)
    assert refused(lambda: handset.phone.permit("message")) == (403, "not_bound")
    (code,) = re.findall(r"\b[0-9]{6}\b", handset.read_sms())
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert refused(lambda: handset.phone.requests.prove(requested.binding, wrong)) == (
        403,
        "sms_code_wrong",
    )
    assert handset.phone.requests.prove(requested.binding, code) == "bound"
    assert handset.phone.permit("message")


def test_truth_table_only_chip_and_sim_and_number_together_pass(
    on_sqlite: Live, anna: Party
) -> None:
    handset = Handset.bound(on_sqlite, anna)
    other = Handset.of(on_sqlite, anna)
    card, stranger = (hardware_of(each.home).sim.read() for each in (handset, other))
    chips = [hardware_of(each.home).chip.path.read_bytes() for each in (handset, other)]
    # The stolen SIM comes last: it stops the phone at once.
    rows = sorted(product((True, False), repeat=3), key=lambda row: row == (False, True, True))
    for is_chip, is_sim, is_number in rows:
        keep(handset, chips, is_own=is_chip)
        hardware_of(handset.home).sim.insert(
            card.number if is_number else stranger.number,
            code=card.code if is_sim else stranger.code,
        )
        if is_chip and is_sim and is_number:
            assert handset.phone.permit("message")
            continue
        assert refused(lambda: handset.phone.permit("message")) == (403, "binding_refused")
        if (is_sim, is_number) != (True, True):
            restore(handset, chips, card)
    assert handset.state == "suspended"


def keep(handset: Handset, chips: list[bytes], *, is_own: bool) -> None:
    """Put its own chip into the phone, or the other one; what was there keeps its counter."""
    path = hardware_of(handset.home).chip.path
    now = path.read_bytes()
    here = 0 if Chip(path).serial.encode() in chips[0] else 1
    chips[here] = now
    path.write_bytes(chips[0 if is_own else 1])


def restore(handset: Handset, chips: list[bytes], card: Any) -> None:
    """Put everything back: a use that passes ends the row of mismatches."""
    keep(handset, chips, is_own=True)
    hardware_of(handset.home).sim.insert(card.number, code=card.code)
    assert handset.phone.permit("message")


def test_three_mismatches_in_a_row_stop_the_phone(on_sqlite: Live, anna: Party) -> None:
    handset = Handset.bound(on_sqlite, anna)
    hardware_of(handset.home).sim.insert(handset.number)
    answers = [refused(lambda: handset.phone.permit("message")) for _ in range(4)]
    assert answers == [(403, "binding_refused")] * 3 + [(423, "binding_suspended")]


def test_the_program_registers_proves_and_sends(on_sqlite: Live, anna: Party, ben: Party) -> None:
    sender, receiver = Handset.of(on_sqlite, anna), Handset.bound(on_sqlite, ben)
    assert sender.run("register", sender.number).endswith("pending_proof")
    (code,) = re.findall(r"\b[0-9]{6}\b", sender.read_sms())
    assert sender.run("prove", code).endswith("bound")
    assert sender.run("send", receiver.number, "From the program").startswith("message ")
    assert receiver.run("inbox").endswith(f"{sender.number}  From the program")


def test_a_chip_of_no_list_is_refused(on_sqlite: Live, anna: Party) -> None:
    handset = Handset.of(on_sqlite, anna, listed=False)
    assert refused(lambda: handset.phone.register(handset.number)) == (403, "chip_proof_invalid")


def test_a_copied_chip_is_noticed_by_its_counter(on_sqlite: Live, anna: Party) -> None:
    handset = Handset.bound(on_sqlite, anna)
    path = hardware_of(handset.home).chip.path
    copy = path.read_bytes()
    assert handset.phone.permit("message")
    path.write_bytes(copy)
    assert refused(lambda: handset.phone.permit("message")) == (409, "chip_counter_replay")


def test_a_new_phone_takes_the_place_of_the_old_one_once_that_agrees(
    on_sqlite: Live, anna: Party
) -> None:
    old, new = Handset.bound(on_sqlite, anna), Handset.of(on_sqlite, anna)
    # The SIM moves to the new phone; the old one is still bound, and may agree without it.
    old.put_sim_into(new)
    requested = new.phone.register(new.number, from_phone=True)
    assert new.send_sms(requested.text) == 204
    assert new.state == "pending_proof"
    assert refused(lambda: new.phone.requests.approve(requested.binding)) == (404, "not_found")
    assert old.phone.requests.approve(requested.binding) == "bound"
    assert (old.state, new.state) == ("revoked", "bound")
    assert new.phone.permit("message")


def test_an_sms_from_another_number_proves_nothing(
    on_sqlite: Live, anna: Party, mallory: Party
) -> None:
    handset, thief = Handset.of(on_sqlite, anna), Handset.of(on_sqlite, mallory)
    requested = handset.phone.register(handset.number, from_phone=True)
    assert thief.send_sms(requested.text) == 204
    assert handset.state == "pending_proof"
    assert handset.send_sms(requested.text) == 204
    assert handset.state == "bound"


def test_neither_number_nor_sim_nor_serial_nor_words_can_be_read_on_the_platform(
    on_sqlite: Live, anna: Party, ben: Party
) -> None:
    sender, receiver = Handset.bound(on_sqlite, anna), Handset.bound(on_sqlite, ben)
    sender.phone.messages.send(receiver.number, "The password is swordfish")
    hardware_of(sender.home).sim.insert(sender.number)
    assert refused(lambda: sender.phone.permit("message")) == (403, "binding_refused")
    own = receiver.phone.acquisition.read_identifiers()
    secrets = [own.chip_serial, own.sim_code, own.comm_number[1:], "swordfish"]
    logs = [("platform.log", on_sqlite.log("platform").read_bytes())]
    for name, content in chain(columns(on_sqlite, "platform"), logs, urls(on_sqlite)):
        found = [secret for secret in secrets if secret.encode() in content]
        assert (name, found) == (name, [])
