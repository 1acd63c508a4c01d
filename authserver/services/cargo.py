"""What a server takes along to another host: its row, all that hangs on it, and its secrets.

Whatever field a model has goes along, so that one added later is not forgotten; what stays behind
is named here.  Tables carry the names of their columns, so that hosts of two versions understand
each other or refuse.  Secrets are taken out of their seals, since each host has keys of its own;
what holds them here is sealed as a whole before it leaves this process.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar

from django.core.exceptions import ValidationError
from django.db import models

from authserver.models import (
    Batch,
    BytesField,
    Event,
    Failure,
    FormerKey,
    Proof,
    Server,
    Verdict,
)
from authserver.selectors import BUDGET_SPAN
from authserver.services import seals
from protocol import cbor
from protocol.errors import ProtocolError
from protocol.fields import VERSION, check_list, versioned
from protocol.moving import MAX_PACKAGE_BYTES

Row = TypeVar("Row", bound=models.Model)
Hung = TypeVar("Hung", Verdict, Failure, Proof, Event, FormerKey)
# Not generic when it runs.
Column: TypeAlias = "models.Field[Any, Any]"

# More than this a package has no room for: such a server stays where it is.
MAX_VERDICTS = 20_000
# What the new host makes anew: its own ids, keys and words for things.
STAYS = {
    Server: {
        *("id", "vk", "platform", "batch", "successor", "state", "moved_to", "certificate"),
        *("data_key", "sealed_key", "sealed_seed", "sealed_post_key"),
    },
    Batch: {"id", "platform"},
    Verdict: {"id", "server"},
    Failure: {"id", "server"},
    Proof: {"id", "server"},
    Event: {"id", "server"},
    # With the certificate it had: that says what was true then.
    FormerKey: {"id", "server", "sealed_key"},
}
_USES = (seals.SIGNING, seals.SEED, seals.POST)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, repr=False)
class Cargo:
    """A server as it left its host.

    Attributes:
        server: Its row, not stored: what the sealed content says of it, and nothing else.
        state: In which it left.
        secrets: Signing key, seed and K_post; what a server of its kind has not is ``None``.
        batch: The batch it came in, if it did, not stored.
        verdicts: All it decided, not stored, as are the rest.
        failures: What stands against its budget.
        proofs: The questions its host has answered itself.
        events: Its story.
        former_keys: Those it had before, without what is sealed.
        former_secrets: Their private halves.
    """

    server: Server
    state: Server.State
    secrets: list[bytes | None]
    batch: Batch | None
    verdicts: list[Verdict]
    failures: list[Failure]
    proofs: list[Proof]
    events: list[Event]
    former_keys: list[FormerKey]
    former_secrets: list[bytes]


def load(server: Server, state: str, now: datetime) -> bytes:
    """Return everything of a server whose row the caller's transaction holds.

    Args:
        server: The row.
        state: In which it is to serve again.
        now: Current time.

    Raises:
        ProtocolError: ``too_large`` when it has decided too often, or ``sealed_invalid``.
    """
    verdicts = list(Verdict.objects.filter(server=server).order_by("seq"))
    if len(verdicts) > MAX_VERDICTS:
        raise ProtocolError("too_large", f"a server moves with {MAX_VERDICTS} verdicts at most")
    # Older ones stand against no budget and can be repeated no more.
    failures = Failure.objects.filter(server=server, at__gt=now - BUDGET_SPAN)
    sealed = (server.sealed_key, server.sealed_seed, server.sealed_post_key)
    former = list(FormerKey.objects.filter(server=server).order_by("id"))
    return cbor.encode(
        [
            VERSION,
            _table(Server, [server]),
            str(state),
            [
                one and seals.unseal(one, server, use)
                for one, use in zip(sealed, _USES, strict=True)
            ],
            _table(Batch, [server.batch] if server.batch else []),
            _table(Verdict, verdicts),
            _table(Failure, failures.order_by("id")),
            _table(Proof, Proof.objects.filter(server=server).order_by("id")),
            _table(Event, Event.objects.filter(server=server).order_by("id")),
            _table(FormerKey, former),
            [seals.unseal(key.sealed_key, _under(key, server), seals.SIGNING) for key in former],
        ]
    )


def unload(content: bytes) -> Cargo:
    """Read what :func:`load` wrote.

    Raises:
        ProtocolError: whatever rule it breaks.
    """
    server, state, secrets, batch, verdicts, failures, proofs, events, former, private = versioned(
        "content", cbor.decode(content, max_bytes=MAX_PACKAGE_BYTES), 11
    )
    if state not in Server.State.values:
        raise ProtocolError("value_out_of_range", "the state is unknown", "state")
    former_keys = _rows(FormerKey, former)
    given = [secret for secret in check_list("secrets", secrets, len(_USES)) if secret is not None]
    given += check_list("former secrets", private, len(former_keys))
    if not all(type(secret) is bytes for secret in given):
        raise ProtocolError("type_wrong", "a secret is bytes", "secrets")
    return Cargo(
        server=_only(_rows(Server, server)),
        state=Server.State(state),
        secrets=secrets,
        batch=next(iter(_rows(Batch, batch)), None),
        verdicts=_rows(Verdict, verdicts),
        failures=_rows(Failure, failures),
        proofs=_rows(Proof, proofs),
        events=_rows(Event, events),
        former_keys=former_keys,
        former_secrets=private,
    )


def take_over(cargo: Cargo, row: Server) -> None:
    """Give a row the fields and, under this host's keys, the secrets; the caller saves it.

    Args:
        cargo: Of the server that arrived.
        row: With its ``vk``; what it has else is what stays behind.

    Raises:
        AuthserverError: ``not_ready`` before ``init``.
        KeyProviderError: the keys of this host cannot be had.
    """
    for field in _fields(Server):
        setattr(row, field.name, getattr(cargo.server, field.name))
    signing, seed, post_key = (
        secret and seals.seal(secret, row, use)
        for secret, use in zip(cargo.secrets, _USES, strict=True)
    )
    row.sealed_key, row.sealed_seed, row.sealed_post_key = signing or b"", seed, post_key


def wipe(server: Server) -> list[str]:
    """Take its secrets from a server: a seed is at one host alone.

    Returns:
        The names of the row's fields that were emptied, and are to be saved.
    """
    FormerKey.objects.filter(server=server).update(sealed_key=b"")
    server.sealed_key, server.sealed_seed, server.sealed_post_key = b"", None, None
    return ["sealed_key", "sealed_seed", "sealed_post_key"]


def unpack(cargo: Cargo, server: Server) -> None:
    """Store what hangs on a server; it may have been here before.

    Raises:
        ProtocolError: ``chain_broken`` when another verdict on a statement is stored here.
    """
    known = dict(Verdict.objects.filter(server=server).values_list("s", "message"))
    if any(known.get(row.s, row.message) != row.message for row in cargo.verdicts):
        raise ProtocolError("chain_broken", "this host has decided otherwise meanwhile")
    told = _table(Event, Event.objects.filter(server=server))
    Failure.objects.filter(server=server).delete()
    Proof.objects.filter(server=server).delete()
    _store(server, [row for row in cargo.verdicts if row.s not in known])
    _store(server, cargo.failures)
    FormerKey.objects.filter(server=server).delete()
    for key, secret in zip(cargo.former_keys, cargo.former_secrets, strict=True):
        key.sealed_key = seals.seal(secret, _under(key, server), seals.SIGNING)
    _store(server, cargo.former_keys)
    _store(server, cargo.proofs)
    _store(server, [row for row in cargo.events if _table(Event, [row])[1] not in told])


def _under(key: FormerKey, server: Server) -> Server:
    """Return the server as it was called under a former key: that is what seals are bound to."""
    return Server(vk=key.vk, data_key_id=server.data_key_id)


def _store(server: Server, rows: Sequence[Hung]) -> None:
    for row in rows:
        row.server = server
    if rows:
        type(rows[0]).objects.bulk_create(rows, batch_size=_AT_ONCE)


def _fields(model: type[models.Model]) -> list[Column]:
    return [field for field in model._meta.concrete_fields if field.name not in STAYS[model]]


def _table(model: type[Row], rows: Iterable[Row]) -> list[list[Any]]:
    """Return the names of the columns, then the rows."""
    fields = _fields(model)
    written = [[_written(field, getattr(row, field.name)) for field in fields] for row in rows]
    return [[field.name for field in fields], *written]


def _rows(model: type[Row], table: object) -> list[Row]:
    names, *rows = check_list("table", table, 1, MAX_PACKAGE_BYTES)
    fields = {field.name: field for field in _fields(model)}
    if type(names) is not list or not all(type(name) is str and name in fields for name in names):
        raise ProtocolError("key_unknown", "the package holds a field that is not known here")
    readers = [_reader(fields[name]) for name in names]
    return [
        model(
            **{
                name: read(value)
                for name, read, value in zip(
                    names, readers, check_list("row", values, len(names)), strict=True
                )
            }
        )
        for values in rows
    ]


def _only(rows: list[Row]) -> Row:
    if len(rows) != 1:
        raise ProtocolError("type_wrong", "a package holds one server")
    return rows[0]


def _written(field: Column, value: Any) -> Any:
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    if isinstance(field, models.JSONField):
        return json.dumps(value)
    # bool is no integer in a message, and text must not be a member of an enumeration.
    return int(value) if isinstance(value, bool) else value


_KINDS: "tuple[tuple[type[Column], type], ...]" = (
    (models.CharField, str),
    (models.JSONField, str),
    (BytesField, bytes),
)


def _reader(field: Column) -> Callable[[object], Any]:
    """Return what makes a value of a message one that may stand in this field.

    It raises ``ProtocolError``: ``type_wrong`` or ``value_out_of_range``.
    """
    due = next((kind for fields, kind in _KINDS if isinstance(field, fields)), int)
    turn = next((turn for fields, turn in _TURNS if isinstance(field, fields)), None)
    # Ranges and lengths; looked up once, since a server has thousands of rows.
    checks = [*field.validators]

    def read(value: object) -> Any:
        if value is None and field.null:
            return None
        if type(value) is not due:
            raise ProtocolError("type_wrong", f"{field.name} has the wrong type", field.name)
        try:
            turned = value if turn is None else turn(value)
            for check in checks:
                check(turned)
        except (ValidationError, ValueError, OverflowError, RecursionError) as error:
            detail = f"{field.name} is out of range"
            raise ProtocolError("value_out_of_range", detail, field.name) from error
        return turned

    return read


def _moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


# Where a value is written otherwise than the field has it.
_TURNS: "tuple[tuple[type[Column], Callable[[Any], Any]], ...]" = (
    (models.DateTimeField, _moment),
    (models.JSONField, json.loads),
    (models.BooleanField, bool),
)
