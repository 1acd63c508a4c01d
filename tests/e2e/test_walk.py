"""One person with the token program itself: what it shows, what it posts, what it declines."""

import pytest

from countersign.person import Person
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import ORDER

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

REMARK = "Before noon, please 🌹"


@pytest.fixture(scope="module")
def walker(on_sqlite: Live) -> Person:
    return on_sqlite.walker("Dora Walker")


def test_the_program_shows_what_will_be_signed_and_posts_the_response(
    on_sqlite: Live, walker: Person
) -> None:
    body = {"demand": ORDER, "remark": REMARK, "token": walker.serial}
    step = walker.call("POST", "/transactions", body)
    picture = walker.folder / "challenge.png"
    picture.write_bytes(walker.download(f"/steps/{step['id']}/challenge.png"))
    shown = walker.token("show", str(picture))
    for part in (REMARK, "Blumen Schmidt KG", "DE89370400440532013000", "Dora Walker"):
        assert part in shown
    on_sqlite.accepted.append(walker.token("respond", str(picture), "--yes"))
    walker.token("respond", str(picture), "--yes", "--post")
    signed = walker.call("GET", f"/steps/{step['id']}")
    assert signed["state"] == "signed"
    text = walker.download(f"/receipts/{signed['receipt_id']}.txt").decode()
    assert walker.call("POST", "/receipts/verify", {"receipt": text})["is_valid"] is True


def test_a_step_that_the_program_declines_is_refused_with_its_words(walker: Person) -> None:
    body = {"demand": ORDER, "remark": REMARK, "token": walker.serial}
    step = walker.call("POST", "/transactions", body)
    walker.token("respond", step["challenge"], "--decline", "I ordered tulips", "--yes")
    refused = walker.call("GET", f"/steps/{step['id']}")
    assert (refused["state"], refused["note"]) == ("refused", "I ordered tulips")
