"""A provisioning code holds all that a token without a network needs, and fits a QR code."""

import random
import string

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol import cose, qrtext
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.enrolment import Transcript, Vouchers
from protocol.errors import ProtocolError
from protocol.fitting import version_of
from protocol.keys import KeyCertificate, Purpose, ServerCertificate
from protocol.provisioning import Provision
from protocol.qrtext import Link
from protocol.statement import Sight
from tests.protocol import strategies as some
from tests.protocol.make_vectors import provision_of, shares
from tests.protocol.world import TODAY, some_bytes

TICKET = some_bytes("ticket", 16)
PROVISION = provision_of(*shares(), TICKET)


def largest(seed: int) -> Provision:
    """Every text at its cap, and none that deflate could shorten."""
    chance = random.Random(seed)  # noqa: S311  # no secret

    def text(size: int) -> str:
        return "".join(chance.choices(string.ascii_lowercase + string.digits, k=size))

    root, key, server, platform_root, statement = (
        SigningKey.from_bytes(some_bytes(f"{seed} {number}", 32)) for number in range(5)
    )
    platform, serial = text(16), text(16)
    transcript = Transcript(
        platform_root=some_bytes(f"{seed} root", 32),
        platform_id=platform,
        platform_origin="https://" + text(32),
        vk=server.kid,
        serial=serial,
        suite="OCRA-1:HOTP-SHA512-9:C-QH64-T59S",
        sight=Sight.SHOWN,
        token_share=some_bytes(f"{seed} token", 32),
        host_share=some_bytes(f"{seed} host", 32),
        ticket_hash=some_bytes(f"{seed} ticket", 32),
    )
    days = (TODAY, TODAY + 3652)
    return Provision(
        origin="https://" + text(32),
        private=some_bytes(f"{seed} private", 32),
        ticket=some_bytes(f"{seed} a ticket", 16),
        vouchers=Vouchers(
            cose.sign(key, Typ.ENROL, transcript.payload()),
            root.public,
            KeyCertificate(key.public, Purpose.HOST, text(20), *days).sign(root),
            platform_root.public,
            KeyCertificate(statement.public, Purpose.STATEMENT, platform, *days).sign(
                platform_root
            ),
            ServerCertificate(server.public, serial, *days).sign(key),
        ),
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_provision_fits_a_qr_code_that_is_still_read(seed: int) -> None:
    version = version_of(largest(seed).to_link())
    assert version is not None
    assert version <= 25


def test_a_provision_is_read_back_the_same() -> None:
    assert Provision.from_link(PROVISION.to_link()) == PROVISION


def test_no_secret_shows() -> None:
    assert repr(PROVISION) == "Provision(https://one.example.net)"


# The last three digits may change nothing but the last byte: see the next test.
@given(st.integers(0, 10_000), some.octets(1))
def test_a_changed_byte_is_refused_or_read_as_another_code(place: int, byte: bytes) -> None:
    text = PROVISION.to_link()
    place = 30 + place % (len(text) - 33)
    changed = text[:place] + str(byte[0] % 10) + text[place + 1 :]
    try:
        read = Provision.from_link(changed)
    except ProtocolError:
        return
    assert (read == PROVISION) is (changed == text)


def test_a_changed_bit_behind_the_end_of_the_content_is_read_as_the_same_code() -> None:
    link = PROVISION.to_link()
    origin, content = qrtext.decode(link, Link.PROVISION)
    *data, last = qrtext.pack(Link.PROVISION, content)
    # What is deflated ends within a byte, whose other bits say nothing (RFC 1951).
    changed = bytes([*data, last ^ 0x80])
    text = qrtext.prefix(origin, Link.PROVISION) + qrtext.to_digits(changed)
    assert text != link
    assert Provision.from_link(text) == PROVISION


@given(st.text() | st.text("0123456789").map("https://h.example/p#".__add__))
def test_nothing_but_a_refusal_comes_of_anything_else(text: str) -> None:
    with pytest.raises(ProtocolError):
        Provision.from_link(text)


def test_the_secret_is_a_share_of_x25519() -> None:
    private = X25519PrivateKey.from_private_bytes(PROVISION.private)
    transcript = Transcript.from_payload(cose.parse(PROVISION.vouchers.enrol).payload)
    assert private.public_key().public_bytes_raw() == transcript.token_share
