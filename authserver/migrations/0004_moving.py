"""Other hosts that are trusted, and the ways servers took between hosts."""

import django.db.models.deletion
from django.db import migrations, models

import authserver.models


class Migration(migrations.Migration):
    dependencies = [("authserver", "0003_data_keys")]

    operations = [
        migrations.CreateModel(
            name="TrustedHost",
            fields=[
                (
                    "origin",
                    models.CharField(max_length=40, primary_key=True, serialize=False),
                ),
                (
                    "root",
                    authserver.models.BytesField(
                        help_text="Public root key, pinned.", max_length=32
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Passage",
            fields=[
                (
                    "server",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="passage",
                        serialize=False,
                        to="authserver.server",
                    ),
                ),
                (
                    "number",
                    models.PositiveIntegerField(
                        help_text="Moves so far, over all hosts; never falls."
                    ),
                ),
                (
                    "package",
                    authserver.models.BytesField(help_text="As it left; empty while it is here."),
                ),
            ],
        ),
    ]
