"""After an older copy of a database came back: learn from the hosts what was decided since.

Hosts keep every verdict, and no statement.  So steps that are known here end as they ended there;
a step that was forgotten comes back with the receipt that somebody holds (services.recover).
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Max

from audit.services import record
from common.errors import DomainError
from enrolment.authserver_client import from_base64
from enrolment.errors import AuthserverUnavailableError, HostRolledBackError
from enrolment.selectors import client_for, open_hosts, servers_known
from protocol import cose
from protocol.errors import ProtocolError
from protocol.verdict import Verdict
from transactions.models import ErasedStep, Step
from transactions.selectors import step_by_digest
from transactions.services.conclude import conclude

if TYPE_CHECKING:
    from enrolment.models import AuthserverHost

logger = logging.getLogger(__name__)

_CONFLICT = "verdict_conflict"


@dataclass(slots=True)
class Learned:
    """What the hosts' verdicts say about the steps here.

    Attributes:
        known: Verdicts that are here already.
        settled: Steps that were open here, and ended as their host says.
        forgotten: Verdicts on statements that are not here any more.
        strangers: Servers of ours that no token here belongs to.
        alarms: What must not be: digest of a statement or id of a server, and a code.
        silent: Hosts that gave no usable answer.
    """

    known: int = 0
    settled: int = 0
    forgotten: int = 0
    strangers: set[str] = field(default_factory=set)
    alarms: list[tuple[str, str]] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One verdict of a host's journal."""

    vk: bytes
    seq: int
    s: bytes
    message: bytes


def learn_from_hosts(
    *, now: datetime, report: Callable[[Learned], None] = lambda so_far: None
) -> Learned:
    """Compare every verdict of every host with the steps here; safe to repeat.

    Args:
        now: Timezone-aware.
        report: Told after each part of a journal.
    """
    learned, newest, heard = Learned(), dict[bytes, int](), list["AuthserverHost"]()
    for host in open_hosts():
        try:
            for entries in _journal(host):
                _compare(entries, learned, now)
                for entry in entries:
                    newest[entry.vk] = max(entry.seq, newest.get(entry.vk, 0))
                report(learned)
            heard.append(host)
        except DomainError as error:
            logger.warning("journal.not_fetched", extra={"host": host.name, "code": error.code})
            learned.silent.append(host.name)
    for vk in _behind(heard, newest):
        _alarm(learned, vk.hex(), HostRolledBackError.code, now)
    return learned


def _journal(host: "AuthserverHost") -> Iterator[list[_Entry]]:
    """Yield a host's verdicts, some at a time; no transaction is open here."""
    after, client = 0, client_for(host)
    while True:
        shown = client.verdicts(after=after)
        try:
            entries = [_entry(each) for each in shown["verdicts"]]
            after = int(shown["next"])
        except (KeyError, TypeError, ValueError, ProtocolError) as error:
            raise AuthserverUnavailableError from error
        if not entries:
            return
        yield entries


def _entry(shown: dict[str, str]) -> _Entry:
    message = from_base64(shown["verdict"])
    verdict = Verdict.from_payload(cose.parse(message).payload)
    return _Entry(bytes.fromhex(shown["vk"]), verdict.seq, verdict.s, message)


def _compare(entries: list[_Entry], learned: Learned, now: datetime) -> None:
    digests = [entry.s for entry in entries]
    steps = {bytes(step.s): step for step in Step.objects.filter(s__in=digests)}
    erased = {bytes(s) for s in _erased(digests)}
    known = servers_known({entry.vk for entry in entries})
    numbered = _numbered(entries)
    for entry in entries:
        step = steps.get(entry.s)
        if numbered.get((entry.vk, entry.seq), entry.message) != entry.message:
            _alarm(learned, entry.s.hex(), _CONFLICT, now)
        elif step is None:
            learned.forgotten += entry.s not in erased
            learned.strangers |= set() if entry.vk in known else {entry.vk.hex()}
        elif step.is_open:
            _settle(entry, learned, now)
        elif bytes(step.verdict or b"") != entry.message:
            _alarm(learned, entry.s.hex(), _CONFLICT, now)
        else:
            learned.known += 1


def _erased(digests: list[bytes]) -> Iterable[bytes | memoryview]:
    return ErasedStep.objects.filter(s__in=digests).values_list("s", flat=True)


def _numbered(entries: list[_Entry]) -> dict[tuple[bytes, int], bytes]:
    """Return the verdicts that are here under the same numbers of the same servers."""
    rows = Step.objects.filter(
        token__vk__in=[entry.vk for entry in entries], seq__in=[entry.seq for entry in entries]
    )
    values = rows.values_list("token__vk", "seq", "verdict")
    return {(bytes(vk), seq or 0): bytes(verdict or b"") for vk, seq, verdict in values}


def _settle(entry: _Entry, learned: Learned, now: datetime) -> None:
    try:
        conclude(step_by_digest(entry.s), entry.message, actor="system", now=now)
        learned.settled += 1
    except DomainError as error:
        _alarm(learned, entry.s.hex(), error.code, now)


def _behind(heard: list["AuthserverHost"], newest: dict[bytes, int]) -> list[bytes]:
    """Return the servers of which a host knows less than is known here."""
    seen = Step.objects.filter(token__host__in=heard, seq__isnull=False)
    last = seen.values("token__vk").annotate(last=Max("seq")).values_list("token__vk", "last")
    return [bytes(vk) for vk, seq in last if (seq or 0) > newest.get(bytes(vk), 0)]


def _alarm(learned: Learned, subject: str, code: str, now: datetime) -> None:
    logger.critical("restore.conflict", extra={"subject": subject, "code": code})
    record(action="restore.conflict", actor="system", subject=subject, now=now, code=code)
    learned.alarms.append((subject, code))
