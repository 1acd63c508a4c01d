"""What a maker vouches for counts once, however many show it in one moment."""

import pytest

from tests.concurrency.conftest import Race
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

RACES = "tests.concurrency.attesting"


@pytest.mark.parametrize(
    ("race", "loser"),
    [
        ("nonce", "nonce_reused"),
        ("purchase", "attestation_refused"),
        ("counter", "attestation_refused"),
    ],
)
def test_nonce_purchase_and_counter_each_count_once(
    racing: Race, services: Live, race: str, loser: str
) -> None:
    assert racing(services, race) == {"ends": {"done": 1, loser: 7}, "rows": 1}
