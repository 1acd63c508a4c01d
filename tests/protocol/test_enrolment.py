"""Both sides of an enrolment derive the same, and nothing of it shows."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol.enrolment import Invitation, derive, post_tag
from protocol.errors import ProtocolError
from tests.protocol.make_vectors import transcript_of
from tests.protocol.world import some_bytes

TOKEN = X25519PrivateKey.from_private_bytes(some_bytes("token share", 32))
HOST = X25519PrivateKey.from_private_bytes(some_bytes("host share", 32))
TICKET = some_bytes("ticket", 16)
TRANSCRIPT = transcript_of(TOKEN, HOST, TICKET)
PAYLOAD = TRANSCRIPT.payload()


def test_token_and_host_derive_the_same() -> None:
    of_token = derive(private=TOKEN, peer=TRANSCRIPT.host_share, ticket=TICKET, transcript=PAYLOAD)
    of_host = derive(private=HOST, peer=TRANSCRIPT.token_share, ticket=TICKET, transcript=PAYLOAD)
    assert of_token == of_host
    assert len({of_token.seed, of_token.post_key, of_token.confirmation}) == 3
    assert len(of_token.digits) == 8


@pytest.mark.parametrize(
    ("ticket", "transcript"), [(bytes(16), PAYLOAD), (TICKET, PAYLOAD[:-1] + b"\x00")]
)
def test_another_ticket_or_transcript_gives_all_else(ticket: bytes, transcript: bytes) -> None:
    right = derive(private=TOKEN, peer=TRANSCRIPT.host_share, ticket=TICKET, transcript=PAYLOAD)
    wrong = derive(private=TOKEN, peer=TRANSCRIPT.host_share, ticket=ticket, transcript=transcript)
    assert right.seed != wrong.seed
    assert right.post_key != wrong.post_key
    assert right.confirmation != wrong.confirmation
    assert right.digits != wrong.digits


@pytest.mark.parametrize("peer", [bytes(32), (1).to_bytes(32, "little"), bytes(31)])
def test_a_share_of_small_order_is_refused(peer: bytes) -> None:
    with pytest.raises(ProtocolError) as refusal:
        derive(private=TOKEN, peer=peer, ticket=TICKET, transcript=PAYLOAD)
    assert refusal.value.code == "key_invalid"


def test_no_secret_shows() -> None:
    secrets = derive(private=TOKEN, peer=TRANSCRIPT.host_share, ticket=TICKET, transcript=PAYLOAD)
    assert secrets.seed.hex() not in repr(secrets)
    assert secrets.digits not in repr(secrets)
    invitation = Invitation("https://one.example.net", bytes(16), TICKET)
    assert repr(invitation) == "Invitation(https://one.example.net)"


def test_a_tag_is_for_one_statement_and_one_answer() -> None:
    key, s = bytes(32), bytes(32)
    tags = {
        post_tag(key, s, "12345678"),
        post_tag(key, s, "12345679"),
        post_tag(key, bytes([1]) + s[1:], "12345678"),
        post_tag(bytes([1]) + key[1:], s, "12345678"),
        post_tag(key, s, "decline\ud800"),
    }
    assert len(tags) == 5
