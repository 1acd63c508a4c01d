"""Figures for monitoring: only for whoever has the token, and in the format of collectors."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from receipts.log import extend_log
from signing.models import UnloggedReceipt
from tests.platform.world import Person, now

KEY = "k" * 43


@pytest.fixture
def _token(settings: Any) -> None:
    settings.METRICS_TOKEN = KEY


def figures() -> dict[str, float]:
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    lines = answer.content.decode().splitlines()
    assert all(line.startswith(("# HELP ", "# TYPE ", "countersign_")) for line in lines)
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(number) for name, number in pairs}


@pytest.mark.usefixtures("_token")
def test_the_figures_say_how_worker_and_log_get_on(anna: Person) -> None:
    anna.sign(anna.open())
    found = figures()
    waiting = UnloggedReceipt.objects.count()
    assert found["countersign_receipts_waiting"] == waiting > 0
    assert found["countersign_log_entries"] == found["countersign_steps_due"] == 0

    UnloggedReceipt.objects.update(at=now() - timedelta(minutes=5))
    assert 300 <= figures()["countersign_worker_lag_seconds"] < 400

    extend_log(now=now())
    anna.sign(anna.open())
    found = figures()
    assert found["countersign_log_entries"] == waiting
    assert found["countersign_worker_lag_seconds"] < 60
    assert found['countersign_messages_due{kind="webhook"}'] == 0
    assert found["countersign_log_objections"] == 0


@pytest.mark.usefixtures("_token")
@pytest.mark.parametrize("given", ["", KEY, f"Bearer {KEY[1:]}", f"Bearer {KEY}é", "Basic x"])
def test_without_the_token_there_are_none(db: None, given: str) -> None:
    answer = Client().get("/metrics", headers={"Authorization": given} if given else {})
    assert (answer.status_code, answer.content) == (401, b"")


def test_where_no_token_is_set_there_is_nothing(db: None) -> None:
    for given in ("Bearer ", f"Bearer {KEY}"):
        assert Client().get("/metrics", headers={"Authorization": given}).status_code == 404
