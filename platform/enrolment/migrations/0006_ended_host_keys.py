from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('enrolment', '0005_offline_steps'),
    ]

    operations = [
        migrations.AddField(
            model_name='authserverhost',
            name='ended',
            field=models.JSONField(default=dict, help_text='Host keys that ended: [retired-at, compromised-at] by kid.'),
        ),
    ]
