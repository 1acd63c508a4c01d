"""Hypothesis strategies that several test files of tokens share."""

from dataclasses import dataclass

from hypothesis import strategies as st

from tokens.question import question_for
from tokens.suite import Hash, OCRASuite, QuestionFormat

SUITE_TIME_STEPS = st.one_of(
    st.integers(1, 59),
    st.integers(1, 59).map(lambda minutes: 60 * minutes),
    st.integers(1, 48).map(lambda hours: 3600 * hours),
)
DIGESTS = st.binary(min_size=32, max_size=32)
UINT64 = st.integers(0, 2**64 - 1)
# Any text but lone surrogates, which have no UTF-8.
PIN_CHARACTERS = st.characters(codec="utf-8")
PIN_HASH_OCTETS = {Hash.SHA1: 20, Hash.SHA256: 32, Hash.SHA512: 64}


@st.composite
def suites(draw: st.DrawFn) -> OCRASuite:
    """Any suite of RFC 6287, both spellings of a short question length included."""
    length = draw(st.integers(4, 64))
    return OCRASuite(
        hash=draw(st.sampled_from(Hash)),
        digits=draw(st.sampled_from([0, 4, 5, 6, 7, 8, 9, 10])),
        counter=draw(st.booleans()),
        question_format=draw(st.sampled_from(QuestionFormat)),
        question_length=length,
        pin_hash=draw(st.none() | st.sampled_from(Hash)),
        session_length=draw(st.none() | st.integers(1, 999)),
        time_step_seconds=draw(st.none() | SUITE_TIME_STEPS),
        one_digit_length=length < 10 and draw(st.booleans()),
    )


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that one suite hashes, the question in the form that statements use."""

    question: str
    counter: int | None
    pin_hash: bytes | None
    session: bytes | None
    time_step: int | None


@st.composite
def inputs(draw: st.DrawFn, suite: OCRASuite) -> Inputs:
    """Fitting inputs for a suite that can answer statements."""
    session_length = suite.session_length
    return Inputs(
        question=question_for(suite, draw(DIGESTS)),
        counter=draw(UINT64) if suite.counter else None,
        pin_hash=None if suite.pin_hash is None else draw(octets(PIN_HASH_OCTETS[suite.pin_hash])),
        session=None if session_length is None else draw(octets(session_length)),
        time_step=None if suite.time_step_seconds is None else draw(UINT64),
    )


def statement_suites() -> st.SearchStrategy[OCRASuite]:
    """Suites whose question can come from a statement."""
    return suites().filter(lambda suite: suite.has_statement_question)


def octets(length: int) -> st.SearchStrategy[bytes]:
    """Exactly so many octets."""
    return st.binary(min_size=length, max_size=length)
