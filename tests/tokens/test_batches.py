"""Batches of tokens: formats, the suites they mean, and the rules that every token keeps."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pskc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.published import OURS
from tests.tokens.world import NOW
from tokens.batches import Format, format_of, read_batch
from tokens.batches_entry import Entry, Refused
from tokens.errors import BatchError
from tokens.pskc_writer import write_pskc

SEED = "31" * 20
PASSWORD = "a passphrase"
OCRA = "OCRA-1:HOTP-SHA256-8:QN10-T1M"
SUITES = ["HOTP:SHA1-6", "HOTP:SHA256-8", "TOTP:SHA512-7:T60", OCRA, "GMT0021:SM3-8:T60-Q64"]


def read(content: bytes, password: str | None = None) -> list[Entry | Refused]:
    stream = io.BufferedReader(io.BytesIO(content))
    return list(read_batch(stream, format_of(stream), now=NOW, password=password))


def entries(content: bytes) -> list[Entry]:
    found = read(content)
    assert all(isinstance(entry, Entry) for entry in found), found
    return [entry for entry in found if isinstance(entry, Entry)]


def problem(content: str) -> str:
    """Return why the only token of a file is refused."""
    [refused] = read(content.encode())
    assert isinstance(refused, Refused), refused
    return refused.problem.value


def key(algorithm: str, parameters: str, data: str = "", policy: str = "") -> str:
    """Return a PSKC document of one key."""
    return (
        '<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc"><KeyPackage>'
        "<DeviceInfo><SerialNo>abc-1</SerialNo></DeviceInfo>"
        f'<Key Id="1" Algorithm="{algorithm}"><AlgorithmParameters>{parameters}'
        "</AlgorithmParameters><Data><Secret>"
        "<PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret>"
        f"{data}</Data><Policy>{policy}</Policy></Key></KeyPackage></KeyContainer>"
    )


URN = "urn:ietf:params:xml:ns:keyprov:pskc:"
SIX = '<ResponseFormat Encoding="DECIMAL" Length="6"/>'
EIGHT = '<ResponseFormat Encoding="DECIMAL" Length="8"/>'


def number(name: str, value: int) -> str:
    return f"<{name}><PlainValue>{value}</PlainValue></{name}>"


@pytest.mark.parametrize(
    ("document", "suite"),
    [
        (key(URN + "hotp", SIX), "HOTP:SHA1-6"),
        (key(URN + "hotp", "<Suite>HMAC-SHA256</Suite>" + EIGHT), "HOTP:SHA256-8"),
        (key(URN + "totp", SIX, number("TimeInterval", 30)), "TOTP:SHA1-6:T30"),
        (key(URN + "ocra", f"<Suite>{OCRA}</Suite>" + EIGHT), OCRA),
        (key(URN + "ocra", f"<Suite>{OCRA}</Suite>"), OCRA),
        (
            key("urn:countersign:pskc:gmt0021", "<Suite>GMT0021:SM4-8:T60-Q8</Suite>"),
            "problem: seed_refused",
        ),
        (
            key("urn:countersign:pskc:gmt0021", "<Suite>GMT0021:SM3-8:T60-Q64</Suite>"),
            "GMT0021:SM3-8:T60-Q64",
        ),
    ],
)
def test_an_algorithm_of_pskc_means_a_suite(document: str, suite: str) -> None:
    [found] = read(document.encode())
    told = found.suite if isinstance(found, Entry) else f"problem: {found.problem}"
    assert told == suite


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (key(URN + "pin", SIX), "kind_unsupported"),
        (key(URN + "hotp", ""), "value_invalid"),
        (key(URN + "hotp", "<Suite>MD5</Suite>" + SIX), "suite_refused"),
        (key(URN + "hotp", '<ResponseFormat Encoding="DECIMAL" Length="4"/>'), "suite_refused"),
        (key(URN + "hotp", '<ResponseFormat Encoding="HEX" Length="6"/>'), "kind_unsupported"),
        (
            key(
                URN + "hotp", '<ResponseFormat Encoding="DECIMAL" Length="6" CheckDigits="true"/>'
            ),
            "kind_unsupported",
        ),
        (key(URN + "hotp", SIX, number("Counter", -1)), "counter_refused"),
        (key(URN + "hotp", SIX, number("Counter", 2**60 - 1)), "value_invalid"),
        (key(URN + "hotp", SIX, number("Counter", 2**53)), "counter_refused"),
        (key(URN + "totp", SIX), "value_invalid"),
        (
            key(URN + "totp", SIX, number("TimeInterval", 30) + number("Time", 1)),
            "time_refused",
        ),
        (
            key(URN + "totp", SIX, number("TimeInterval", 30) + number("TimeDrift", -121)),
            "time_refused",
        ),
        (key(URN + "ocra", ""), "suite_refused"),
        (key(URN + "ocra", f"<Suite>{OCRA}</Suite>" + SIX), "suite_refused"),
        (key(URN + "ocra", "<Suite>HOTP:SHA1-6</Suite>"), "suite_refused"),
        (key(URN + "ocra", "<Suite>OCRA-1:HOTP-SHA1-6:QN04</Suite>"), "suite_refused"),
        (
            key("urn:countersign:pskc:gmt0021", "<Suite>GMT0021-2023:SM3-8:T60-Q64</Suite>"),
            "suite_refused",
        ),
        (key(URN + "hotp", SIX, policy="<Strange/>"), "policy_refused"),
        (key(URN + "hotp", SIX, policy="<KeyUsage>Encrypt</KeyUsage>"), "policy_refused"),
        (
            key(URN + "hotp", SIX, policy="<NumberOfTransactions>9</NumberOfTransactions>"),
            "policy_refused",
        ),
        (key(URN + "hotp", SIX, policy='<PINPolicy PINUsageMode="Append"/>'), "policy_refused"),
        (
            key(URN + "hotp", SIX, policy="<StartDate>2030-01-01T00:00:00Z</StartDate>"),
            "policy_refused",
        ),
        (
            key(URN + "hotp", SIX, policy="<ExpiryDate>2006-05-31T00:00:00Z</ExpiryDate>"),
            "expired",
        ),
        (key(URN + "hotp", SIX, policy="<ExpiryDate>soon</ExpiryDate>"), "value_invalid"),
    ],
)
def test_a_key_that_is_not_for_us_is_refused_with_its_reason(document: str, code: str) -> None:
    assert problem(document) == code


def test_a_pin_that_the_token_asks_for_itself_is_no_hindrance() -> None:
    policy = '<PINPolicy PINUsageMode="Local" MinLength="4"/><KeyUsage>OTP</KeyUsage>'
    assert entries(key(URN + "hotp", SIX, policy=policy).encode())


def test_end_and_drift_come_along() -> None:
    document = key(
        URN + "totp",
        SIX,
        number("TimeInterval", 30) + number("TimeDrift", -2),
        "<ExpiryDate>2030-01-01T00:00:00</ExpiryDate>",
    )
    [entry] = entries(document.encode())
    assert (entry.drift, entry.expires_at) == (-2, datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", ["rfc6030-figure3", "rfc6030-figure9", "gen-01"])
def test_serials_come_in_capitals(name: str) -> None:
    [entry] = entries((OURS / "pskc" / f"{name}.pskcxml").read_bytes())
    assert entry.serial == entry.serial.upper()
    assert entry.suite.startswith("HOTP:")


@pytest.mark.parametrize(
    ("serial", "code"),
    [
        ("", "serial_missing"),
        ("A" * 17, "serial_invalid"),
        ("A B", "serial_invalid"),
        ("<b>", "serial_invalid"),
        ("Ä1", "serial_invalid"),
        ("ﬁ", "serial_invalid"),
        ("-1", "serial_invalid"),
    ],
)
def test_a_serial_that_cannot_be_signed_is_named(serial: str, code: str) -> None:
    [refused] = read(f"x,{SEED}\n{serial},{SEED}".encode())[1:]
    assert isinstance(refused, Refused)
    assert (refused.place, refused.serial, refused.problem.value) == (2, serial, code)


@pytest.mark.parametrize("seed", ["31" * 9, "31" * 129, ""])
def test_a_seed_too_short_or_too_long_is_refused(seed: str) -> None:
    assert problem(f"A1,{seed}") == "seed_refused"


@pytest.mark.parametrize(
    ("line", "suite", "counter"),
    [
        (f"a1,{SEED}", "HOTP:SHA1-6", 0),
        (f"a1 , {SEED.upper()} , hotp,8", "HOTP:SHA1-8", 0),
        (f"a1,{SEED},HOTP,6,,sha256,77", "HOTP:SHA256-6", 77),
        (f'"a1","{SEED}","totp"', "TOTP:SHA1-6:T30", None),
        (f"a1,{SEED},TOTP,8,60,SHA512", "TOTP:SHA512-8:T60", None),
        (f"a1,{SEED},ocra,{OCRA}", OCRA, None),
        (f"a1,{SEED},GMT0021,GMT0021:SM3-8:T60-Q64", "GMT0021:SM3-8:T60-Q64", None),
    ],
)
def test_a_line_of_oath_csv_is_a_token(line: str, suite: str, counter: int | None) -> None:
    [entry] = entries(line.encode())
    assert (entry.serial, entry.suite, entry.counter) == ("A1", suite, counter)
    assert entry.seed == bytes.fromhex(SEED)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("a1,", "seed_refused"),
        ("a1,xyz", "value_invalid"),
        (f"a1,{SEED},SMS", "kind_unsupported"),
        (f"a1,{SEED},HOTP,six", "suite_refused"),
        (f"a1,{SEED},HOTP,6,30", "row_invalid"),
        (f"a1,{SEED},OCRA", "suite_refused"),
        (f"a1,{SEED},OCRA,{OCRA},,SHA1", "row_invalid"),
        (f"a1,{SEED},OCRA,OCRA-1:HOTP-SHA1-6:QN08-PSHA1", "suite_refused"),
        (f"a1,{SEED},HOTP,6,,,-1", "value_invalid"),
        (f"a1,{SEED},HOTP,6,,,1,2", "row_invalid"),
        (f'a1,"{SEED}', "row_invalid"),
        (f"a1;{SEED},", "serial_invalid"),
    ],
)
def test_a_bad_line_is_refused_with_its_reason(line: str, code: str) -> None:
    assert problem(line) == code


def test_bad_lines_are_named_by_their_number_among_good_ones() -> None:
    content = (
        b"\xef\xbb\xbfSerial,seed,type\r\n\r\n# a comment\r\n"
        + f"A1,{SEED}\r\nA2,zz\r\n".encode()
        + b"A3,\xff\r\n"
        + f"A4,{SEED}".encode()
    )
    found = [(type(entry), entry.place) for entry in read(content)]
    assert found == [(Entry, 4), (Refused, 5), (Refused, 6), (Entry, 7)]


def test_an_endless_line_is_refused_before_it_is_held() -> None:
    with pytest.raises(BatchError, match="Line 2 is far too long"):
        read(f"A1,{SEED}\n".encode() + b"1," * 10_000)


YUBICO = """LOGGING START,22.11.26 12:00
OATH-HOTP,22.11.26 12:00,1,cccccccccccb,,{seed},,,0,0,0,8,0,0,0,0,0,0
Yubico OTP,22.11.26 12:00,1,vvgutbiedkvi,ab86c04de6a3,{seed},,,0,0,0,0,0,0,0,0,0,0
OATH-HOTP,22.11.26 12:00,1,,,{seed},,,0,0,0,6,0,0,0,0,0,0
508326,,0,{seed},,2026-11-22T12:00:00,
508326,cccccccccccc,83cebdfb7b93,{seed},,2026-11-22T12:00:00,
508327,,0
"""


def test_yubico_csv_gives_its_oath_tokens_and_names_the_others() -> None:
    found = read(YUBICO.format(seed=SEED).encode())
    assert [
        (entry.place, entry.serial, entry.suite if isinstance(entry, Entry) else entry.problem)
        for entry in found
    ] == [
        (2, "CCCCCCCCCCCB", "HOTP:SHA1-8"),
        (3, "Yubico OTP", "kind_unsupported"),
        (4, "", "serial_missing"),
        (5, "508326", "HOTP:SHA1-6"),
        (6, "508326", "kind_unsupported"),
        (7, "508327", "row_invalid"),
    ]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("\n <?xml", Format.PSKC),
        (f"A1,{SEED}\n", Format.OATH_CSV),
        (f"123456,{SEED},HOTP,6,,\n", Format.OATH_CSV),
        ("LOGGING START,now\n", Format.YUBICO_CSV),
        (f"508326,,0,{SEED},,now,\n", Format.YUBICO_CSV),
    ],
)
def test_the_format_is_found_out_and_nothing_is_read_away(content: str, form: Format) -> None:
    raw = content.encode()
    stream = io.BufferedReader(io.BytesIO(raw))
    assert format_of(stream) is form
    assert stream.read() == raw


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xfea\0,\0", b"a;b\n"])
def test_an_unknown_format_is_refused(content: bytes) -> None:
    with pytest.raises(BatchError) as caught:
        read(content)
    assert caught.value.code == "format_unknown"


def test_an_entry_shows_no_seed() -> None:
    [entry] = entries(f"A1,{SEED}".encode())
    assert SEED not in repr(entry)
    assert "1111" not in repr(entry)


@st.composite
def made_entries(draw: st.DrawFn, suite: str) -> Entry:
    end = draw(st.none() | st.just(NOW + timedelta(days=400)))
    return Entry(
        place=1,
        serial=draw(st.from_regex(r"[0-9A-Z][0-9A-Z._-]{0,15}", fullmatch=True)),
        suite=suite,
        seed=draw(st.binary(min_size=16, max_size=64)),
        counter=draw(st.integers(0, 2**53 - 1)) if suite.startswith("HOTP") else None,
        drift=draw(st.integers(-60, 60)) if suite.startswith(("OCRA", "TOTP")) else 0,
        expires_at=end,
    )


@settings(max_examples=2, deadline=None)
@given(st.tuples(*(made_entries(suite) for suite in SUITES)))
def test_what_is_written_is_read_back_by_us_and_by_python_pskc(drawn: tuple[Entry, ...]) -> None:
    tokens = [replace(token, place=place) for place, token in enumerate(drawn, 1)]
    file = io.BytesIO()
    assert write_pskc(file, tokens, PASSWORD) == len(tokens)

    assert read(file.getvalue(), password=PASSWORD) == tokens
    file.seek(0)
    theirs = pskc.PSKC(file)
    theirs.encryption.derive_key(PASSWORD)
    assert [(key.serial, key.secret, key.counter) for key in theirs.keys] == [
        (token.serial, token.seed, token.counter) for token in tokens
    ]


def test_what_is_written_holds_no_seed_in_clear() -> None:
    file = io.BytesIO()
    write_pskc(file, entries(f"A1,{SEED}".encode()), PASSWORD)
    assert b"MTExMTEx" not in file.getvalue()
    assert PASSWORD.encode() not in file.getvalue()
