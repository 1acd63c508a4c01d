"""No journal is emptied or replaced either."""

from django.db import migrations

from common.append_only import never_replaced


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_caps")]
    operations = [
        never_replaced(
            {
                "ledger_journal": ["id", "idempotency_key"],
                "ledger_entry": ["id", "journal_id,account_id"],
            }
        )
    ]
