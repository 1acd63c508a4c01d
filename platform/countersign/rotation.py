"""Seal every stored secret anew under the first key-encryption key, while the site serves.

Left out is what is over within a day, and opens with an older key until then: answers kept for
repeated requests (``common.IdempotentRequest``), and secrets for the next pages, in sessions.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

from accounts.adapter import RECOVERY_CODES
from billing.packages.services.keys import key_context, salt_context
from billing.packages.services.terminals import evidence_context
from binding.services.messages import message_context
from binding.services.register import number_context
from common.sealing import sealer
from notices.services.sms import sms_context
from notices.services.webhooks import webhook_context
from offline.services.clients import client_context
from protocol.errors import ProtocolError
from protocol.sealing import Sealer

# Rows that are read at once; each is written by itself, so that nobody waits for another.
_AT_ONCE = 100
# How often a row is read again that somebody else changed meanwhile.
_TRIES = 5


class Fate(StrEnum):
    """What became of a secret."""

    SEALED = "sealed anew"
    SEALED_BEFORE = "was sealed under the first key before"
    GONE = "is gone meanwhile"
    DAMAGED = "opens with none of the keys"
    CHANGED = "was changed by others at every try"


@dataclass(frozen=True, slots=True)
class Column:
    """Where secrets of one kind are.

    Attributes:
        model: ``app.Model``.
        field: Its field; empty where there is no secret, or no more.
        context: Returns what the secret of a row is sealed with.
        key: In a JSON field the name of the secret, which is there in base64.
    """

    model: str
    field: str
    context: Callable[[Any], bytes]
    key: str = ""

    def __str__(self) -> str:
        return f"{self.model}.{self.field}"

    @property
    def rows(self) -> QuerySet[Model]:
        """The rows that hold a secret."""
        rows: QuerySet[Model] = apps.get_model(self.model)._default_manager.all()
        if self.key:
            return rows.filter(**{f"{self.field}__has_key": self.key})
        return rows.exclude(**{self.field: b""})

    def anew(self, row: Model) -> Any:
        """Return what the field is to hold; ``None`` where nothing is to be done.

        Raises:
            ProtocolError: ``sealed_invalid``.
            ValueError, TypeError: it is no base64.
        """
        value, context = getattr(row, self.field), self.context(row)
        if not self.key:
            return _anew(bytes(value), context)
        sealed = _anew(base64.b64decode(value[self.key], validate=True), context)
        return sealed and {**value, self.key: base64.b64encode(sealed).decode()}


COLUMNS = (
    Column("signing.PlatformKey", "sealed_private", lambda key: bytes(key.kid)),
    Column("enrolment.AuthserverHost", "sealed_key", lambda host: host.name.encode()),
    Column("mfa.Authenticator", "data", lambda _: RECOVERY_CODES, key="seed"),
    Column("notices.WebhookEndpoint", "sealed_secret", lambda row: webhook_context(row.url)),
    Column(
        "notices.SmsMessage", "sealed_number", lambda row: sms_context(row.public_id, "number")
    ),
    Column("notices.SmsMessage", "sealed_text", lambda row: sms_context(row.public_id, "text")),
    Column("binding.Binding", "sealed_number", number_context),
    Column("binding.Message", "sealed_content", message_context),
    Column("offline.Client", "sealed_box_key", lambda row: client_context("box", row)),
    Column("offline.Client", "sealed_password", lambda row: client_context("password", row)),
    Column("entitlements.Version", "sealed_key", lambda version: bytes(version.build_digest)),
    Column(
        "packages.Package", "sealed_first_key", lambda row: key_context("first", bytes(row.uid))
    ),
    Column(
        "packages.Package", "sealed_third_key", lambda row: key_context("third", bytes(row.uid))
    ),
    Column("packages.Build", "sealed_salt", lambda row: salt_context(row.package, row.number)),
    Column(
        "packages.Terminal",
        "sealed_evidence_key",
        lambda row: evidence_context(bytes(row.device.thumbprint)),
    ),
)


def count() -> int:
    """Return how many secrets there are."""
    return sum(column.rows.count() for column in COLUMNS)


def seal_anew() -> Iterator[tuple[Fate, str]]:
    """Seal all secrets anew that need it; yield what became of each, and which it is.

    To be repeated when it was cut off.  A change of somebody else's is never overwritten.
    """
    for column in COLUMNS:
        last = 0
        while batch := column.rows.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]:
            for row in batch:
                yield _seal_anew(column, row), f"{column} of {row.pk}"
                last = row.pk


def _seal_anew(column: Column, row: Model) -> Fate:
    for _ in range(_TRIES):
        try:
            value = column.anew(row)
        except (ProtocolError, TypeError, ValueError):
            return Fate.DAMAGED
        if value is None:
            return Fate.SEALED_BEFORE
        this = column.rows.filter(pk=row.pk)
        unchanged = this.filter(**{column.field: getattr(row, column.field)})
        if unchanged.update(**{column.field: value}):
            return Fate.SEALED
        found = this.first()
        if found is None:
            return Fate.GONE
        row = found
    return Fate.CHANGED


def _anew(sealed: bytes, context: bytes) -> bytes | None:
    """Return a secret under the first key; ``None`` where it is under that already."""
    ours = sealer()
    try:
        Sealer(ours.kek).open(sealed, context)
    except ProtocolError:
        return ours.seal(ours.open(sealed, context), context)
    return None
