from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('signing', '0004_receipts_to_log'),
    ]

    operations = [
        migrations.CreateModel(
            name='PublishedDirectory',
            fields=[
                ('number', models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ('follows', models.PositiveBigIntegerField(help_text='Number of the one before: two never follow on one.', unique=True)),
                ('issued', models.PositiveBigIntegerField(help_text='Unix seconds.')),
                ('content', models.BinaryField(help_text='SHA-256 of all in it but its number and its time.', max_length=32)),
                ('message', models.BinaryField(help_text='COSE_Sign1, typ cs-directory.')),
            ],
        ),
        migrations.AddField(
            model_name='platformkey',
            name='retired_at',
            field=models.DateTimeField(help_text='From then on it signed nothing.', null=True),
        ),
        migrations.AddField(
            model_name='platformkey',
            name='compromised_at',
            field=models.DateTimeField(help_text='From then on somebody else may have signed with it.', null=True),
        ),
    ]
