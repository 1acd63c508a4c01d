"""The log's rows only come; and receipts that were signed before there was a log enter it."""

from collections.abc import Iterator
from itertools import islice

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.utils import timezone

from common.append_only import append_only, never_replaced
from common.reading import in_parts
from protocol.receipt import identity

KEPT = (("transactions", "Step"), ("packages", "BillingRequest"), ("offline", "Authorization"))
BATCH = 1000


def note_receipts(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let every receipt that is kept wait for the log; the worker logs it."""
    waiting = apps.get_model("signing", "UnloggedReceipt")
    now = timezone.now()
    kept = _kept(apps)
    while messages := list(islice(kept, BATCH)):
        waiting.objects.bulk_create(waiting(leaf=identity(each), at=now) for each in messages)


def _kept(apps: StateApps) -> Iterator[bytes]:
    for app, model in KEPT:
        rows = apps.get_model(app, model).objects.filter(receipt__isnull=False)
        yield from map(bytes, in_parts(rows.values_list("receipt", flat=True)))


class Migration(migrations.Migration):
    dependencies = [
        ("receipts", "0001_log"),
        ("signing", "0004_receipts_to_log"),
        ("transactions", "0003_erased_steps"),
        ("packages", "0001_packages"),
        ("offline", "0001_offline"),
    ]
    operations = [
        append_only(
            "receipts", ["receipts_logentry", "receipts_lognode", "receipts_logcheckpoint"]
        ),
        never_replaced(
            {
                "receipts_logentry": ["index", "leaf"],
                "receipts_lognode": ["number"],
                "receipts_logcheckpoint": ["size"],
            }
        ),
        migrations.RunPython(note_receipts, migrations.RunPython.noop),
    ]
