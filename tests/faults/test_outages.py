"""An authserver that is stopped, slow or talks nonsense costs nothing but time."""

import base64
import json

import pytest

from tests.concurrency.test_responses import verdicts
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Answer
from tests.e2e.wire import Fault
from tests.faults.conftest import asked

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

# As on a real site.
TIMEOUT_SECONDS = 5


def http(status: int, body: bytes, **headers: str) -> bytes:
    """Return an answer in HTTP."""
    fields = {"Content-Length": str(len(body)), "Connection": "close", **headers}
    lines = [f"HTTP/1.1 {status} Such", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def as_verdict(message: bytes) -> bytes:
    """Return an answer that says a response was accepted, with this verdict."""
    text = base64.urlsafe_b64encode(message).rstrip(b"=").decode()
    return http(200, json.dumps({"accepted": True, "verdict": text}).encode())


NONSENSE = {
    "nothing": b"",
    "no_http": b"\x00\xff\r\n\r\n what?",
    "no_json": http(200, b"<html>It works!</html>"),
    "no_utf_8": http(200, b"\xff\xfe\x00"),
    "no_object": http(200, b"[1, 2]"),
    "no_verdict": http(200, b'{"accepted": true}'),
    "verdict_is_no_text": http(200, b'{"accepted": true, "verdict": 7}'),
    "verdict_is_no_base64": http(200, '{"accepted": true, "verdict": "é?"}'.encode()),
    "verdict_is_no_cose": as_verdict(b"accepted"),
    "endless_brackets": http(200, b"[" * 200_000),
    "two_megabytes": http(200, b"7" * 2_000_000),
    "cut_short": http(200, b'{"accepted": tr', **{"Content-Length": "200"}),
    "gzip_that_is_none": http(200, b"{}", **{"Content-Encoding": "gzip"}),
    "own_error": http(500, b'{"code": "internal_error"}'),
    "error_of_a_proxy": http(502, b"<html>Bad gateway</html>"),
    "redirect": http(302, b"", Location="http://127.0.0.1:9/"),
    "unknown_key": http(401, b'{"code": "not_authenticated"}'),
    "refusal_without_code": http(409, b'{"detail": "no"}'),
}


def is_unavailable(answer: Answer) -> bool:
    return (
        (answer.status, answer.code) == (503, "authserver_unavailable")
        and int(answer.headers["Retry-After"]) > 0
        and "try again" in answer.body["detail"]
    )


def test_while_it_is_stopped_the_api_says_so_and_the_same_response_works_later(
    services: Live,
) -> None:
    anna = services.party("Anna Meier")
    one = asked(anna)
    with services.without("authserver"):
        assert is_unavailable(one.answer())
        assert one.state == "challenged"
    assert one.answer().body["accepted"] is True


def test_while_it_is_slow_the_api_says_so_and_the_same_response_works_later(
    on_sqlite: Live,
) -> None:
    anna = on_sqlite.party("Anna Meier")
    one = asked(anna)
    slow = Fault(delay=3 * TIMEOUT_SECONDS)
    with on_sqlite.waiting(TIMEOUT_SECONDS), on_sqlite.back.spoiled(slow):
        assert is_unavailable(one.answer())
    assert one.state == "challenged"
    assert one.answer().body["accepted"] is True
    assert len(verdicts(on_sqlite, one.step["id"])) == 1


@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_is_taken_for_an_outage(on_sqlite: Live, kind: str) -> None:
    anna = on_sqlite.party("Anna Meier")
    one = asked(anna)
    with on_sqlite.back.spoiled(Fault(answer=NONSENSE[kind])):
        assert is_unavailable(one.answer())
    assert one.state == "challenged"
    assert one.answer().body["accepted"] is True


def test_the_verdict_on_another_step_ends_nothing_and_leaves_an_audit_row(
    on_sqlite: Live,
) -> None:
    anna = on_sqlite.party("Anna Meier")
    other, one = asked(anna), asked(anna)
    other.answer()
    ((_, message),) = verdicts(on_sqlite, other.step["id"])
    with on_sqlite.back.spoiled(Fault(answer=as_verdict(message))):
        assert is_unavailable(one.answer())
    assert one.state == "challenged"
    about = "action = 'verdict.refused' AND subject = ?"
    assert on_sqlite.count("platform", "audit_auditrow", about, one.step["id"]) == 1
    assert one.answer().body["accepted"] is True


def test_one_lost_answer_is_asked_for_again_at_once(on_sqlite: Live) -> None:
    anna = on_sqlite.party("Anna Meier")
    one = asked(anna)
    with on_sqlite.back.spoiled(Fault(loses=1)):
        assert one.answer().body["accepted"] is True
    assert on_sqlite.back.lost == 1
    assert len(verdicts(on_sqlite, one.step["id"])) == 1


def test_the_verdict_of_a_lost_answer_is_there_for_the_same_response_alone(
    services: Live,
) -> None:
    anna = services.party("Anna Meier")
    one = asked(anna)
    with services.back.spoiled(Fault(loses=2)):
        assert is_unavailable(one.answer())
    (verdict,) = verdicts(services, one.step["id"])
    assert one.state == "challenged"
    assert anna.answer(one.step, next(anna.wrong_codes(one.step))).code == "response_replayed"
    told = one.answer()
    assert bytes.fromhex(told.body["verdict"]) == verdict[1]
    assert verdicts(services, one.step["id"]) == [verdict]
