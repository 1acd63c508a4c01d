"""Values as Python callers give them, before any encoding: no bool, no float, no stranger."""

from dataclasses import replace

import pytest

from protocol.bundle import Context
from protocol.currency import EXPONENTS, format_amount
from protocol.errors import ProtocolError
from protocol.statement import Demand, Kind, Party, Sight, Statement
from protocol.verdict import Reason, Verdict
from tests.protocol.world import chain

STEP = chain(1)[0]
CONTEXT = Context.of(STEP.statement, bytes(32))


@pytest.mark.parametrize("field", ["pos", "issued", "ttl", "sight"])
@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1]])
def test_a_number_in_a_statement_is_an_integer(field: str, value: object) -> None:
    with pytest.raises(ProtocolError):
        replace(STEP.statement, **{field: value})  # type: ignore[arg-type]  # the fault


@pytest.mark.parametrize("field", ["issued", "decided", "seq", "sight", "ttl"])
@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_a_number_in_a_step_is_an_integer(field: str, value: object) -> None:
    with pytest.raises(ProtocolError):
        replace(STEP.step, **{field: value})  # type: ignore[arg-type]  # the fault


@pytest.mark.parametrize("field", ["vk", "nonce", "v", "serial", "issued", "ttl", "sight"])
def test_a_context_is_checked_by_itself(field: str) -> None:
    with pytest.raises(ProtocolError):
        replace(CONTEXT, **{field: None})  # type: ignore[arg-type]  # the fault


@pytest.mark.parametrize("value", [True, 1.0, "payment", None, 0, 12])
def test_a_kind_is_one_of_eleven(value: object) -> None:
    with pytest.raises(ProtocolError):
        Demand(value)  # type: ignore[arg-type]  # the fault


def test_numbers_become_members() -> None:
    assert Demand(4).kind is Kind.APPROVAL  # type: ignore[arg-type]  # as JSON gives it
    assert replace(STEP.statement, sight=1).sight is Sight.TYPED  # type: ignore[arg-type]
    assert Verdict(bytes(8), bytes(32), 2, 0, 0).reason is Reason.DECLINED  # type: ignore[arg-type]


def test_every_cap_is_reached() -> None:
    Party("a" * 34, "付" * 40, "ü" * 20)
    Demand(Kind.PAYMENT, 2**53 - 1, "JPY", "a" * 34, "a" * 70, "a" * 120, "a" * 35, due_days=3650)
    replace(STEP.statement, serial="C" * 16, ttl=600)
    replace(STEP.statement, ttl=30)


def test_five_kinds_make_chains() -> None:
    assert [kind for kind in Kind if kind.is_business] == [
        Kind.PAYMENT,
        Kind.TRANSFER,
        Kind.ORDER,
        Kind.APPROVAL,
        Kind.OTHER,
    ]


def test_each_sight_has_words_of_its_own() -> None:
    assert len({sight.words for sight in Sight}) == 3


def test_a_verdict_has_no_truth_value() -> None:
    verdict = Verdict(bytes(8), bytes(32), Reason.ACCEPTED, 0, 0)
    assert verdict.accepted
    with pytest.raises(TypeError):
        bool(verdict)


def test_a_statement_knows_its_last_second() -> None:
    statement: Statement = STEP.statement
    assert statement.expires == statement.issued + 180


def test_amounts_are_written_with_their_currency_s_digits() -> None:
    assert EXPONENTS["EUR"] == 2
    assert format_amount(1, "EUR") == "0.01 EUR"
    assert format_amount(100, "JPY") == "100 JPY"
    assert format_amount(2**53 - 1, "BHD") == "9007199254740.991 BHD"
