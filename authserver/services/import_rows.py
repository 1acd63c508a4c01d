"""Tokens of a file on their way into the database: judged, prepared, and taken out again.

What waits is sealed and certified already, so that storing it takes few seconds, no password and
no file, and can be done by another process than the one that read the file.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from authserver import base64url
from authserver.errors import AuthserverError
from authserver.models import Batch, ImportChunk, ImportJob, Server
from authserver.services import datakeys, seals
from authserver.services.hosts import current_host_key
from authserver.services.matching import enrollable_suite
from authserver.services.pairing import certify
from protocol.ed25519 import SigningKey
from tokens.batches_entry import Entry, Refused
from tokens.errors import BatchProblem

_FIELDS = ("vk", "serial", "suite", "sight", "counter", "drift")
_BYTES = ("certificate", "sealed_key", "sealed_seed")


@dataclass(slots=True)
class Judge:
    """Says of each token whether it can be stored.

    Attributes:
        now: Current time.
        seen: Serials of the file so far.
        sights: By suite: its sight, or why it is refused.
    """

    now: datetime
    seen: set[str] = field(default_factory=set)
    sights: dict[str, int | str] = field(default_factory=dict)

    def divide(self, found: Sequence[Entry | Refused]) -> tuple[list[Entry], list[Refused]]:
        """Return the tokens that can be stored, and those that cannot."""
        good: list[Entry] = []
        bad: list[Refused] = []
        serials = [entry.serial for entry in found if isinstance(entry, Entry)]
        taken = Server.objects.filter(serial__in=serials).values_list("serial", flat=True)
        stored = set(taken)
        for entry in found:
            judged = entry if isinstance(entry, Refused) else self._judged(entry, stored)
            if isinstance(judged, Entry):
                good.append(judged)
            else:
                bad.append(judged)
        return good, bad

    def _judged(self, entry: Entry, stored: set[str]) -> Entry | Refused:
        problem = self._problem(entry, stored)
        self.seen.add(entry.serial)
        return Refused(entry.place, entry.serial, *problem) if problem else entry

    def _problem(self, entry: Entry, stored: set[str]) -> tuple[BatchProblem, str] | None:
        if entry.serial in self.seen:
            return BatchProblem.REPEATED, "The serial occurs earlier in this file."
        if entry.serial in stored:
            return BatchProblem.STORED_BEFORE, "A token of this serial is stored already."
        sight = self.sight(entry.suite)
        return (BatchProblem.SUITE_REFUSED, sight) if isinstance(sight, str) else None

    def sight(self, suite: str) -> int | str:
        """Return the sight of a suite, or the sentence with which this host refuses it."""
        if suite not in self.sights:
            try:
                parsed = enrollable_suite(suite, int(self.now.timestamp()))
                self.sights[suite] = parsed.sight
            except AuthserverError as error:
                self.sights[suite] = error.detail
        return self.sights[suite]


@dataclass(frozen=True, slots=True, repr=False)
class Maker:
    """Makes the rows of new servers, each with a key of its own.

    Attributes:
        signer: The host key that certifies them.
        host_key: Its id.
        now: Current time.
    """

    signer: SigningKey
    host_key: int
    now: datetime

    @classmethod
    def at(cls, now: datetime) -> "Maker":
        """Take the host key of this time.

        Raises:
            AuthserverError: ``not_ready`` when there is none.
        """
        key = current_host_key(now)
        return cls(seals.host_signing_key(key), key.pk, now)

    def prepare(self, entries: Sequence[Entry], sights: dict[str, int | str]) -> tuple[str, str]:
        """Return the names of the keys used, and the rows as JSON; in the caller's transaction."""
        data_key = datakeys.current()
        rows = []
        for entry in entries:
            key = SigningKey.generate()
            server = Server(
                vk=key.kid.hex(),
                serial=entry.serial,
                suite=entry.suite,
                sight=sights[entry.suite],
                counter=entry.counter,
                drift=entry.drift,
                data_key=data_key,
                certificate=certify(key.public, entry.serial, self.now, signer=self.signer),
            )
            server.sealed_key = seals.seal(key.to_bytes(), server, seals.SIGNING)
            server.sealed_seed = seals.seal(entry.seed, server, seals.SEED)
            end = entry.expires_at.isoformat() if entry.expires_at else None
            plain = [getattr(server, name) for name in _FIELDS]
            octets = [base64url.encode(getattr(server, name)) for name in _BYTES]
            rows.append([*plain, *octets, end])
        return keys_now(self.host_key), json.dumps(rows, separators=(",", ":"))


def keys_now(host_key: int) -> str:
    """Name the keys that rows are made with: they are stored under these or not at all."""
    return f"{datakeys.current().pk} {host_key}"


def servers_of(chunk: ImportChunk, job: ImportJob, batch: Batch, seq: int) -> list[Server]:
    """Return the rows of a chunk, not stored yet."""
    data_key = chunk.keys.split()[0]
    servers = []
    for row in json.loads(chunk.rows):
        fields = dict(zip((*_FIELDS, *_BYTES), row, strict=False))
        fields |= {name: base64url.decode(fields[name]) for name in _BYTES}
        end = datetime.fromisoformat(row[-1]) if row[-1] else None
        server = Server(
            **fields,
            expires_at=end,
            platform_id=job.platform_id,
            batch=batch,
            data_key_id=data_key,
            seq=seq,
        )
        servers.append(server)
    return servers
