"""Read PSKC: every document decodes to what is listed, every invalid one is refused with why."""

import base64
import hmac
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pskc
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.published import OURS, SHARED
from tokens.errors import BatchError
from tokens.pskc import Key, read_keys

Listed = dict[str, Any]
XENC = "http://www.w3.org/2001/04/xmlenc#"
CBC = f"{XENC}aes128-cbc"
ALGORITHM = 'Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"'
# Attributes of our keys, and what the vectors call them.
FACTS = {
    **{name: name for name in ("id", "serial", "manufacturer", "issuer", "algorithm", "counter")},
    **{name: name for name in ("time_offset", "time_interval")},
    **{name: name for name in ("response_length", "response_encoding")},
    "suite": "algorithm_suite",
}
# Values sealed so that nobody here can open them, or not given at all.
UNREADABLE = {
    "rfc6030-figure4.pskcxml": "secret_missing",
    "rfc6030-figure8.pskcxml": "secret_out_of_reach",
}
INVALID = {
    "incomplete-derivation": "derivation_invalid",
    "mac-algorithm": "algorithm_unknown",
    "mac-value": "mac_wrong",
    "missing-encryption": "algorithm_missing",
    "missing-encryption-method": "algorithm_missing",
    "no-mac-method": "mac_method_missing",
    "not-boolean": "value_invalid",
    "not-integer": "value_invalid",
    "not-integer2": "value_invalid",
    "notxml": "not_pskc",
    "unknown-encryption": "algorithm_unknown",
    "wrongelement": "not_pskc",
    "wrongversion": "version_unknown",
}
PRE_SHARED = bytes.fromhex("12345678901234567890123456789012")


def listed(folder: Path, *groups: str) -> Iterator[Any]:
    """Yield the documents that a folder of vectors describes."""
    path = folder / "pskc.json"
    if not path.exists():
        return
    vectors = json.loads(path.read_text("utf-8"))
    for group in groups:
        for document in vectors[group]:
            yield pytest.param(folder / "pskc", document, id=document["file"])


def read(document: bytes, **secret: Any) -> list[Key]:
    return list(read_keys(io.BytesIO(document), **secret))


def problem_of(document: bytes, **secret: Any) -> str:
    """Return the code with which a document, or its first bad key, is refused."""
    try:
        return next(key.problem.code for key in read(document, **secret) if key.problem)
    except BatchError as error:
        return error.code


@pytest.mark.parametrize(
    ("folder", "document"),
    [*listed(OURS, "documents", "generated"), *listed(SHARED, "more_encryption")],
)
def test_a_document_decodes_to_what_is_listed(folder: Path, document: Listed) -> None:
    key = document.get("pre_shared_key_hex")
    keys = read(
        (folder / document["file"]).read_bytes(),
        key=bytes.fromhex(key) if key else None,
        password=document.get("password"),
    )

    assert len(keys) == len(document["keys"])
    for found, expected in zip(keys, document["keys"], strict=True):
        assert (found.secret.hex() if found.secret else None) == expected.get("secret_hex")
        for ours, theirs in FACTS.items():
            if theirs in expected:
                assert getattr(found, ours) == expected[theirs]


@pytest.mark.parametrize(("name", "code"), UNREADABLE.items())
def test_a_key_without_a_secret_in_reach_is_listed_and_says_so(name: str, code: str) -> None:
    [key] = read((OURS / "pskc" / name).read_bytes(), key=PRE_SHARED)
    assert key.serial == "987654321"
    assert key.problem
    assert key.problem.code == code


@pytest.mark.parametrize(("name", "code"), INVALID.items())
def test_an_invalid_document_is_refused_with_its_reason(name: str, code: str) -> None:
    path = SHARED / "pskc" / f"invalid-{name}.pskcxml"
    if not path.exists():
        pytest.skip("the invalid documents are not at hand (../shared/vectors)")
    assert problem_of(path.read_bytes(), key=PRE_SHARED, password="qwerty") == code


def container(*packages: str, head: str = "") -> bytes:
    return (
        '<?xml version="1.0"?><KeyContainer Version="1.0"'
        ' xmlns="urn:ietf:params:xml:ns:keyprov:pskc"'
        ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
        ' xmlns:x="http://www.w3.org/2001/04/xmlenc#">'
        f"{head}{''.join(packages)}</KeyContainer>"
    ).encode()


def package(value: str = "<PlainValue>MTIzNA==</PlainValue>", more: str = "") -> str:
    return f"<KeyPackage><Key><Data><Secret>{value}</Secret>{more}</Data></Key></KeyPackage>"


def encrypted_data(octets: bytes, algorithm: str = CBC) -> str:
    text = base64.b64encode(octets).decode()
    return (
        f'<x:EncryptionMethod Algorithm="{algorithm}"/>'
        f"<x:CipherData><x:CipherValue>{text}</x:CipherValue></x:CipherData>"
    )


def encrypted(octets: bytes, algorithm: str = CBC) -> str:
    return f"<EncryptedValue>{encrypted_data(octets, algorithm)}</EncryptedValue>"


PLAIN = package()
COUNTED_BADLY = package(more="<Counter><PlainValue>x</PlainValue></Counter>")
FALSE_MAC = package(encrypted(bytes(32)) + "<ValueMAC>AAAA</ValueMAC>")
SHARED_KEY = "<EncryptionKey><ds:KeyName>k</ds:KeyName></EncryptionKey>"
HMAC_SHA1 = f"<MACMethod {ALGORITHM}/>"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "xml_invalid"),
        (b"<a", "xml_invalid"),
        (b"\xff\xfe\x00", "xml_invalid"),
        (b'<?xml version="1.0" encoding="no-such-thing"?><a/>', "xml_invalid"),
        (b"<KeyContainer Version='1.0'/>", "not_pskc"),
        (container(), "element_invalid"),
        (container(PLAIN, head="<Unknown/>"), "element_invalid"),
        (container(PLAIN, SHARED_KEY), "element_invalid"),
        (container(PLAIN, head=SHARED_KEY * 2), "element_invalid"),
        (container(PLAIN).removesuffix(b"</KeyContainer>"), "xml_invalid"),
        (container("<KeyPackage/>"), "secret_missing"),
        (container(package("")), "secret_missing"),
        (container(package("<PlainValue>*</PlainValue>")), "value_invalid"),
        (container(package("<PlainValue/><PlainValue/>")), "element_invalid"),
        (container(COUNTED_BADLY), "value_invalid"),
        (container(package(encrypted(bytes(32)))), "mac_missing"),
        (container(PLAIN, head=SHARED_KEY), "key_needed"),
        (container(FALSE_MAC, head=HMAC_SHA1), "key_needed"),
    ],
)
def test_a_damaged_document_is_refused_with_its_reason(document: bytes, code: str) -> None:
    assert problem_of(document) == code


@pytest.mark.parametrize(
    "prologue",
    [
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE a [<!ENTITY x "1">]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1/">]>',
        '<!DOCTYPE a [<!ENTITY a "1"><!ENTITY b "&a;&a;&a;&a;">]>',
    ],
)
def test_a_dtd_is_refused_whatever_it_declares(prologue: str) -> None:
    document = container(PLAIN).replace(b"?>", b"?>" + prologue.encode(), 1)
    assert problem_of(document) == "xml_forbidden"


@pytest.mark.parametrize(
    "too_much",
    [
        "<a>" * 30,
        "<a/>" * 600,
        f"<a>{'x' * 300_000}</a>",
        f'<a b="{"x" * 300_000}"/>',
        f"<!--{'x' * 300_000}-->",
    ],
    ids=["depth", "elements", "text", "attribute", "comment"],
)
def test_too_much_in_one_key_is_refused_before_it_is_held(too_much: str) -> None:
    document = container(PLAIN, f"<KeyPackage>{too_much}")
    assert problem_of(document) == "too_large"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("<IterationCount>1</IterationCount><KeyLength>16</KeyLength>", "derivation_invalid"),
        (
            "<Salt><Specified>AAAA</Specified></Salt><IterationCount>10000001</IterationCount>"
            "<KeyLength>16</KeyLength>",
            "derivation_invalid",
        ),
        (
            "<Salt><Specified>AAAA</Specified></Salt><IterationCount>1</IterationCount>"
            "<KeyLength>17</KeyLength>",
            "derivation_invalid",
        ),
        (
            "<Salt><Specified>AAAA</Specified></Salt><IterationCount>1</IterationCount>"
            '<KeyLength>16</KeyLength><PRF Algorithm="md5"/>',
            "derivation_invalid",
        ),
    ],
)
def test_a_key_derivation_out_of_bounds_is_refused_before_it_runs(
    parameters: str, code: str
) -> None:
    head = (
        '<EncryptionKey><x11:DerivedKey xmlns:x11="http://www.w3.org/2009/xmlenc11#">'
        '<x11:KeyDerivationMethod Algorithm="http://www.w3.org/2009/xmlenc11#pbkdf2">'
        f"<p>{parameters}</p></x11:KeyDerivationMethod></x11:DerivedKey></EncryptionKey>"
    )
    assert problem_of(container(PLAIN, head=head), password="x") == code
    assert problem_of(container(PLAIN, head=head)) == "password_needed"


def test_a_wrong_password_opens_nothing() -> None:
    document = (OURS / "pskc" / "gen-04.pskcxml").read_bytes()
    assert problem_of(document, password="correct horse 4") in ("key_wrong", "mac_wrong")


def test_the_mac_is_checked_before_anything_is_decrypted() -> None:
    """With a key that decrypts nothing, it is the MAC that is complained of."""
    document = container(FALSE_MAC, head=HMAC_SHA1)
    assert problem_of(document, key=b"no AES key") == "mac_wrong"


def sealed(secret: bytes, key: bytes = PRE_SHARED) -> str:
    """Return a value that is whole, its MAC made with the encryption key itself."""
    padded = secret + bytes([16 - len(secret) % 16]) * (16 - len(secret) % 16)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    octets = bytes(16) + encryptor.update(padded) + encryptor.finalize()
    mac = base64.b64encode(hmac.digest(key, octets, "sha1")).decode()
    return f"{encrypted(octets)}<ValueMAC>{mac}</ValueMAC>"


@pytest.mark.parametrize(
    ("octets", "counter"),
    [
        ((77).to_bytes(8), 77),
        ((77).to_bytes(4), 77),
        (b"\x4d\x00", 0x4D00),
        (b"12345678", 0x3132333435363738),
        (b"12", None),
        (b"", None),
        (bytes(9), None),
    ],
)
def test_a_sealed_number_is_read_where_it_can_be_read_in_one_way_only(
    octets: bytes, counter: int | None
) -> None:
    more = f"<Counter>{sealed(octets)}</Counter>"
    [key] = read(container(package(more=more), head=HMAC_SHA1), key=PRE_SHARED)
    assert key.counter == counter
    assert (key.problem is None) == (counter is not None)


@pytest.mark.parametrize(
    ("head", "value", "code"),
    [
        ("", encrypted(bytes(24), f"{XENC}kw-aes128"), "key_wrong"),
        ("", encrypted(bytes(23), f"{XENC}kw-aes128"), "key_wrong"),
        ("", encrypted(bytes(24), f"{XENC}kw-aes256"), "key_length_wrong"),
        ("", f"<PlainValue>{'A' * 5000}</PlainValue>", "value_invalid"),
        (f"<MACMethod {ALGORITHM}><MACKey>{encrypted_data(bytes(17))}</MACKey></MACMethod>",
         "", "value_invalid"),
        (f"<MACMethod {ALGORITHM}><MACKey>{encrypted_data(bytes(32))}</MACKey></MACMethod>",
         "", "key_wrong"),
        ('<EncryptionKey><d:DerivedKey xmlns:d="http://www.w3.org/2009/xmlenc11#">'
         '<d:KeyDerivationMethod Algorithm="scrypt"/></d:DerivedKey></EncryptionKey>',
         "", "derivation_invalid"),
    ],
)  # fmt: skip
def test_what_does_not_open_is_refused_with_its_reason(head: str, value: str, code: str) -> None:
    document = container(package(value) if value else PLAIN, head=head)
    assert problem_of(document, key=PRE_SHARED, password="x") == code


def test_a_sealed_value_without_any_key_asks_for_one() -> None:
    assert problem_of(container(package(encrypted(bytes(24), f"{XENC}kw-aes128")))) == "key_needed"


def test_a_key_shows_no_secret() -> None:
    [key] = read(container(PLAIN))
    assert key.secret == b"1234"
    assert "1234" not in repr(key)


SECRETS = st.binary(min_size=1, max_size=64)
ALGORITHMS = ["aes128-cbc", "aes192-cbc", "aes256-cbc"]
COUNTERS = st.integers(0, 2**40)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(SECRETS, COUNTERS), min_size=1, max_size=5), st.sampled_from(ALGORITHMS))
def test_what_python_pskc_writes_is_read_as_it_reads_it(
    tokens: list[tuple[bytes, int]], algorithm: str
) -> None:
    theirs = pskc.PSKC()
    theirs.encryption.setup_pbkdf2("a password", algorithm=algorithm, iterations=10)
    for secret, counter in tokens:
        theirs.add_key(secret=secret, counter=counter, serial="S", algorithm="hotp")
    file = io.BytesIO()
    theirs.write(file)

    ours = read(file.getvalue(), password="a password")
    assert [(key.secret, key.counter) for key in ours] == tokens


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_document_raises_anything_but_what_it_should(data: st.DataObject) -> None:
    document = bytearray((OURS / "pskc" / "rfc6030-figure7.pskcxml").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(document) - 1))
        document[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    problem_or_none = [key.problem for key in _tolerant(bytes(document))]
    assert all(problem is None or problem.code for problem in problem_or_none)


def _tolerant(document: bytes) -> list[Key]:
    try:
        return read(document, password="qwerty")
    except BatchError:
        return []
