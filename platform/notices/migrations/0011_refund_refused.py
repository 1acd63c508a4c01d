from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notices', '0010_receipts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notice',
            name='kind',
            field=models.CharField(choices=[('step_waits', 'Step Waits'), ('continued', 'Continued'), ('declined', 'Declined'), ('refused', 'Refused'), ('expired', 'Expired'), ('cancelled', 'Cancelled'), ('locked', 'Locked'), ('last_try', 'Last Try'), ('blocked', 'Blocked'), ('unlocked', 'Unlocked'), ('added', 'Added'), ('suspended', 'Suspended'), ('resumed', 'Resumed'), ('revoked', 'Revoked'), ('replaced', 'Replaced'), ('ended', 'Ended'), ('expires_soon', 'Expires Soon'), ('approval', 'Approval'), ('invited', 'Invited'), ('phone_bound', 'Phone Bound'), ('phone_stopped', 'Phone Stopped'), ('phone_waits', 'Phone Waits'), ('phone_released', 'Phone Released'), ('device_added', 'Device Added'), ('paypass_set', 'Paypass Set'), ('paypass_locked', 'Paypass Locked'), ('wallet_frozen', 'Wallet Frozen'), ('wallet_thawed', 'Wallet Thawed'), ('bought', 'Bought'), ('sold', 'Sold'), ('refund_asked', 'Refund Asked'), ('refunded', 'Refunded'), ('refund_refused', 'Refund Refused'), ('charge_waits', 'Charge Waits'), ('charged', 'Charged'), ('charge_refunded', 'Charge Refunded'), ('charge_disputed', 'Charge Disputed'), ('dispute_answered', 'Dispute Answered'), ('caps_raised', 'Caps Raised'), ('terminal_raised', 'Terminal Raised'), ('offline_added', 'Offline Added'), ('offline_password', 'Offline Password'), ('offline_codes', 'Offline Codes'), ('offline_locked', 'Offline Locked'), ('offline_stopped', 'Offline Stopped'), ('offline_cloned', 'Offline Cloned'), ('offline_resumed', 'Offline Resumed'), ('offline_paid', 'Offline Paid'), ('receipt_sent', 'Receipt Sent'), ('service_suspended', 'Service Suspended'), ('service_resumed', 'Service Resumed')], max_length=20),
        ),
    ]
