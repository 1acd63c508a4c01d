"""What hosts say of the log: rows that only come, as those of the log itself."""

import django.db.models.deletion
from django.db import migrations, models

from common.append_only import append_only, never_replaced


class Migration(migrations.Migration):

    dependencies = [
        ('receipts', '0002_append_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='LogObjection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.PositiveIntegerField(help_text='Its number.')),
                ('code', models.CharField(help_text='log_forked, log_shrunk, log_unknown.', max_length=20)),
                ('size', models.PositiveBigIntegerField(help_text='Of the log that the host holds.')),
                ('held', models.BinaryField(help_text='The checkpoint of ours that it signed for.')),
                ('at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('host', 'size', 'code'), name='log_objected_once')],
            },
        ),
        migrations.CreateModel(
            name='LogCosignature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.PositiveIntegerField(help_text='Its number.')),
                ('at', models.DateTimeField(help_text="By the host's clock.")),
                ('message', models.BinaryField(help_text='COSE_Sign1, typ cs-cosignature.')),
                ('checkpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cosignatures', to='receipts.logcheckpoint')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('checkpoint', 'host'), name='log_cosigned_once')],
                'indexes': [models.Index(fields=['host', '-checkpoint'], name='log_cosigned_newest')],
            },
        ),
        append_only("receipts_witness", ["receipts_logcosignature", "receipts_logobjection"]),
        never_replaced(
            {
                "receipts_logcosignature": ["id", "checkpoint_id,host"],
                "receipts_logobjection": ["id", "host,size,code"],
            }
        ),
    ]
