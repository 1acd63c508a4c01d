"""The token app stands on its host's origin: it may post answers here, and nothing else."""

import pytest
from django.test import Client

from protocol.jwk import to_base64
from tests.platform.world import Person

RESPONSES = "/api/v1/responses"
PREFLIGHT = {
    "Origin": "https://host.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}


def test_a_browser_may_ask_whether_a_token_may_post(client: Client) -> None:
    answer = client.options(RESPONSES, headers=PREFLIGHT)

    assert answer.status_code == 204
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Access-Control-Allow-Methods"] == "POST"
    assert answer["Access-Control-Allow-Headers"] == "Content-Type"
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("path", ["/api/v1/transactions", "/api/v1/steps", "/"])
def test_no_other_address_is_open_to_pages_of_others(client: Client, path: str) -> None:
    answer = client.options(path, headers=PREFLIGHT)

    assert "Access-Control-Allow-Origin" not in answer


def test_the_token_app_may_read_why_it_was_refused(anna: Person, client: Client) -> None:
    body = {"s": anna.open()["id"], "tag": to_base64(bytes(32)), "response": "12345678"}

    answer = client.post(
        RESPONSES, body, "application/json", headers={"Origin": "https://h.example"}
    )

    assert answer.json()["code"] == "tag_wrong"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer
