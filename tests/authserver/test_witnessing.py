"""The log that comes along with a verdict call: signed while it only grows, refused for good else.

Whatever becomes of it, the verdict stands.
"""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from authserver.base64url import decode, encode
from authserver.models import HostKey, HostState, LogRefusal, WitnessedLog
from authserver.selectors import calling_platform
from authserver.services import witnessing
from protocol import merkle
from protocol.cosignature import check_cosignature
from protocol.ed25519 import SigningKey
from protocol.keys import Host, KeyCertificate, Purpose, day_of
from protocol.log import Checkpoint
from protocol.statement import Kind
from tests.authserver.world import NOON, Answer, Bank, Paired

# Of statements: each is another one.
numbers = count(1)


@dataclass
class Log:
    """A platform's receipt log, as it grows or is forged."""

    bank: Bank
    key: SigningKey = field(default_factory=SigningKey.generate)
    entries: list[bytes] = field(default_factory=list)

    @property
    def certificate(self) -> bytes:
        return self.certified(Purpose.LOG)

    def certified(self, purpose: Purpose, *, name: str = "", root: Any = None) -> bytes:
        today = day_of(int(NOON.timestamp()))
        certificate = KeyCertificate(
            self.key.public, purpose, name or self.bank.information.id, today, today
        )
        return certificate.sign(root or self.bank.root)

    def grow(self, *entries: bytes) -> "Log":
        self.entries += entries
        return self

    def copy(self) -> "Log":
        return Log(self.bank, self.key, [*self.entries])

    def checkpoint(self, late: int = 0) -> Checkpoint:
        return Checkpoint(
            self.bank.information.origin,
            len(self.entries),
            merkle.root_hash(self.entries),
            int(NOON.timestamp()) + late,
        )

    def path(self, first: int) -> list[bytes]:
        tree = merkle.Tree()
        nodes = dict(node for entry in self.entries for node in tree.append(entry))
        return merkle.consistency_path(first, tree.size, lambda _: nodes)

    def shown(self, first: int = 0, late: int = 0) -> dict[str, Any]:
        return {
            "checkpoint": encode(self.checkpoint(late).sign(self.key)),
            "certificate": encode(self.certificate),
            "first": first,
            "path": [encode(each) for each in self.path(first)] if first else [],
        }


@pytest.fixture
def log(bank: Bank) -> Log:
    return Log(bank).grow(b"a", b"b", b"c")


def show(active: Paired, shown: object) -> dict[str, str]:
    """Answer a statement rightly, with the log alongside; the verdict stands in any case."""
    answer: Answer = active.answer(active.statement(number=next(numbers)), log=shown)
    assert answer.status == 200
    assert answer.body["accepted"] is True
    log: dict[str, str] = answer.body["log"]
    return log


def listed() -> Host:
    host = HostState.objects.get()
    certificates = tuple(key.certificate for key in HostKey.objects.all())
    return Host(1, host.name, "https://host.example", host.root, certificates)


def is_signed(told: dict[str, str], log: Log) -> bool:
    found = check_cosignature(decode(told["cosignature"]), log.checkpoint(), [listed()])
    return found.time == int(datetime.now(UTC).timestamp()) and told.keys() == {"cosignature"}


def is_asked(told: dict[str, str], held: Log) -> bool:
    return told == {"held": encode(held.checkpoint().sign(held.key))}


def test_the_first_log_that_a_host_sees_it_signs_as_it_is(active: Paired, log: Log) -> None:
    assert is_signed(show(active, log.shown()), log)


def test_calls_that_void_and_resynchronise_bring_the_log_as_well(active: Paired, log: Log) -> None:
    voided = active.void(active.statement(number=next(numbers)), log=log.shown())
    assert voided.body["reason"] == "cancelled"
    assert is_signed(voided.body["log"], log)
    statements = [active.statement(Kind.TEST, number=next(numbers)) for _ in range(2)]
    for response in (active.wrong, active.token.respond):
        log.grow(b"d")
        answers = [(each, response(each)) for each in statements]
        found = active.resynchronise(*answers, log=log.shown(len(log.entries) - 1))
        assert is_signed(found.body["log"], log)


def test_a_log_that_grew_is_signed(active: Paired, log: Log) -> None:
    show(active, log.shown())
    for first in (3, 5):
        log.grow(b"d", b"e")
        assert is_signed(show(active, log.shown(first)), log)


def test_the_same_log_is_signed_again(active: Paired, log: Log) -> None:
    show(active, log.shown())
    assert is_signed(show(active, log.shown()), log)
    assert is_signed(show(active, log.shown(3)), log)


def test_a_path_that_begins_elsewhere_is_asked_for_from_what_is_held(
    active: Paired, log: Log
) -> None:
    show(active, log.shown())
    held = log.copy()
    log.grow(b"d")
    assert is_asked(show(active, log.shown()), held)
    assert is_asked(show(active, log.shown(2)), held)
    assert not LogRefusal.objects.exists()


def test_an_old_checkpoint_that_was_long_under_way_is_no_alarm(active: Paired, log: Log) -> None:
    old = log.shown()
    log.grow(b"d")
    show(active, log.shown())
    assert is_asked(show(active, old), log)
    assert not LogRefusal.objects.exists()


def test_a_log_that_forked_is_refused_for_good(
    active: Paired, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    show(active, log.shown())
    forks = [
        Log(log.bank, log.key, [b"a", b"x", b"c"]).shown(),
        Log(log.bank, log.key, [b"a", b"x", b"c", b"d"]).shown(3),
        log.copy().grow(b"d").shown(3) | {"path": []},
    ]
    for fork in forks * 2:
        told = show(active, fork)
        assert told.pop("refused") == "log_forked"
        assert is_asked(told, log)
    refusal = LogRefusal.objects.get()
    assert (refusal.code, refusal.size) == ("log_forked", 3)
    assert encode(refusal.shown) == forks[0]["checkpoint"]
    assert "log.refused" in caplog.text
    # The true one goes on.
    assert is_signed(show(active, log.grow(b"d").shown(3)), log)


def test_a_log_that_shrank_is_refused(active: Paired, log: Log) -> None:
    show(active, log.shown())
    cut = Log(log.bank, log.key, log.entries[:2])
    assert show(active, cut.shown(late=1))["refused"] == "log_shrunk"
    assert LogRefusal.objects.get().code == "log_shrunk"
    # What is worse is written down as well.
    fork = Log(log.bank, log.key, [b"a", b"x", b"c", b"d"])
    assert show(active, fork.shown(3))["refused"] == "log_forked"
    assert LogRefusal.objects.order_by("pk").last().code == "log_forked"  # type: ignore[union-attr]


def test_a_host_signs_anew_for_a_log_that_its_operator_lets_it_forget(
    active: Paired, log: Log
) -> None:
    show(active, log.shown())
    restored = Log(log.bank, log.key, [b"a", b"x"])
    out = io.StringIO()
    call_command("forget_log", "bank", stdout=out)
    assert "bank" in out.getvalue()
    assert is_signed(show(active, restored.shown()), restored)
    with pytest.raises(CommandError, match="no platform"):
        call_command("forget_log", "nobody")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"checkpoint": encode(b"")}, "encoding_invalid"),
        ({"checkpoint": "!"}, "input_invalid"),
        ({"certificate": encode(b"x")}, "encoding_invalid"),
        ({"first": -1}, "input_invalid"),
        ({"path": [encode(bytes(31))]}, "input_invalid"),
        ({"path": [encode(bytes(32))] * 54}, "input_invalid"),
        ({"path": "abc"}, "input_invalid"),
        ({"more": 1}, "input_invalid"),
    ],
    ids=range(8),
)
def test_what_is_no_log_is_told_and_changes_nothing(
    active: Paired, log: Log, changes: dict[str, object], code: str
) -> None:
    assert show(active, log.shown() | changes) == {"refused": code}
    assert show(active, ["no object"]) == {"refused": "input_invalid"}
    assert not WitnessedLog.objects.exists()


def test_a_checkpoint_that_no_log_key_of_this_platform_signed_is_refused(
    active: Paired, log: Log
) -> None:
    stranger, shown = SigningKey.generate(), log.shown()
    wrong = [
        (log.certified(Purpose.RECEIPT), "certificate_wrong"),
        (log.certified(Purpose.LOG, name="other"), "certificate_wrong"),
        (log.certified(Purpose.LOG, root=stranger), "signature_invalid"),
        (Log(log.bank).certificate, "signature_invalid"),
    ]
    for certificate, code in wrong:
        changed = shown | {"certificate": encode(certificate)}
        assert show(active, changed) == {"refused": code}
    elsewhere = Checkpoint("https://other.example", 3, bytes(32), int(NOON.timestamp()))
    tomorrow = log.checkpoint(late=86_400)
    for checkpoint in (elsewhere, tomorrow):
        signed = {"checkpoint": encode(checkpoint.sign(log.key))}
        assert show(active, shown | signed) == {"refused": "certificate_wrong"}
    assert not WitnessedLog.objects.exists()


def test_trouble_with_the_log_never_blocks_a_verdict(
    active: Paired, log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: object) -> None:
        raise DatabaseError

    monkeypatch.setattr("authserver.judging.services.witness", fail)
    assert show(active, log.shown()) == {}
    assert "log.not_witnessed" in caplog.text
    HostKey.objects.update(retired_at=NOON)
    monkeypatch.undo()
    assert show(active, log.shown()) == {"refused": "not_ready"}


def test_of_two_calls_at_once_one_signs(
    active: Paired, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one had read what was held before this one changed it."""
    show(active, log.shown())

    def meanwhile(caller: bytes) -> Any:
        found = WitnessedLog.objects.all()
        monkeypatch.setattr(
            witnessing, "_standing", lambda *_: found.update(checkpoint=b"") and ""
        )
        return calling_platform(caller)

    monkeypatch.setattr(witnessing, "calling_platform", meanwhile)
    assert show(active, log.grow(b"d").shown(3)) == {}

    WitnessedLog.objects.all().delete()
    monkeypatch.undo()
    monkeypatch.setattr(WitnessedLog.objects, "filter", lambda **_: WitnessedLog.objects.none())
    WitnessedLog(platform_id="bank", size=1, checkpoint=b"", at=NOON).save(force_insert=True)
    assert show(active, log.shown()) == {}


def test_anybody_may_see_what_a_host_signed_for(active: Paired, log: Log) -> None:
    address = "/v1/logs/bank/checkpoint.cbor"
    assert active.host.call("GET", address).code == "not_found"
    show(active, log.shown())
    assert active.host.call("GET", address).raw == log.checkpoint().sign(log.key)
    assert active.host.call("GET", "/v1/logs/other/checkpoint.cbor").status == 404


def test_a_verdict_without_a_log_costs_nothing_for_it(active: Paired) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert "log" not in active.answer(active.statement()).body
    assert not any("witnessed" in query["sql"] for query in queries.captured_queries)
