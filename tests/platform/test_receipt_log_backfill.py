"""Receipts that were signed before there was a log enter it."""

from importlib import import_module

from django.apps import apps
from django.db import connection

from signing.models import UnloggedReceipt
from tests.platform.world import Person

MIGRATION = import_module("receipts.migrations.0002_append_only")


def test_receipts_from_before_the_log_wait_for_it(anna: Person) -> None:
    for _ in range(2):
        anna.sign(anna.open())
    noted = {bytes(row.leaf) for row in UnloggedReceipt.objects.all()}
    UnloggedReceipt.objects.all().delete()

    MIGRATION.note_receipts(apps, connection.schema_editor())

    assert {bytes(row.leaf) for row in UnloggedReceipt.objects.all()} == noted
    assert len(noted) > 2
