"""No row of a journal is ever changed or deleted."""

from django.db import migrations

from common.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_ledger")]
    operations = [append_only("ledger", ["ledger_journal", "ledger_entry"])]
