"""GET /v1/events: what happened to a platform's servers, in order, none missed."""

from datetime import UTC, datetime

import pytest
import time_machine

from authserver import services
from authserver.models import Event
from tests.authserver.conftest import admitted
from tests.authserver.world import NOON, Answer, Bank, LocalHost, Paired


def fetch(paired: Paired, query: str = "") -> Answer:
    return paired.host.call("GET", f"/v1/events{query}", key=paired.bank.key)


def kinds(answer: Answer) -> list[str]:
    return [event["kind"] for event in answer.body["events"]]


def test_the_story_of_a_token_is_told_in_order(
    paired: Paired, clock: time_machine.Traveller
) -> None:
    paired.activate()
    paired.call("POST", "/suspend", {"actor": "anna"})
    paired.call("POST", "/resume")
    paired.fail(paired.statement(), 5)
    paired.unlock("operator")
    paired.call("POST", "/revoke")
    found = fetch(paired)
    assert [
        (event["kind"], event["actor"], event["detail"]) for event in found.body["events"]
    ] == [
        ("paired", "platform", {}),
        ("enrolled", "token", {}),
        ("confirmed", "platform", {}),
        ("activated", "token", {}),
        ("suspended", "platform:anna", {}),
        ("resumed", "platform", {}),
        ("locked", "host", {"until": int(NOON.timestamp()) + 60}),
        ("unlocked", "platform", {"proof": "operator"}),
        ("revoked", "platform", {}),
    ]
    last = found.body["events"][-1]
    assert last == {
        "id": found.body["next"],
        "vk": paired.vk,
        "serial": paired.serial,
        "at": int(NOON.timestamp()),
        "kind": "revoked",
        "actor": "platform",
        "detail": {},
    }


def test_events_come_in_pages(active: Paired) -> None:
    everything = kinds(fetch(active))
    paged, after = [], 0
    while (page := fetch(active, f"?after={after}&limit=3")).body["events"]:
        assert len(page.body["events"]) <= 3
        paged += kinds(page)
        after = page.body["next"]
    assert paged == everything
    assert fetch(active, f"?after={after}").body == {"events": [], "next": after}


def test_a_platform_sees_the_events_of_its_own_servers_alone(
    active: Paired, host: LocalHost
) -> None:
    shop = admitted(Bank.make("shop", datetime.now(UTC)))
    assert host.call("GET", "/v1/events", key=shop.key).body == {"events": [], "next": 0}


def test_the_thirtieth_failure_is_told_as_a_block(active: Paired) -> None:
    for number in range(6):
        active.unlock()
        active.fail(active.statement(number=number), 5)
    assert kinds(fetch(active))[-3:] == ["locked", "unlocked", "blocked"]


def test_what_ends_an_enrolment_is_told(paired: Paired) -> None:
    paired.enrol()
    for _ in range(3):
        paired.confirm("00000000")
    event = fetch(paired).body["events"][-1]
    assert (event["kind"], event["actor"]) == ("revoked", "host")
    assert event["detail"] == {"why": "digits_wrong"}


def test_who_acted_for_the_host_is_told_by_name(active: Paired) -> None:
    services.revoke_by_operator(name=active.serial, operator="kim", now=datetime.now(UTC))
    assert fetch(active).body["events"][-1]["actor"] == "operator:kim"


@pytest.mark.parametrize("actor", ["a" * 49, "anna\u202e", "\x00", "a\nb"])
def test_an_actors_name_is_short_and_plain(active: Paired, actor: str) -> None:
    before = Event.objects.count()
    refused = active.call("POST", "/suspend", {"actor": actor})
    assert (refused.status, refused.code) == (422, "input_invalid")
    assert (active.status()["state"], Event.objects.count()) == ("active", before)


def test_no_platform_writes_as_the_host_or_its_operator(active: Paired) -> None:
    for actor, action in (("operator:kim", "suspend"), ("host", "resume")):
        active.call("POST", f"/{action}", {"actor": actor})
        assert fetch(active).body["events"][-1]["actor"] == f"platform:{actor}"


def test_a_change_that_fails_leaves_no_event(active: Paired) -> None:
    before = Event.objects.count()
    active.call("POST", "/resume")
    assert active.call("POST", "/release").code == "state_conflict"
    assert Event.objects.count() == before
