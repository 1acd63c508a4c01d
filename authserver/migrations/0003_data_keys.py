"""Rows name the key they are sealed under; the key-encryption key of before is the first."""

import uuid
from typing import Any

import django.db.models.deletion
from django.core.management.base import CommandError
from django.db import migrations, models
from django.utils import timezone

import authserver.models
from authserver import keyproviders
from authserver.errors import KeyProviderError

# Under it all rows were sealed when there was one key for everything.
BEFORE = uuid.UUID(int=0)


def wrap_the_key_of_before(apps: Any, schema_editor: Any) -> None:
    """Make a data key of it, unless the database is new."""
    if not apps.get_model("authserver", "HostKey").objects.exists():
        return
    try:
        kek, wrapped = keyproviders.key_of_before(BEFORE)
    except KeyProviderError as error:
        raise CommandError(f"The rows there are need their key. {error}") from error
    apps.get_model("authserver", "DataKey").objects.create(
        id=BEFORE, kek=kek, wrapped=wrapped, made_at=timezone.now()
    )


def names_its_key(model: str) -> migrations.AddField:
    """Add the column; rows there are get the key of before."""
    key = models.ForeignKey(
        to="authserver.datakey",
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        default=BEFORE,
    )
    return migrations.AddField(model, "data_key", key, preserve_default=False)


class Migration(migrations.Migration):
    dependencies = [("authserver", "0002_token_life")]

    operations = [
        migrations.CreateModel(
            name="DataKey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kek", models.CharField(help_text="Provider and name: file:… or pkcs11:….", max_length=40)),
                ("wrapped", authserver.models.BytesField(help_text="Empty once nothing needs it.")),
                ("is_current", models.BooleanField(default=True, help_text="Whether new rows are sealed by it.")),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_current", True)),
                        fields=("is_current",),
                        name="data_key_one_current",
                    )
                ],
            },
        ),
        migrations.RunPython(wrap_the_key_of_before, migrations.RunPython.noop),
        names_its_key("hostkey"),
        names_its_key("server"),
        migrations.CreateModel(
            name="FormerKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("vk", models.CharField(help_text="Server id under that key.", max_length=16, unique=True)),
                ("certificate", authserver.models.BytesField(help_text="COSE cs-server, by a host key.")),
                ("sealed_key", authserver.models.BytesField(help_text="Sealed under the server's data key, this vk as context.")),
                ("retired_at", models.DateTimeField(help_text="It answers no statement issued later.")),
                (
                    "server",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="former_keys",
                        to="authserver.server",
                    ),
                ),
            ],
        ),
    ]
