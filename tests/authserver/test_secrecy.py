"""No seed, key, response, digits or ticket in any log, and none in clear in the database."""

import json
import logging

import pytest
from django.core import serializers
from django.db import connections

from authserver.base64url import encode
from authserver.logs import EventFormatter
from authserver.models import (
    Enrolment,
    Event,
    Failure,
    HostKey,
    HostState,
    Platform,
    Proof,
    Server,
    Verdict,
)
from authserver.services import enrolment, pairing, seals
from protocol.statement import Kind
from tests.authserver.world import LocalHost, Paired

MODELS = (Enrolment, Event, Failure, HostKey, HostState, Platform, Proof, Server, Verdict)


@pytest.fixture
def walked(
    paired: Paired, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Walk through a token's whole life under DEBUG logs, and return every secret of it."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "django")
    # Django logs each query with its parameters then.
    monkeypatch.setattr(connections["default"], "force_debug_cursor", True)
    paired.enrol()
    secrets = paired.token.secrets
    assert secrets
    paired.confirm(f"{(int(secrets.digits) + 1) % 10**8:08}")
    paired.host.call("POST", "/e", None)
    assert isinstance(paired.host, LocalHost)
    paired.host.client.post("/e", {"link": paired.invitation.to_link()})
    paired.confirm()
    activation = paired.statement(Kind.ACTIVATION)
    responses = [paired.token.respond(activation)]
    paired.answer(activation)
    responses.append(paired.prove(paired.statement(number=7), "ab" * 32).body["answer"])
    tests = [paired.statement(Kind.TEST, number=number) for number in (8, 9)]
    responses += ["71352468", "82461357"]
    paired.resynchronise(*zip(tests, responses[-2:], strict=True))
    paired.unlock()
    # Digits that no duration or count in a log has by chance.
    for number in range(5):
        responses.append(f"8642{number}713")
        paired.answer(paired.statement(), responses[-1])
    paired.answer(paired.statement(number=1), "12345 678")
    paired.answer(paired.statement(number=1), "98765432", tag="x")
    paired.call("POST", "/verdicts", b'{"response": "55554444"')
    responses += ["12345 678", "98765432", "55554444", secrets.digits]
    server_key = seals.server_key(paired.row).to_bytes()
    binary = [secrets.seed, secrets.post_key, paired.invitation.ticket, server_key]
    texts = [write(value) for value in binary for write in (bytes.hex, encode, repr)]
    return [*responses, *texts, paired.bank.key]


def test_no_secret_is_in_any_log(walked: list[str], caplog: pytest.LogCaptureFixture) -> None:
    formatter = EventFormatter()
    logged = "\n".join(formatter.format(record) for record in caplog.get_records("setup"))
    assert "SELECT" in logged
    assert "verdict.wrong" in logged
    for secret in walked:
        assert secret not in logged


def test_no_secret_is_in_clear_in_the_database(walked: list[str]) -> None:
    dump = "".join(
        str(row) for model in MODELS for row in model.objects.values()
    ) + serializers.serialize("json", [row for model in MODELS for row in model.objects.all()])
    for secret in walked:
        assert secret not in dump


def test_nothing_that_holds_a_secret_shows_it(paired: Paired) -> None:
    paired.enrol()
    assert paired.token.secrets
    made = pairing.Paired(paired.row, paired.invitation.to_link(), paired.row.enrolled_at)  # type: ignore[arg-type]  # set by now
    shown = enrolment.Comparison("https://bank.example", False, paired.token.secrets.digits)  # noqa: FBT003
    assert paired.invitation.to_link() not in repr(made)
    assert paired.token.secrets.digits not in repr(shown)


def test_a_log_line_is_one_json_object_with_its_traceback() -> None:
    try:
        raise RuntimeError("no\nseed")
    except RuntimeError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "", 0, "it.broke", (), (type(error), error, None)
        )
    record.vk = "00ff"
    line = EventFormatter().format(record)
    event = json.loads(line)
    assert "\n" not in line
    assert (event["event"], event["level"], event["vk"]) == ("it.broke", "error", "00ff")
    assert "RuntimeError" in event["error"]
