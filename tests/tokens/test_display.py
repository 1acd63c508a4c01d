"""The display: every field, on a line of its own, isolated, in fixed words, never cut."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.statement import Demand, Kind, Party, Platform, Sight, Statement
from protocol.text import normalise
from tokens.display import END_ISOLATE, ISOLATE, KIND_WORDS, UNLIMITED, Profile, lay_out
from tokens.errors import RefusedError

FULL_DEMAND = Demand(
    kind=Kind.PAYMENT,
    amount=1250,
    currency="EUR",
    payee_account="DE89370400440532013000",
    payee_name="Garden Shop",
    text="ten tulips",
    reference="R-7",
    due_days=14,
)
FIRST = Statement(
    platform=Platform("cs-demo", "Countersign Demo", "https://platform.example"),
    tx=bytes(8),
    pos=0,
    prev=None,
    party=Party(account="A-1", remark="for the garden", name="Ada"),
    demand=FULL_DEMAND,
    serial="T-0001",
    vk=bytes(8),
    sight=Sight.SHOWN,
    nonce=bytes(12),
    issued=1_795_348_800,  # 2026-11-22 12:00 UTC
)
THIRD = replace(FIRST, pos=2, prev=bytes(32))
SECOND = replace(
    FIRST,
    pos=1,
    prev=bytes(32),
    party=Party(account="B-2", remark="agreed"),
    demand=Demand(kind=Kind.APPROVAL),
)


def plain(lines: tuple[str, ...]) -> list[str]:
    return [line.replace(ISOLATE, "").replace(END_ISOLATE, "") for line in lines]


def test_every_field_stands_on_a_line_of_its_own() -> None:
    lines, _ = lay_out(FIRST, [], UNLIMITED)
    assert plain(lines) == [
        "Payment",
        "Amount: 12.50 EUR",
        "To account: DE89370400440532013000",
        "To: Garden Shop",
        "Text: ten tulips",
        "Reference: R-7",
        "Due: 2026-12-06",
        "Your account: A-1",
        "Your name: Ada",
        "Your remark: for the garden",
        "Platform: Countersign Demo",
        "Address: https://platform.example",
        "Step 1",
    ]


def test_fields_that_are_absent_have_no_line() -> None:
    bare = replace(FIRST, demand=Demand(kind=Kind.OTHER), party=Party(account="A-1", remark="yes"))
    lines, _ = lay_out(bare, [], UNLIMITED)
    assert [line.partition(":")[0] for line in lines] == [
        "Other agreement",
        "Your account",
        "Your remark",
        "Platform",
        "Address",
        "Step 1",
    ]


def test_earlier_steps_follow_oldest_first_with_their_place_in_front_of_every_line() -> None:
    lines, shown = lay_out(THIRD, [FIRST, SECOND], UNLIMITED)
    assert shown == [FIRST, SECOND]
    place = plain(lines).index(
        "Step 3; the last 2 earlier steps shown, 0 bound by digest and not shown"
    )
    assert plain(lines)[place + 1 :] == [
        "Step 1: Payment",
        "Step 1 / Amount: 12.50 EUR",
        "Step 1 / To account: DE89370400440532013000",
        "Step 1 / To: Garden Shop",
        "Step 1 / Text: ten tulips",
        "Step 1 / Reference: R-7",
        "Step 1 / Due: 2026-12-06",
        "Step 1 / Account: A-1",
        "Step 1 / Name: Ada",
        "Step 1 / Remark: for the garden",
        "Step 2: Approval",
        "Step 2 / Account: B-2",
        "Step 2 / Remark: agreed",
    ]


def test_folded_steps_are_counted() -> None:
    lines, _ = lay_out(replace(THIRD, pos=49), [replace(SECOND, pos=48)], UNLIMITED)
    assert "Step 50; the last 1 earlier steps shown, 48 bound by digest and not shown" in lines


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_words_of_its_own(kind: Kind) -> None:
    lines, _ = lay_out(replace(FIRST, demand=replace(FULL_DEMAND, kind=kind)), [], UNLIMITED)
    assert lines[0] == KIND_WORDS[kind]
    assert list(KIND_WORDS.values()).count(lines[0]) == 1


@pytest.mark.parametrize("kind", [Kind.TEST, Kind.ACTIVATION, Kind.LOGIN, Kind.UNLOCK])
def test_what_is_no_business_is_plainly_marked(kind: Kind) -> None:
    assert KIND_WORDS[kind].startswith(f"{kind.name}")


@given(remark=st.text(st.characters(max_codepoint=0x52F, categories=["L", "N", "P"]), min_size=1))
def test_values_are_isolated_and_labels_stand_outside(remark: str) -> None:
    party = Party(account="A-1", remark=normalise(remark)[:60])
    lines, _ = lay_out(replace(FIRST, party=party), [], UNLIMITED)
    assert f"Your remark: {ISOLATE}{party.remark}{END_ISOLATE}" in lines


def test_right_to_left_text_is_enclosed() -> None:
    party = Party(account="A-1", remark="שלום 12.50")
    lines, _ = lay_out(replace(FIRST, party=party), [], UNLIMITED)
    [line] = [line for line in lines if line.startswith("Your remark")]
    assert unicodedata.bidirectional(line[len("Your remark: ")]) == "FSI"
    assert unicodedata.bidirectional(line[-1]) == "PDI"


def test_a_display_too_small_for_the_own_fields_refuses() -> None:
    with pytest.raises(RefusedError) as refused:
        lay_out(FIRST, [], Profile(columns=40, rows=12))
    assert refused.value.code == "statement_too_large_for_token"


def test_a_display_just_large_enough_takes_everything() -> None:
    lines, _ = lay_out(FIRST, [], Profile(columns=40, rows=13))
    assert len(lines) == 13


@pytest.mark.parametrize(("rows", "shown"), [(26, 2), (25, 1), (16, 1), (15, 0), (13, 0)])
def test_the_oldest_earlier_steps_are_left_out_first_and_the_display_says_so(
    rows: int, shown: int
) -> None:
    place = f"Step 3; the last {shown} earlier steps shown, {2 - shown} bound"
    lines, steps = lay_out(THIRD, [FIRST, SECOND], Profile(columns=80, rows=rows))
    assert steps == [FIRST, SECOND][2 - shown :]
    assert any(line.startswith(place) for line in lines)


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("", 1),
        ("12345678", 1),
        ("123456789", 2),
        ("中文中文", 1),
        ("1中文中文", 2),
        ("1234567中", 2),
        (f"{ISOLATE}12345678{END_ISOLATE}", 1),
    ],
)
def test_long_lines_go_on_in_the_next_row(line: str, rows: int) -> None:
    assert Profile(columns=8, rows=rows).fits([line])
    assert not Profile(columns=8, rows=rows - 1).fits([line])


def test_without_a_limit_of_columns_a_line_is_a_row() -> None:
    assert Profile(rows=1).fits(["x" * 1000])
    assert not Profile(rows=1).fits(["x", "y"])


def test_columns_alone_limit_nothing_since_lines_go_on() -> None:
    assert Profile(columns=16).fits(["x" * 1000])


def test_the_same_statement_always_gives_the_same_lines() -> None:
    assert lay_out(THIRD, [SECOND], UNLIMITED) == lay_out(THIRD, [SECOND], UNLIMITED)
