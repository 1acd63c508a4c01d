"""Who may ask: every call of a platform needs its key, and finds its own servers alone."""

from datetime import UTC, datetime

import pytest

from authserver.models import Platform
from authserver.services import replace_platform_key
from tests.authserver.conftest import admitted
from tests.authserver.world import Answer, Bank, LocalHost, Paired

S = "0" * 64
ROUTES = [
    ("POST", "/v1/servers"),
    ("GET", "/v1/servers/{vk}"),
    ("POST", "/v1/servers/{vk}/activate"),
    ("POST", "/v1/servers/{vk}/suspend"),
    ("POST", "/v1/servers/{vk}/resume"),
    ("POST", "/v1/servers/{vk}/unlock"),
    ("POST", "/v1/servers/{vk}/revoke"),
    ("POST", "/v1/servers/{vk}/replace"),
    ("POST", "/v1/servers/{vk}/release"),
    ("POST", "/v1/servers/{vk}/verdicts"),
    ("POST", "/v1/servers/{vk}/logins"),
    ("POST", "/v1/servers/{vk}/proofs"),
    ("POST", "/v1/servers/{vk}/resynchronise"),
    ("POST", "/v1/servers/assign"),
    ("GET", "/v1/events"),
    ("GET", "/v1/policy"),
    ("PUT", "/v1/policy"),
    ("GET", "/v1/servers/{vk}/verdicts/" + S),
    ("POST", "/v1/servers/{vk}/verdicts/" + S + "/void"),
    ("GET", "/v1/verdicts"),
]
every_route = pytest.mark.parametrize(("method", "path"), ROUTES)


def is_stranger(answer: Answer) -> bool:
    return (answer.status, answer.code) == (401, "not_authenticated")


@every_route
@pytest.mark.parametrize("key", [None, "", "unknown", "é", "x" * 5000])
def test_without_a_known_key_nothing_is_told(
    active: Paired, host: LocalHost, method: str, path: str, key: str | None
) -> None:
    answer = host.call(method, path.format(vk=active.vk), {} if method == "POST" else None, key)
    assert is_stranger(answer)


@every_route
def test_a_stranger_is_not_told_what_is_wrong_with_the_body(
    active: Paired, host: LocalHost, method: str, path: str
) -> None:
    assert is_stranger(host.call(method, path.format(vk=active.vk), b"{", "unknown"))


def test_another_scheme_is_no_key(active: Paired, host: LocalHost) -> None:
    response = host.client.get(
        f"/v1/servers/{active.vk}", headers={"Authorization": f"Basic {active.bank.key}"}
    )
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


def test_the_server_of_another_platform_is_unknown(active: Paired, host: LocalHost) -> None:
    shop = admitted(Bank.make("shop", datetime.now(UTC)))
    answer = host.call("GET", f"/v1/servers/{active.vk}", key=shop.key)
    assert (answer.status, answer.code) == (404, "server_unknown")


def test_another_platform_can_do_nothing_to_a_server(active: Paired, host: LocalHost) -> None:
    shop = admitted(Bank.make("shop", datetime.now(UTC)))
    for action in ("suspend", "unlock", "revoke"):
        body = {"proof": "passkey"} if action == "unlock" else {}
        answer = host.call("POST", f"/v1/servers/{active.vk}/{action}", body, shop.key)
        assert answer.code == "server_unknown"
    assert active.status()["state"] == "active"


def test_a_platform_sees_its_own_verdicts_alone(active: Paired, host: LocalHost) -> None:
    shop = admitted(Bank.make("shop", datetime.now(UTC)))
    assert host.call("GET", "/v1/verdicts", key=shop.key).body == {"verdicts": [], "next": 0}


def test_the_key_is_stored_hashed(bank: Bank) -> None:
    assert bank.key.encode() not in Platform.objects.get().key_hash


def test_a_replaced_key_ends_at_once(active: Paired, host: LocalHost) -> None:
    key = replace_platform_key(platform_id="bank")
    assert is_stranger(active.call("GET"))
    assert host.call("GET", f"/v1/servers/{active.vk}", key=key).status == 200
