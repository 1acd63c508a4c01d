"""What migrations of the log do: old receipts enter it, old checkpoints say what they follow."""

from importlib import import_module

from django.apps import apps
from django.db import connection
from django.db.models import F

from receipts.models import LogCheckpoint
from signing.models import UnloggedReceipt
from tests.platform.test_receipt_log import filled, tamper
from tests.platform.world import Person

__all__ = ["filled", "tamper"]

MIGRATION = import_module("receipts.migrations.0002_append_only")
FOLLOWS = import_module("receipts.migrations.0004_follows")


def test_receipts_from_before_the_log_wait_for_it(anna: Person) -> None:
    for _ in range(2):
        anna.sign(anna.open())
    noted = {bytes(row.leaf) for row in UnloggedReceipt.objects.all()}
    UnloggedReceipt.objects.all().delete()

    MIGRATION.note_receipts(apps, connection.schema_editor())

    assert {bytes(row.leaf) for row in UnloggedReceipt.objects.all()} == noted
    assert len(noted) > 2


def test_checkpoints_from_before_are_told_what_they_follow_on(tamper: None) -> None:
    LogCheckpoint.objects.update(follows=F("size") + 1000)

    FOLLOWS.note_order(apps, connection.schema_editor())

    rows = LogCheckpoint.objects.order_by("size").values_list("follows", "size")
    assert [*rows] == [(0, 3), (3, 4), (4, 11)]
