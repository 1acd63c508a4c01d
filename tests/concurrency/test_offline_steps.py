"""One countersign with a token's response, brought many times at once: decided once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from protocol.near_field import Asks, Kind, Offer
from protocol.offline import Serial
from terminal.errors import TerminalError
from terminal.links.loopback import Loopback
from terminal.offline.relay import Gate
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import at_once
from tests.e2e.signing import Signer, allow, open_desk, phone_of

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

MANY = 8


def test_a_countersign_that_is_brought_eight_times_at_once_is_approved_once(
    on_postgres: Live,
) -> None:
    allow(on_postgres)
    anna = on_postgres.party("Anna Ohnenetz")
    signer = Signer(anna, phone_of(on_postgres, anna), anna.open())
    gate, serial, sealed = brought(on_postgres, signer)

    ended = Counter(at_once([partial(outcome, gate, serial, sealed)] * MANY))

    assert ended == {"approved": MANY}
    row = "action = 'authorization.approved' AND subject = ?"
    assert on_postgres.count("platform", "audit_auditrow", row, bytes(serial).hex()) == 1


def brought(live: Live, signer: Signer) -> tuple[Gate, Serial, bytes]:
    """Have a step countersigned, and keep the countersign back."""
    near, far = Loopback.pair()
    gate = Gate.of(open_desk(live), far)
    talk = gate.talk
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(signer.sign, near)
        offer = Offer(gate.post.service, gate.post.title, Asks.STEP)
        talk.say(Kind.OFFER, *offer.parts())
        serial = gate.apply(talk.hear(Kind.APPLICATION)[1][0])
        _, (sealed,) = talk.hear(Kind.SEALED)
        talk.say(Kind.REFUSAL, "server_unavailable")
        assert isinstance(asked.exception(), TerminalError)
    return gate, serial, sealed


def outcome(gate: Gate, serial: Serial, sealed: bytes) -> str:
    """Bring it; return the code of the result, or of the refusal."""
    try:
        return gate.decide(gate.countersign(serial, Kind.SEALED, sealed), serial, None).code
    except TerminalError as error:
        return error.code
