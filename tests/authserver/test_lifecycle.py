"""POST /v1/servers/{vk}/{suspend,resume,unlock,revoke}."""

import pytest

from authserver.models import Enrolment, Event
from tests.authserver.world import Paired


def test_a_suspended_token_answers_nothing_until_it_is_resumed(active: Paired) -> None:
    assert active.call("POST", "/suspend").body == {"state": "suspended"}
    refused = active.answer(active.statement())
    assert (refused.status, refused.code) == (409, "token_not_active")
    assert active.call("POST", "/resume").body == {"state": "active"}
    assert active.answer(active.statement()).body["accepted"] is True


def test_a_revoked_token_never_answers_again(active: Paired) -> None:
    assert active.call("POST", "/revoke").body == {"state": "revoked"}
    assert active.answer(active.statement()).code == "token_not_active"
    for action in ("resume", "suspend"):
        refused = active.call("POST", f"/{action}")
        assert (refused.status, refused.code) == (409, "state_conflict")


@pytest.mark.parametrize("action", ["suspend", "resume", "unlock", "revoke"])
def test_every_action_is_safe_to_repeat(active: Paired, action: str) -> None:
    body = {"proof": "passkey"} if action == "unlock" else {}
    first = active.call("POST", f"/{action}", body)
    assert first.status == 200
    told = Event.objects.count()
    assert active.call("POST", f"/{action}", body).body == first.body
    assert Event.objects.count() == told


@pytest.mark.parametrize("action", ["suspend", "resume"])
def test_a_token_that_was_never_active_is_not_switched(paired: Paired, action: str) -> None:
    assert paired.call("POST", f"/{action}").code == "state_conflict"


def test_revoking_closes_an_open_enrolment(paired: Paired) -> None:
    paired.call("POST", "/revoke")
    assert paired.enrol().code == "ticket_unknown"
    assert not Enrolment.objects.exists()


def test_an_unknown_action_is_not_found(active: Paired) -> None:
    for action in ("dance", "delete", "Suspend"):
        assert active.call("POST", f"/{action}").status == 404


def test_a_status_tells_no_secret(active: Paired) -> None:
    status = active.status()
    assert set(status) == {
        *("vk", "serial", "label", "state", "suite", "sight", "public_key", "certificate"),
        *("seq", "digits_ready", "enrolled_at", "expires_at", "drift", "batch", "successor"),
        *("tries_left", "max_failures", "failures", "budget", "moved_to"),
        *("locked", "locked_until", "lock_level", "is_blocked", "former_keys"),
    }
