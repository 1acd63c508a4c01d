"""The four units of a bound phone, and the messages that they guard."""

import json
from pathlib import Path

import pytest

from protocol.binding import Purpose
from protocol.ed25519 import SigningKey
from terminal.binding.phone import BoundPhone
from terminal.errors import TerminalError
from tests.terminal.telecom import ANNA, BEN, Telecom, changed


@pytest.fixture
def telecom() -> Telecom:
    return Telecom()


@pytest.fixture
def anna(telecom: Telecom, tmp_path: Path) -> BoundPhone:
    return telecom.phone(tmp_path / "anna", ANNA)


@pytest.fixture
def ben(telecom: Telecom, tmp_path: Path) -> BoundPhone:
    return telecom.phone(tmp_path / "ben", BEN)


def refusal(phone: BoundPhone, purpose: Purpose = Purpose.STEP) -> str:
    with pytest.raises(TerminalError) as refused:
        phone.verification.permit(purpose)
    return refused.value.code


def test_a_typed_number_goes_along_with_what_the_hardware_says(
    telecom: Telecom, anna: BoundPhone
) -> None:
    requested = anna.register(" +46 70 174 06 05 ")
    path, body = telecom.asked[-1]
    own = anna.acquisition.read_identifiers()
    assert path == "/binding/register"
    assert body["registration_number"] == "+46 70 174 06 05"
    assert {name: body[name] for name in own.to_json()} == own.to_json()
    assert (requested.state, requested.text, body["proof"]) == ("pending_proof", "", "to_phone")


def test_the_chip_signs_the_challenge_for_this_device_and_to_register(
    telecom: Telecom, anna: BoundPhone
) -> None:
    anna.register(ANNA)
    (proof,) = telecom.proofs
    assert (proof.purpose, proof.device) == (Purpose.REGISTER, anna.platform.keys.thumbprint)


def test_a_phone_that_sends_the_sms_is_told_what_and_where_to(anna: BoundPhone) -> None:
    requested = anna.register(ANNA, from_phone=True)
    assert (requested.send_to, requested.text) == ("+12025550100", "CS ABC")


def test_the_code_that_came_and_consent_go_to_their_binding(
    telecom: Telecom, anna: BoundPhone
) -> None:
    assert anna.requests.prove("0011223344556677", "123456") == "bound"
    assert anna.requests.approve("0011223344556678") == "bound"
    assert telecom.asked == [
        ("/binding/0011223344556677/proof", {"code": "123456"}),
        ("/binding/0011223344556678/approve", {}),
    ]


def test_every_use_reads_the_hardware_and_asks_anew(telecom: Telecom, anna: BoundPhone) -> None:
    anna.permit("step")
    anna.acquisition.sim.insert(BEN)
    anna.permit("step")
    asked = [body for path, body in telecom.asked if path == "/binding/permits"]
    assert [body["comm_number"] for body in asked] == [ANNA, BEN]
    assert asked[0]["sim_code"] != asked[1]["sim_code"]
    assert len({proof.nonce for proof in telecom.proofs}) == 2
    assert [proof.counter for proof in telecom.proofs] == [1, 2]


def test_a_use_without_a_sim_asks_nobody(telecom: Telecom, anna: BoundPhone) -> None:
    anna.acquisition.sim.remove()
    assert refusal(anna) == "no_sim"
    assert telecom.asked == []
    assert anna.identity() == {}


def test_a_billing_manager_is_told_number_and_sim_as_they_are_now(anna: BoundPhone) -> None:
    card = anna.acquisition.sim.read()
    assert anna.identity() == {"msisdn": ANNA, "sim": card.code}


def test_what_the_platform_refuses_is_refused_with_its_code(
    telecom: Telecom, anna: BoundPhone
) -> None:
    telecom.refusal = "binding_refused"
    assert refusal(anna) == "binding_refused"


def test_a_permit_of_a_stranger_is_none(telecom: Telecom, anna: BoundPhone) -> None:
    telecom.signer = SigningKey.generate()
    assert refusal(anna) == "signer_unknown"


@pytest.mark.parametrize(
    "fields",
    [
        {"device": bytes(32)},
        {"purpose": Purpose.BILLING},
        {"permit": bytes(16)},
        {"issued": 1_000_000, "expires": 1_000_060},
        {"issued": 4_000_000_000, "expires": 4_000_000_060},
    ],
)
def test_a_permit_for_anything_else_is_none(
    telecom: Telecom, anna: BoundPhone, fields: dict[str, object]
) -> None:
    telecom.spoil = changed(**fields)
    assert refusal(anna) == "permit_invalid"


def test_a_permit_that_is_not_the_signed_one_is_none(telecom: Telecom, anna: BoundPhone) -> None:
    telecom.shown = bytes(16)
    assert refusal(anna) == "permit_invalid"


@pytest.mark.parametrize("answer", [{}, {"nonce": 1}, {"nonce": "!"}])
def test_an_answer_that_makes_no_sense_is_refused(
    telecom: Telecom, anna: BoundPhone, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]
) -> None:
    monkeypatch.setattr(telecom, "_challenges", lambda body: answer)
    assert refusal(anna) == "answer_invalid"


@pytest.mark.parametrize("standing", [{}, ["x"], None, [{"a": "x" * 1_000_001}]])
def test_a_list_that_makes_no_sense_is_refused(
    telecom: Telecom, anna: BoundPhone, standing: object
) -> None:
    telecom.standing = standing  # type: ignore[assignment]  # that is the test
    with pytest.raises(TerminalError) as refused:
        anna.requests.standing()
    assert refused.value.code == "answer_invalid"


def test_a_message_goes_with_a_permit_and_only_its_recipient_reads_it(
    telecom: Telecom, anna: BoundPhone, ben: BoundPhone
) -> None:
    anna.messages.send(BEN, "Meet me at noon 🌹")
    (kept,) = telecom.mail[BEN]
    assert "Permit" in telecom.headers[-1]
    assert "noon" not in json.dumps(kept)
    (received,) = ben.messages.inbox()
    assert (received.sender, received.text, received.problem) == (ANNA, "Meet me at noon 🌹", "")
    telecom.mail[ANNA] = telecom.mail[BEN]
    (received,) = anna.messages.inbox()
    assert (received.text, received.problem) == ("", "message_invalid")


def test_all_messages_are_fetched_page_by_page(
    telecom: Telecom, anna: BoundPhone, ben: BoundPhone
) -> None:
    anna.messages.send(BEN, "Hello")
    telecom.mail[BEN] *= 101
    assert len(ben.messages.inbox()) == 101


def test_without_a_permit_nothing_is_sent(
    telecom: Telecom, anna: BoundPhone, ben: BoundPhone
) -> None:
    telecom.refusal = "binding_suspended"
    with pytest.raises(TerminalError):
        anna.messages.send(BEN, "Hello")
    assert telecom.mail == {}


def test_another_chip_behind_a_known_number_is_told_and_not_read(
    telecom: Telecom, anna: BoundPhone, ben: BoundPhone, tmp_path: Path
) -> None:
    anna.messages.send(BEN, "Hello")
    ben.messages.inbox()
    telecom.phone(tmp_path / "mallory", ANNA).messages.send(BEN, "I am Anna")
    assert [each.problem for each in ben.messages.inbox()] == ["message_invalid", "peer_changed"]
    ben.messages.peers.forget(ANNA)
    assert ben.messages.inbox()[1].text == "I am Anna"


def test_nothing_is_sealed_to_another_chip_than_before(
    telecom: Telecom, anna: BoundPhone, ben: BoundPhone, tmp_path: Path
) -> None:
    anna.messages.send(BEN, "Hello")
    telecom.phone(tmp_path / "mallory", BEN)
    with pytest.raises(TerminalError) as refused:
        anna.messages.send(BEN, "A secret")
    assert refused.value.code == "peer_changed"
    assert len(telecom.mail[BEN]) == 1


@pytest.mark.parametrize("content", ["[]", "{"])
def test_a_damaged_list_of_peers_trusts_nobody_anew(
    telecom: Telecom, anna: BoundPhone, ben: BoundPhone, content: str
) -> None:
    anna.messages.peers.path.write_text(content)
    with pytest.raises(TerminalError) as refused:
        anna.messages.send(BEN, "Hello")
    assert refused.value.code == "folder_unusable"
