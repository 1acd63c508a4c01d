from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('authserver', '0006_receipt_logs'),
    ]

    operations = [
        migrations.AddField(
            model_name='hostkey',
            name='compromised_at',
            field=models.DateTimeField(help_text='From then on somebody else may have signed with it.', null=True),
        ),
    ]
