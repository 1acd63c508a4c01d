"""data_input: what is hashed, and that every part of it can be told from the hashed octets."""

import hashlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens.strategies import PIN_HASH_OCTETS, Inputs, inputs, statement_suites
from tokens.errors import DataInputError, QuestionInvalidError
from tokens.ocra import data_input
from tokens.suite import OCRASuite, QuestionFormat


def parse(data_input: str) -> OCRASuite:
    return OCRASuite.parse(f"OCRA-1:HOTP-SHA256-8:{data_input}")


def lay_out(suite: OCRASuite, parts: Inputs) -> bytes:
    return data_input(
        suite,
        question=parts.question,
        counter=parts.counter,
        pin_hash=parts.pin_hash,
        session=parts.session,
        time_step=parts.time_step,
    )


def read_back(octets: bytes) -> tuple[OCRASuite, Inputs]:
    """Undo data_input.  That this can be done at all shows that no two inputs look alike."""
    text, _, rest = octets.partition(b"\0")
    suite = OCRASuite.parse(text.decode("ascii"))

    def take(length: int) -> bytes:
        nonlocal rest
        field, rest = rest[:length], rest[length:]
        return field

    parts = Inputs(
        counter=int.from_bytes(take(8)) if suite.counter else None,
        question=read_question(suite, take(128)),
        pin_hash=take(PIN_HASH_OCTETS[suite.pin_hash]) if suite.pin_hash else None,
        session=take(suite.session_length) if suite.session_length else None,
        time_step=int.from_bytes(take(8)) if suite.time_step_seconds else None,
    )
    assert rest == b""
    return suite, parts


def read_question(suite: OCRASuite, field: bytes) -> str:
    length = suite.question_length
    if suite.question_format is QuestionFormat.HEXADECIMAL:
        return field.hex()[:length]
    beginnings = {int(field.hex()[:end], 16) for end in range(1, 257)}
    [question] = [str(number) for number in beginnings if len(str(number)) == length]
    return question


@given(st.data())
def test_every_input_can_be_read_back_from_the_hashed_octets(data: st.DataObject) -> None:
    suite = data.draw(statement_suites())
    parts = data.draw(inputs(suite))
    assert read_back(lay_out(suite, parts)) == (suite, parts)


def test_the_fields_stand_in_the_order_of_the_rfc() -> None:
    suite = parse("C-QN08-PSHA1-S004-T1M")
    octets = data_input(
        suite, question="00000016", counter=1, pin="1234", session=b"sess", time_step=2
    )
    assert octets == b"".join(
        (
            b"OCRA-1:HOTP-SHA256-8:C-QN08-PSHA1-S004-T1M\0",
            bytes.fromhex("0000000000000001"),
            b"\x10" + bytes(127),
            hashlib.sha1(b"1234", usedforsecurity=False).digest(),
            b"sess",
            bytes.fromhex("0000000000000002"),
        )
    )


def test_the_spelling_of_the_suite_is_hashed() -> None:
    short, long = parse("QH8"), parse("QH08")
    assert data_input(short, question="e44c717f") != data_input(long, question="e44c717f")


def test_the_case_of_hexadecimal_digits_does_not_matter() -> None:
    suite = parse("QH08")
    assert data_input(suite, question="E44C717F") == data_input(suite, question="e44c717f")


def test_a_pin_and_its_hash_give_the_same_octets() -> None:
    suite = parse("QN08-PSHA256")
    hashed = hashlib.sha256("пароль".encode()).digest()
    assert data_input(suite, question="1", pin="пароль") == data_input(
        suite, question="1", pin_hash=hashed
    )


def test_two_questions_of_full_length_fit() -> None:
    assert data_input(parse("QA64"), question="a" * 128).endswith(b"a" * 128)


@pytest.mark.parametrize(
    ("form", "question"),
    [
        pytest.param("QN08", "", id="empty"),
        pytest.param("QN08", "1" * 17, id="longer than two questions"),
        pytest.param("QN08", "12a4", id="letters in a number"),
        pytest.param("QN08", "1_000", id="underscore in a number"),
        pytest.param("QN08", "+1234", id="sign in a number"),
        pytest.param("QN08", "\N{FULLWIDTH DIGIT ONE}234", id="digits beyond ASCII"),
        pytest.param("QN08", "1234\n", id="line end after a number"),
        pytest.param("QH08", "abc", id="odd number of hexadecimal digits"),
        pytest.param("QH08", "ab cd", id="space between hexadecimal digits"),
        pytest.param("QH08", "wxyz", id="not hexadecimal"),
        pytest.param("QA08", "abc\0", id="NUL, which would look like padding"),
        pytest.param("QA08", "\ud800", id="lone surrogate"),
        pytest.param("QA64", "é" * 65, id="more than 128 octets"),
    ],
)
def test_a_question_that_does_not_fit_the_suite_is_refused(form: str, question: str) -> None:
    with pytest.raises(QuestionInvalidError):
        data_input(parse(form), question=question)


@pytest.mark.parametrize(
    ("form", "others", "sentence"),
    [
        ("C-QN08", {}, "needs a counter"),
        ("QN08", {"counter": 0}, "takes no counter"),
        ("C-QN08", {"counter": -1}, "between"),
        ("C-QN08", {"counter": 2**64}, "between"),
        ("QN08-T1M", {}, "needs a time step"),
        ("QN08", {"time_step": 0}, "takes no time step"),
        ("QN08-T1M", {"time_step": 2**64}, "between"),
        ("QN08-PSHA1", {}, "needs a PIN"),
        ("QN08", {"pin": "1234"}, "takes no PIN"),
        ("QN08", {"pin_hash": bytes(20)}, "takes no PIN"),
        ("QN08-PSHA1", {"pin": "1234", "pin_hash": bytes(20)}, "not both"),
        ("QN08-PSHA1", {"pin_hash": bytes(32)}, "sha1 makes 20"),
        ("QN08-S064", {}, "needs a session"),
        ("QN08", {"session": bytes(64)}, "takes no session"),
        ("QN08-S064", {"session": bytes(63)}, "the suite says 64"),
        ("QN08-S064", {"session": bytes(65)}, "the suite says 64"),
    ],
)
def test_an_input_missing_superfluous_or_out_of_range_is_refused(
    form: str, others: Mapping[str, object], sentence: str
) -> None:
    with pytest.raises(DataInputError, match=sentence):
        data_input(parse(form), question="12345678", **others)  # type: ignore[arg-type] # the table mixes types


def test_a_pin_that_is_no_text_is_refused_without_showing_it() -> None:
    with pytest.raises(DataInputError) as refusal:
        data_input(parse("QN08-PSHA1"), question="1", pin="73\ud80091")
    assert "73" not in str(refusal.value)
    assert refusal.value.__cause__ is None
