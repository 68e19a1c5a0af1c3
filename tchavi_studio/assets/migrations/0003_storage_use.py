import django.db.models.deletion
from django.db import migrations, models

FILL = """
    INSERT INTO assets_storageuse (workspace_id, byte_count)
    SELECT workspace_id, SUM(byte_count) FROM assets_asset GROUP BY workspace_id
"""


class Migration(migrations.Migration):

    dependencies = [
        ("assets", "0002_unowned_outputs"),
        ("workspaces", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="StorageUse",
            fields=[
                (
                    "workspace",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="workspaces.workspace",
                    ),
                ),
                ("byte_count", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("byte_count__gte", 0)), name="storage_use_not_below_zero"
                    ),
                ],
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
