"""Sealed secrets open with their key, in their row, and unchanged."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProtocolError
from protocol.sealing import Sealer

SEALER = Sealer(bytes(32))
SECRET = b"a seed"


def test_a_secret_opens_in_its_own_context() -> None:
    sealed = SEALER.seal(SECRET, b"server 1")
    assert SEALER.open(sealed, b"server 1") == SECRET
    assert sealed != SEALER.seal(SECRET, b"server 1")
    assert SECRET not in sealed


@pytest.mark.parametrize(
    ("sealer", "context", "cut"),
    [
        (SEALER, b"server 2", 0),
        (Sealer(b"\x01" * 32), b"server 1", 0),
        (SEALER, b"server 1", 1),
        (SEALER, b"server 1", 28),
    ],
    ids=["other row", "other key", "damaged", "too short"],
)
def test_it_opens_nowhere_else(sealer: Sealer, context: bytes, cut: int) -> None:
    sealed = SEALER.seal(SECRET, b"server 1")
    with pytest.raises(ProtocolError) as refusal:
        sealer.open(sealed[: len(sealed) - cut], context)
    assert refusal.value.code == "sealed_invalid"


@pytest.mark.parametrize("text", ["", "not base64!", "ключ", base64.b64encode(bytes(31)).decode()])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        Sealer.from_base64(text)
    assert refusal.value.code == "key_invalid"
    assert text == "" or text not in str(refusal.value)


def test_a_key_is_read_from_settings_and_never_shown() -> None:
    sealer = Sealer.from_base64(base64.b64encode(bytes(range(32))).decode())
    assert sealer.kek == bytes(range(32))
    assert bytes(range(32)).hex() not in repr(sealer)
    assert "kek" not in repr(sealer)


def test_keyed_hashes_differ_by_label_and_content_and_key() -> None:
    hashes = {
        SEALER.keyed_hash("a", b"1"),
        SEALER.keyed_hash("a", b"2"),
        SEALER.keyed_hash("b", b"1"),
        Sealer(b"\x01" * 32).keyed_hash("a", b"1"),
    }
    assert len(hashes) == 4


KEYS = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=4, unique=True)


@given(KEYS, st.binary(max_size=99), st.binary(max_size=40))
def test_the_first_of_several_keys_seals_all_open_and_the_last_hashes(
    keys: list[bytes], secret: bytes, context: bytes
) -> None:
    sealer = Sealer(keys[0], tuple(keys[1:]))
    assert Sealer(keys[0]).open(sealer.seal(secret, context), context) == secret
    for key in keys:
        assert sealer.open(Sealer(key).seal(secret, context), context) == secret
    assert sealer.keyed_hash("a", secret) == Sealer(keys[-1]).keyed_hash("a", secret)


@given(KEYS, st.binary(max_size=99))
def test_what_is_under_none_of_several_keys_does_not_open(
    keys: list[bytes], secret: bytes
) -> None:
    *others, other = keys
    sealed = Sealer(other).seal(secret, b"")
    if others:
        with pytest.raises(ProtocolError, match="does not open"):
            Sealer(others[0], tuple(others[1:])).open(sealed, b"")


@given(KEYS)
def test_several_keys_are_read_in_their_order(keys: list[bytes]) -> None:
    texts = [base64.b64encode(key).decode() for key in keys]
    sealer = Sealer.from_base64_list(",".join(texts))
    assert [sealer.kek, *sealer.older] == keys
    for text in (",".join([*texts, texts[0]]), ",".join([*texts, ""]), f",{texts[0]}"):
        with pytest.raises(ProtocolError) as refusal:
            Sealer.from_base64_list(text)
        assert refusal.value.code == "key_invalid"
        assert not any(each in str(refusal.value) for each in texts)


def test_where_one_key_is_wanted_several_are_refused() -> None:
    text = base64.b64encode(bytes(32)).decode()
    with pytest.raises(ProtocolError):
        Sealer.from_base64(f"{text},{text}")
