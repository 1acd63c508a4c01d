"""Many who bind one SIM, or use one permit, proof or code at once: one wins."""

import pytest

from tests.concurrency.conftest import Race
from tests.concurrency.unguarded import unguarded
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

RACES = "tests.concurrency.phoning"
PHONES, USES = 8, 32


def test_of_eight_phones_with_one_sim_one_is_bound(racing: Race, services: Live) -> None:
    assert racing(services, "bind") == {
        "ended": {"done": 1, "AssertionError": PHONES - 1},
        "bound": 1,
    }


def test_without_the_constraint_more_would_be_bound(racing: Race, services: Live) -> None:
    with unguarded(services, "bound_sim_once"):
        bound = racing(services, "bind")["bound"]
        services.change("platform", "UPDATE binding_binding SET state = 'revoked'")
    assert bound > 1


@pytest.mark.parametrize("how", ["use", "use_any"])
def test_a_permit_is_used_by_one(racing: Race, services: Live, how: str) -> None:
    assert racing(services, how) == {
        "ended": {"done": 1, "permit_required": USES - 1},
        "used": 1,
    }


def test_a_chip_proof_is_taken_from_one(racing: Race, services: Live) -> None:
    assert racing(services, "prove") == {"ended": {"done": 1, "chip_proof_invalid": USES - 1}}


def test_of_many_wrong_codes_at_once_five_are_compared(racing: Race, services: Live) -> None:
    assert racing(services, "guess") == {
        "ended": {"sms_code_wrong": 5, "sms_code_expired": USES - 5},
        "tries": 5,
    }


def test_a_message_is_sent_once_and_costs_one_permit(racing: Race, services: Live) -> None:
    outcome = racing(services, "send")
    assert outcome == {"ended": {"done": 1, "chip_counter_replay": PHONES - 1}, "sent": 1}
