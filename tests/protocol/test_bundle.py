"""A bundle shows earlier steps only when their content leads to what the statement builds on."""

import pytest

from protocol.bundle import Bundle
from protocol.errors import ProtocolError
from tests.protocol import world

CHAIN = world.chain(7)


@pytest.mark.parametrize(("parties", "shown"), [(1, 0), (2, 1), (3, 2), (7, 2)])
def test_up_to_two_earlier_steps_are_shown_and_proved(parties: int, shown: int) -> None:
    bundle = Bundle.decode(world.bundle_of(CHAIN[:parties]))
    statement, earlier = bundle.open(world.STATEMENT_KEY.public)
    assert statement == CHAIN[parties - 1].statement
    assert earlier == [signed.statement for signed in CHAIN[: parties - 1][-shown:] if shown]


def test_its_kid_says_which_key_is_needed_before_anything_is_proved() -> None:
    bundle = Bundle.decode(world.bundle_of(CHAIN))
    assert bundle.signed.kid == world.STATEMENT_KEY.kid
    with pytest.raises(ProtocolError) as refusal:
        bundle.open(world.RECEIPT_KEY.public)
    assert refusal.value.code == "signature_invalid"
