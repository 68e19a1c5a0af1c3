"""Count how many bytes each person's files take in each workspace."""

from collections import Counter

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

BATCH_LENGTH = 20_000


def count_by_person(apps, schema_editor):
    """Add up the files in batches, by their ids: one statement over a million rows would sort them all first."""
    database = schema_editor.connection.alias
    files = apps.get_model("assets", "Asset").objects.using(database).order_by("pk")
    byte_counts = Counter()
    batch = files.values_list("pk", "workspace_id", "created_by_id", "byte_count")[:BATCH_LENGTH]
    while rows := list(batch):
        for _pk, workspace_id, user_id, byte_count in rows:
            if user_id is not None:
                byte_counts[workspace_id, user_id] += byte_count
        batch = files.filter(pk__gt=rows[-1][0]).values_list("pk", "workspace_id", "created_by_id", "byte_count")[
            :BATCH_LENGTH
        ]
    uses = apps.get_model("assets", "PersonStorageUse")
    uses.objects.using(database).bulk_create(
        [
            uses(workspace_id=workspace_id, user_id=user_id, byte_count=byte_count)
            for (workspace_id, user_id), byte_count in byte_counts.items()
        ],
        batch_size=1000,
    )


class Migration(migrations.Migration):

    dependencies = [
        ("assets", "0004_files_of_person"),
        ("workspaces", "0010_members_listed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PersonStorageUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("byte_count", models.BigIntegerField(default=0)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["workspace", "-byte_count", "-id"], name="storage_use_largest")],
                "constraints": [
                    models.UniqueConstraint(fields=("workspace", "user"), name="one_storage_use_per_person"),
                    models.CheckConstraint(
                        condition=models.Q(("byte_count__gte", 0)), name="person_storage_not_below_zero"
                    ),
                ],
            },
        ),
        migrations.RunPython(count_by_person, migrations.RunPython.noop),
    ]
