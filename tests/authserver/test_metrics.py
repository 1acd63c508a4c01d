"""Figures for monitoring: only for whoever has the token, and counted now and then."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from authserver import metrics
from tests.authserver.world import Paired

KEY = "k" * 43


@pytest.fixture(autouse=True)
def _token(settings: Any) -> Iterator[None]:
    settings.AUTHSERVER_METRICS_TOKEN = KEY
    metrics._kept.clear()
    yield
    metrics._kept.clear()


def figures() -> dict[str, float]:
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(number) for name, number in (line.rsplit(" ", 1) for line in lines)}


def test_the_figures_say_how_the_servers_stand(active: Paired) -> None:
    active.fail(active.statement(), 5)
    found = figures()
    assert found['authserver_servers{state="active"}'] == found["authserver_tokens_locked"] == 1
    assert found["authserver_verdicts_total"] >= 2
    assert found["authserver_imports_running"] == found["authserver_log_refusals"] == 0


def test_the_figures_are_counted_now_and_then(
    active: Paired, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert figures()["authserver_tokens_locked"] == 0
    active.fail(active.statement(), 5)
    assert figures()["authserver_tokens_locked"] == 0
    monkeypatch.setattr(metrics, "KEPT_SECONDS", 0.0)
    assert figures()["authserver_tokens_locked"] == 1


@pytest.mark.parametrize("given", ["", KEY, f"Bearer {KEY[1:]}", f"Bearer {KEY}é"])
def test_without_the_token_there_are_none(db: None, given: str) -> None:
    answer = Client().get("/metrics", headers={"Authorization": given} if given else {})
    assert answer.json()["code"] == "not_authenticated"


def test_where_no_token_is_set_there_is_nothing(db: None, settings: Any) -> None:
    settings.AUTHSERVER_METRICS_TOKEN = ""
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
