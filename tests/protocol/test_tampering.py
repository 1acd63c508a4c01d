"""Change anything that was signed, and verification names the line, and the step, that fails."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cose
from protocol.bundle import Bundle
from protocol.certified import Fetched
from protocol.chain import Step
from protocol.cose import Typ
from protocol.errors import ProtocolError
from protocol.keys import Directory
from protocol.outcome import Report
from protocol.receipt import Receipt
from protocol.statement import Demand, Kind, Party, Sight, Statement
from protocol.verdict import Reason, Verdict
from protocol.verification import verify_receipt
from tests.protocol import world


def wordy(position: int) -> tuple[Party, Demand]:
    """Short words in every field."""
    return (
        Party(f"8831{position}", f"remark {position}", f"name {position}"),
        Demand(
            kind=Kind.PAYMENT,
            amount=1000 + position,
            currency="EUR",
            payee_account=f"DE{position}",
            payee_name=f"payee {position}",
            text=f"text {position}",
            reference=f"reference {position}",
            due_days=10,
        ),
    )


CHAIN = world.chain(3, content=wordy)
WHOLE = world.receipt_in_form(CHAIN, 3, 3)
SIGNED = WHOLE.sign(world.RECEIPT_KEY)


def lines(report: Report) -> list[tuple[int, int | None]]:
    """Number and step of each line that failed."""
    return [(check.number, check.step) for check in report.failures]


def as_kept(receipt: Receipt) -> Report:
    """Verify an altered receipt under the signature of the real one."""
    message = cose.assemble(
        typ=Typ.RECEIPT,
        kid=world.RECEIPT_KEY.kid,
        payload=receipt.payload(),
        signature=cose.parse(SIGNED).signature,
    )
    return verify_receipt(message, world.DIRECTORY)


def as_signed_again(receipt: Receipt) -> Report:
    """Verify an altered receipt that the platform itself, dishonestly, signed."""
    return verify_receipt(receipt.sign(world.RECEIPT_KEY), world.DIRECTORY)


def with_step(position: int, step: Step) -> Receipt:
    """The receipt with another step at this position."""
    steps = list(WHOLE.steps)
    steps[position] = step
    return replace(WHOLE, steps=tuple(steps))


def in_party(**changes: Any) -> Callable[[Step], Step]:
    return lambda step: replace(step, party=replace(step.party, **changes))


def in_demand(**changes: Any) -> Callable[[Step], Step]:
    return lambda step: replace(step, demand=replace(step.demand, **changes))


CHANGES: dict[str, Callable[[Step], Step]] = {
    "account": in_party(account="88319"),
    "name": in_party(name="nane 1"),
    "name left out": in_party(name=None),
    "remark": in_party(remark="remark x"),
    "kind": in_demand(kind=Kind.TRANSFER),
    "amount": in_demand(amount=1009),
    "currency": in_demand(currency="EGP"),
    "payee account": in_demand(payee_account="DEx"),
    "payee name": in_demand(payee_name="payee x"),
    "text": in_demand(text="text x"),
    "reference": in_demand(reference="reference x"),
    "due": in_demand(due_days=11),
    "sight": lambda step: replace(step, sight=Sight.TYPED),
    "nonce": lambda step: replace(step, nonce=bytes(12)),
    "issued": lambda step: replace(step, issued=step.issued + 1),
    "life": lambda step: replace(step, ttl=181),
    "decided": lambda step: replace(step, decided=step.decided + 1),
    "sequence": lambda step: replace(step, seq=step.seq + 1),
    "verdict": lambda step: replace(
        step, signature=bytes([step.signature[0] ^ 1]) + step.signature[1:]
    ),
}


def test_the_untouched_receipt_is_valid_and_complete() -> None:
    report = verify_receipt(SIGNED, world.DIRECTORY)
    assert report.is_valid
    assert report.is_complete
    assert [step.payload for step in report.steps] == [s.statement.payload() for s in CHAIN]
    assert [step.verdict for step in report.steps] == [s.verdict for s in CHAIN]


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_field_breaks_the_platform_s_signature(name: str, position: int) -> None:
    report = as_kept(with_step(position, CHANGES[name](WHOLE.steps[position])))
    assert (3, None) in lines(report)
    assert not report.is_valid


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("name", CHANGES)
def test_even_signed_again_it_breaks_the_verdicts_from_that_step_on(
    name: str, position: int
) -> None:
    report = as_signed_again(with_step(position, CHANGES[name](WHOLE.steps[position])))
    assert lines(report) == [(6, step) for step in range(position, 3)]


@pytest.mark.parametrize("position", [0, 1, 2])
def test_another_serial_has_no_certificate(position: int) -> None:
    step = replace(WHOLE.steps[position], serial="CS9")
    report = as_signed_again(with_step(position, step))
    assert lines(report) == [(5, position), *((6, later) for later in range(position + 1, 3))]


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({"name": "Countersign Demu"}, [(6, 0), (6, 1), (6, 2)]),
        ({"origin": "https://cs.example.con"}, [(6, 0), (6, 1), (6, 2)]),
        ({"id": "demu"}, [(2, None), (6, 0), (6, 1), (6, 2)]),
    ],
)
def test_a_changed_platform_field_breaks_every_verdict(
    change: dict[str, str], failing: list[tuple[int, int | None]]
) -> None:
    altered = replace(WHOLE, platform=replace(WHOLE.platform, **change))
    assert lines(as_signed_again(altered)) == failing
    assert not as_kept(altered).is_valid


def test_another_transaction_id_breaks_every_verdict() -> None:
    assert lines(as_signed_again(replace(WHOLE, tx=bytes(8)))) == [(6, 0), (6, 1), (6, 2)]


FIELDS = [
    ("party", "account"),
    ("party", "name"),
    ("party", "remark"),
    ("demand", "payee_account"),
    ("demand", "payee_name"),
    ("demand", "text"),
    ("demand", "reference"),
]


@given(
    position=st.integers(0, 2),
    field=st.sampled_from(FIELDS),
    place=st.integers(0, 100),
    character=st.characters(min_codepoint=33, max_codepoint=126),
)
def test_any_one_character_of_any_text_counts(
    position: int, field: tuple[str, str], place: int, character: str
) -> None:
    part, name = field
    step = WHOLE.steps[position]
    old = getattr(getattr(step, part), name)
    place %= len(old)
    new = old[:place] + character + old[place + 1 :]
    if new == old:
        return
    changed = replace(getattr(step, part), **{name: new})
    report = as_signed_again(with_step(position, replace(step, **{part: changed})))
    assert lines(report)[0] == (6, position)


@pytest.mark.parametrize(
    ("places", "first_failing"),
    [
        ([0, 2], (6, 1)),
        ([1, 2], (6, 0)),
        ([2], (6, 0)),
        ([0, 2, 1], (6, 1)),
        ([1, 0, 2], (6, 0)),
        ([0, 0, 1, 2], (6, 1)),
        ([0, 1, 1, 2], (6, 2)),
        ([0, 1, 2, 2], (6, 3)),
    ],
    ids=str,
)
def test_dropped_reordered_and_repeated_steps_are_refused(
    places: list[int], first_failing: tuple[int, int]
) -> None:
    altered = replace(WHOLE, steps=tuple(WHOLE.steps[place] for place in places))
    failing = [line for line in lines(as_signed_again(altered)) if line[0] != 4]
    assert failing[0] == first_failing


def test_a_step_of_another_chain_is_refused() -> None:
    other = world.chain(3, content=wordy, name="other")
    report = as_signed_again(with_step(1, other[1].step))
    assert lines(report) == [(6, 1), (6, 2)]


def test_cutting_off_the_end_leaves_a_true_receipt_of_the_beginning() -> None:
    # Nothing in it is false: that a later step may exist is said beside every receipt.
    report = as_signed_again(replace(WHOLE, steps=WHOLE.steps[:2]))
    assert report.is_valid
    assert "A later step may exist." in report.always


def test_another_number_of_folded_steps_breaks_the_verdicts() -> None:
    folded = world.receipt_in_form(CHAIN, 2, 2)
    assert as_signed_again(folded).is_valid
    assert lines(as_signed_again(replace(folded, folded=2))) == [(6, 2), (6, 3)]
    assert lines(as_signed_again(replace(folded, anchor=bytes(32)))) == [(6, 1), (6, 2)]


def test_a_changed_step_without_certificate_is_found_by_the_next_one_with() -> None:
    altered = with_step(0, CHANGES["remark"](WHOLE.steps[0])).without_certificates(keep_newest=1)
    report = as_signed_again(altered)
    assert lines(report) == [(6, 2)]


def test_without_any_certificate_a_change_is_not_found_and_nothing_is_green() -> None:
    altered = with_step(0, CHANGES["remark"](WHOLE.steps[0])).without_certificates()
    report = as_signed_again(altered)
    assert report.is_valid
    assert not report.is_complete
    fetched = {signed.step.vk: [Fetched(signed.certificate, 0)] for signed in CHAIN}
    checked = verify_receipt(altered.sign(world.RECEIPT_KEY), world.DIRECTORY, fetched)
    assert lines(checked) == [(6, 0), (6, 1), (6, 2)]


# --- One byte changed anywhere


def each_byte_changed(message: bytes) -> list[bytes]:
    return [
        message[:place] + bytes([message[place] ^ bit]) + message[place + 1 :]
        for place in range(len(message))
        for bit in (1, 128)
    ]


def test_one_byte_changed_anywhere_in_a_receipt_is_refused() -> None:
    message = world.receipt_of(world.chain(7))
    for changed in each_byte_changed(message):
        assert not verify_receipt(changed, world.DIRECTORY).is_valid


def test_one_byte_changed_anywhere_in_a_refusal_is_refused() -> None:
    message = world.refusal(1).sign(world.RECEIPT_KEY)
    for changed in each_byte_changed(message):
        report = verify_receipt(changed, world.DIRECTORY)
        assert not report.is_valid
        assert not report.is_refusal


def test_one_byte_changed_anywhere_in_a_statement_is_refused() -> None:
    message = cose.sign(world.STATEMENT_KEY, Typ.STATEMENT, CHAIN[1].statement.payload())
    key = world.STATEMENT_KEY.public
    for changed in each_byte_changed(message):
        with pytest.raises(ProtocolError):
            Statement.from_payload(cose.open_signed(changed, typ=Typ.STATEMENT, key=key))


def test_one_byte_changed_anywhere_in_a_verdict_is_refused() -> None:
    server = CHAIN[0].server.public
    for changed in each_byte_changed(CHAIN[0].verdict):
        with pytest.raises(ProtocolError):
            Verdict.from_payload(cose.open_signed(changed, typ=Typ.VERDICT, key=server))


def test_one_byte_changed_anywhere_in_a_directory_is_refused() -> None:
    for changed in each_byte_changed(world.DIRECTORY.sign(world.DIRECTORY_KEY)):
        with pytest.raises(ProtocolError):
            Directory.open(changed, root=world.ROOT.public)


def test_one_byte_changed_anywhere_in_a_bundle_is_refused() -> None:
    for changed in each_byte_changed(world.bundle_of(world.chain(7))):
        with pytest.raises(ProtocolError):
            Bundle.decode(changed).open(world.STATEMENT_KEY.public)


def test_a_refused_step_never_passes_for_a_signed_one() -> None:
    # The verdict is rebuilt with the outcome that the receipt's typ says.
    refused = world.refusal(reason=Reason.DECLINED)
    report = as_signed_again(replace(refused, reason=Reason.ACCEPTED))
    assert lines(report) == [(6, 0)]
    assert lines(as_signed_again(replace(refused, reason=Reason.EXPIRED))) == [(6, 0), (8, 0)]
