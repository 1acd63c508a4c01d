"""One request sent many times at once under one Idempotency-Key takes effect once."""

import secrets
from functools import partial

import pytest

from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Answer, at_once

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


def posts(services: Live, **headers: str) -> tuple[int, list[Answer]]:
    """Begin one transaction eight times at once; return how many there are then."""
    anna = services.party("Anna Meier")
    token = anna.enrol()
    request = partial(anna.call, "POST", "/transactions", anna.part(token), **headers)
    with services.front.gathering(8):
        answers = at_once([request] * 8)
    answers.append(request())
    of_token = "token_id = (SELECT id FROM enrolment_token WHERE serial = ?) AND kind <> 6"
    return services.count("platform", "transactions_step", of_token, token.serial), answers


def test_eight_posts_under_one_key_take_effect_once(services: Live) -> None:
    effects, answers = posts(services, Idempotency_Key=secrets.token_hex(8))
    assert effects == 1
    made = {answer.body["id"] for answer in answers if answer.status == 201}
    told = {(answer.status, answer.code) for answer in answers if answer.status != 201}
    assert len(made) == 1
    assert told <= {(409, "idempotency_in_progress")}
    assert answers[-1].headers["Idempotency-Replayed"] == "true"
    assert services.front.most_at_once > 1, "there was no race"


def test_without_a_key_each_would_take_effect(services: Live) -> None:
    effects, _ = posts(services)
    assert effects > 1
