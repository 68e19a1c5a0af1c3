import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


# Clips that were purged before they left a trace. A clip that somebody made disappear can't be told from them any more.
NOTE_PURGED = """
    INSERT INTO generations_purgedclip (reference, workspace_id, book, state, price_credits, purged_at)
    SELECT charge.reference, charge.workspace_id, charge.book,
        CASE WHEN EXISTS (
            SELECT 1 FROM ledger_transfer refund
            WHERE refund.reference = charge.reference AND refund.kind = 'refund'
        ) THEN 'failed' ELSE 'completed' END,
        charge.amount_credits, CURRENT_TIMESTAMP
    FROM ledger_transfer charge
    WHERE charge.kind = 'charge'
        AND NOT EXISTS (SELECT 1 FROM generations_generation clip WHERE clip.id = charge.reference)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("generations", "0010_discards"),
        ("ledger", "0006_grants"),
        ("workspaces", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="PurgedClip",
            fields=[
                ("reference", models.UUIDField(primary_key=True, serialize=False)),
                ("book", models.CharField(max_length=10)),
                ("state", models.CharField(max_length=10)),
                ("price_credits", models.BigIntegerField()),
                ("purged_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="workspaces.workspace",
                        db_index=False,
                    ),
                ),
            ],
        ),
        migrations.RunSQL(NOTE_PURGED, migrations.RunSQL.noop),
    ]
