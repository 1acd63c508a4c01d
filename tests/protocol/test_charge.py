"""The receipt of a charge: read strictly, checked line by line, and never green as a whole."""

from dataclasses import replace
from typing import Any

import pytest

from protocol import cbor, cose, qrtext
from protocol.charge import MAX_TEXT, MAX_WAY, WAYS, Charge, Side
from protocol.cose import Typ
from protocol.errors import ProtocolError
from protocol.fitting import MAX_VERSION, version_of
from protocol.outcome import Outcome, Report
from protocol.qrtext import Link
from protocol.statement import Platform
from protocol.verification import verify_receipt
from tests.protocol import world
from tests.protocol.test_tampering import each_byte_changed

CHARGE = world.CHARGE
SIGNED = CHARGE.sign(world.RECEIPT_KEY)
DAY = 86400


def verify(charge: Charge) -> Report:
    return verify_receipt(charge.sign(world.RECEIPT_KEY), world.DIRECTORY)


def failure(report: Report) -> tuple[int, str]:
    (check,) = report.failures
    return check.number, check.code


def test_a_charge_is_read_as_it_was_signed() -> None:
    assert Charge.from_signed(cose.parse(SIGNED)) == CHARGE
    nameless = replace(CHARGE, payer=Side("1"))
    assert Charge.from_signed(cose.parse(nameless.sign(world.RECEIPT_KEY))) == nameless


def test_its_report_says_what_the_platform_vouches_for_and_is_never_green_as_a_whole() -> None:
    report = verify(CHARGE)
    assert [(check.number, check.outcome) for check in report.checks] == [
        (1, Outcome.PASSED),
        (2, Outcome.PASSED),
        (3, Outcome.PASSED),
        (9, Outcome.UNCHECKED),
    ]
    assert report.is_valid
    assert not report.is_complete
    assert not report.is_refusal
    assert (report.receipt, report.steps, report.charge) == (None, (), CHARGE)
    assert report.checks[-1].text == (
        "The platform says that the payer confirmed it at 2026-01-01 12:00:00 UTC by the payment "
        "password; nobody else signed it."
    )
    assert "It may have been paid back since." in report.always


def test_the_report_of_a_right_says_that_nothing_was_paid() -> None:
    report = verify(world.RIGHT)
    assert report.is_valid
    assert not report.is_complete
    assert report.charge == world.RIGHT
    assert world.RIGHT.paid is None
    assert report.checks[-1].text == (
        "The platform says that it was confirmed at 2026-01-01 12:00:00 UTC by a phone without a "
        "network; nobody else signed it."
    )
    assert report.always[:2] == (
        "This proves what the platform authorized, not who held the terminal.",
        "Nothing was paid.",
    )


@pytest.mark.parametrize("way", [*WAYS, "a way to come"])
def test_every_way_to_confirm_has_its_words(way: str) -> None:
    assert f"by {WAYS.get(way, way)}; " in verify(replace(CHARGE, way=way)).checks[-1].text


def test_one_flipped_bit_anywhere_fails() -> None:
    for changed in each_byte_changed(SIGNED):
        assert not verify_receipt(changed, world.DIRECTORY).is_valid


def test_a_charge_that_another_key_signed_is_refused() -> None:
    for key in (world.STATEMENT_KEY, world.HOST_KEY, world.ROOT):
        report = verify_receipt(CHARGE.sign(key), world.DIRECTORY)
        assert failure(report) == (3, "receipt_signature_invalid")


def test_a_charge_of_another_platform_is_not_ours() -> None:
    other = replace(CHARGE, platform=replace(CHARGE.platform, id="other"))
    assert failure(verify(other)) == (2, "receipt_not_ours")


@pytest.mark.parametrize("days", [-11, 391])
def test_the_key_must_have_been_valid_on_the_day_of_the_charge(days: int) -> None:
    report = verify(replace(CHARGE, captured=CHARGE.captured + days * DAY))
    assert failure(report) == (3, "receipt_signature_invalid")


@pytest.mark.parametrize("typ", [Typ.RECEIPT, Typ.REFUSAL, Typ.VERDICT, Typ.PERMIT])
def test_a_charge_never_passes_for_another_message(typ: Typ) -> None:
    report = verify_receipt(cose.sign(world.RECEIPT_KEY, typ, CHARGE.payload()), world.DIRECTORY)
    assert report.failures[0].number == 1
    assert report.charge is None


def test_a_receipt_of_a_chain_never_passes_for_a_charge() -> None:
    receipt = cose.parse(world.receipt_of(world.chain(1)))
    with pytest.raises(ProtocolError, match="cs-charge is due"):
        Charge.from_signed(receipt)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"uid": bytes(7)}, "value_out_of_range"),
        ({"way": "x" * (MAX_WAY + 1)}, "text_too_long"),
        ({"way": "über"}, "text_refused"),
        ({"way": ""}, "text_empty"),
        ({"text": "a\u202eb"}, "text_refused"),
        ({"text": "x" * (MAX_TEXT + 1)}, "text_too_long"),
        ({"amount": 0}, "value_out_of_range"),
        ({"amount": -1}, "value_out_of_range"),
        ({"amount": True}, "type_wrong"),
        ({"amount": 1.5}, "type_wrong"),
        ({"currency": "XXY"}, "currency_unknown"),
        ({"currency": None}, "currency_unknown"),
        ({"amount": None}, "type_wrong"),
        ({"digest": bytes(31)}, "value_out_of_range"),
        ({"captured": 2**50}, "value_out_of_range"),
    ],
)
def test_a_field_that_breaks_its_rule_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        replace(CHARGE, **change)
    assert caught.value.code == code


@pytest.mark.parametrize(("account", "name"), [("", None), ("é", None), ("1", ""), ("1", "a\n")])
def test_a_side_has_an_account_and_a_name_that_can_be_read(account: str, name: str | None) -> None:
    with pytest.raises(ProtocolError):
        Side(account, name)


def test_what_has_more_parts_or_another_version_is_refused() -> None:
    parts = cbor.decode(CHARGE.payload())
    for wrong, code in ([*parts, 0], "type_wrong"), ([2, *parts[1:]], "version_unknown"):
        message = cose.sign(world.RECEIPT_KEY, Typ.CHARGE, cbor.encode(wrong))
        report = verify_receipt(message, world.DIRECTORY)
        assert failure(report) == (1, code)


def test_the_longest_charge_still_fits_one_qr_code() -> None:
    origin = "https://" + "a" * 32
    longest = Charge(
        platform=Platform("p" * 16, world.letters("platform", 40), origin),
        uid=bytes(8),
        way="w" * MAX_WAY,
        payer=Side(world.letters("payer", 34), world.letters("payer name", 70)),
        payee=Side(world.letters("payee", 34), world.letters("payee name", 70)),
        text=world.letters("text", MAX_TEXT),
        amount=cbor.MAX_INT,
        currency="EUR",
        digest=world.some_bytes("digest", 32),
        captured=world.NOON,
    )
    text = qrtext.encode(origin, Link.RECEIPT, longest.sign(world.RECEIPT_KEY))
    version = version_of(text)
    assert version is not None
    assert version <= MAX_VERSION
