from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('entitlements', '0001_entitlements'),
    ]

    operations = [
        migrations.AddField(
            model_name='purchase',
            name='refund_answer',
            field=models.CharField(blank=True, help_text='Why it was refused.', max_length=200),
        ),
    ]
