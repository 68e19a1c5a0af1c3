from django.db import migrations, models
from django.db.models import F
from django.db.models.functions import Abs

from tchavi_studio.ledger.append_only import ENTRIES


def statement_index(name, *fields, **options):
    return migrations.AddIndex("statemententry", models.Index(*fields, name=name, **options))


class Migration(migrations.Migration):
    # A separate migration: PostgreSQL can't alter a table whose rows the same transaction has changed. And an index is
    # made faster of all rows than row by row.

    dependencies = [("ledger", "0010_fill_statements")]

    operations = [
        migrations.RunPython(ENTRIES.install, migrations.RunPython.noop),
        statement_index("entries_by_kind", fields=["wallet", "kind", "row_number"]),
        statement_index("entries_by_member", fields=["wallet", "member", "row_number"]),
        statement_index("entries_by_model", fields=["wallet", "model", "row_number"]),
        statement_index(
            "entries_by_key", fields=["wallet", "key_id", "row_number"], condition=models.Q(key_id__isnull=False)
        ),
        statement_index("entries_by_amount", F("wallet"), Abs("change_credits"), F("row_number")),
        statement_index("entries_by_time", fields=["wallet", "created_at", "row_number"]),
        migrations.AddIndex(
            "dailyspending", models.Index(fields=["wallet", "member", "day"], name="daily_spending_of_member")
        ),
        migrations.RemoveIndex("transfer", "transfer_statement_by_kind"),
    ]
