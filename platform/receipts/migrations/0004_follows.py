"""Each checkpoint says which one it follows on, so that none is taken from between two others."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from common.append_only import append_only, never_replaced

TABLE = "receipts_logcheckpoint"


def allow(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let rows be changed; against TRUNCATE nothing changes."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP TRIGGER {TABLE}_append_only ON {TABLE}")
        return
    for name in ("no_update", "no_delete", "no_replace"):
        schema_editor.execute(f"DROP TRIGGER {TABLE}_{name}")


def forbid(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let them only come again."""
    _forbid(apps, schema_editor, "size", "follows")


def forbid_as_before(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Do so where they do not say what they follow on."""
    _forbid(apps, schema_editor, "size")


def note_order(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Have each row follow on the one that is before it now."""
    rows = apps.get_model("receipts", "LogCheckpoint").objects
    before = rows.filter(size__lt=OuterRef("size")).order_by("-size").values("size")
    rows.update(follows=Coalesce(Subquery(before[:1]), 0))


def _forbid(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor, *keys: str) -> None:
    append_only("receipts", [TABLE]).code(apps, schema_editor)
    if schema_editor.connection.vendor != "postgresql":
        never_replaced({TABLE: keys}).code(apps, schema_editor)


class Migration(migrations.Migration):

    dependencies = [
        ('receipts', '0003_witnesses'),
    ]

    operations = [
        migrations.RunPython(allow, forbid_as_before),
        migrations.AddField(
            model_name='logcheckpoint',
            name='follows',
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.RunPython(note_order, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='logcheckpoint',
            name='follows',
            field=models.PositiveBigIntegerField(help_text='Size of the one before; 0: there is none.', unique=True),
        ),
        migrations.RunPython(forbid, allow),
    ]
