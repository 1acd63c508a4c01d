"""Owners who take each other's role at once: one of them is left."""

from functools import partial

import pytest

from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import at_once

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@pytest.mark.parametrize("_", range(4))
def test_of_two_owners_who_demote_each_other_one_is_left(services: Live, _: int) -> None:
    anna, ben = services.party("Anna Meier"), services.party("Ben Wagner")
    shop = anna.post("/organisations", {"name": "Flower shop"})["id"]
    invited = {"email": ben.person.email, "role": "owner"}
    anna.post(f"/organisations/{shop}/invitations", invited)
    ben.post(f"/organisations/{shop}/accept", {})

    answers = at_once(
        [
            partial(
                by.call, "POST", f"/organisations/{shop}/members/{of}/role", {"role": "member"}
            )
            for by, of in ((anna, ben.account), (ben, anna.account))
        ]
    )

    assert sorted(answer.status for answer in answers) == [200, 403]
    members = anna.get(f"/organisations/{shop}")["members"]
    assert [member["role"] for member in members] == ["owner", "member"]
