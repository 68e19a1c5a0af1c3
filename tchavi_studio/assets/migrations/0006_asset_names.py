"""References in lists: each person's own, those of shared clips, and by the words of their names."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

from tchavi_studio.words import words_of

BATCH_LENGTH = 2_000
IS_REFERENCE = ~Q(origin="output")
IS_OUTPUT = Q(origin="output")
WAS_SHARED = Q(first_shared_at__isnull=False)


def write_words(apps, schema_editor):
    database = schema_editor.connection.alias
    words = apps.get_model("assets", "ReferenceWord")
    references = apps.get_model("assets", "Asset").objects.using(database).filter(IS_REFERENCE).order_by("pk")
    named = references.values_list("pk", "original_name")
    batch = named[:BATCH_LENGTH]
    while rows := list(batch):
        words.objects.using(database).bulk_create(
            [words(asset_id=pk, word=word.encode()) for pk, name in rows for word in set(words_of(name))], batch_size=500
        )
        batch = named.filter(pk__gt=rows[-1][0])[:BATCH_LENGTH]


def note_shared(apps, schema_editor):
    """Clips shared before this. Their references are looked through in batches, by their own ids."""
    database = schema_editor.connection.alias
    assets = apps.get_model("assets", "Asset").objects.using(database)
    uses = apps.get_model("generations", "GenerationReference").objects.using(database).order_by("pk")
    shared = uses.values_list("pk", "asset", "generation__shared_at", "generation__is_shared")
    batch = shared[:BATCH_LENGTH]
    while rows := list(batch):
        since = {asset_id: shared_at for _pk, asset_id, shared_at, is_shared in rows if is_shared}
        for asset in assets.filter(IS_REFERENCE, pk__in=since, first_shared_at=None).only("pk"):
            assets.filter(pk=asset.pk).update(first_shared_at=since[asset.pk])
        batch = shared.filter(pk__gt=rows[-1][0])[:BATCH_LENGTH]


class Migration(migrations.Migration):

    dependencies = [
        ("assets", "0005_storage_by_person"),
        ("generations", "0015_visibility"),
        ("workspaces", "0010_members_listed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReferenceWord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("word", models.BinaryField(max_length=256)),
                (
                    "asset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="words",
                        to="assets.asset",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("asset", "word"), name="one_row_per_word")],
            },
        ),
        migrations.RemoveConstraint("asset", "same_bytes_stored_once"),
        migrations.AddConstraint(
            "asset",
            models.UniqueConstraint(
                fields=["workspace", "created_by", "source_sha256"],
                condition=Q(origin__in=["upload", "url"]),
                name="same_bytes_stored_once",
            ),
        ),
        migrations.AddField("asset", "first_shared_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "asset",
            models.Index(
                fields=["workspace", "created_by", "-created_at", "-id"],
                condition=IS_REFERENCE,
                name="references_of_person",
            ),
        ),
        migrations.AddIndex(
            "asset",
            models.Index(
                fields=["workspace", "created_by", "kind", "-created_at", "-id"],
                condition=IS_REFERENCE,
                name="references_of_person_by_kind",
            ),
        ),
        migrations.AddIndex(
            "asset",
            models.Index(
                fields=["workspace", "created_by", "-byte_count", "-id"],
                condition=IS_OUTPUT,
                name="outputs_of_person_by_size",
            ),
        ),
        migrations.AddIndex(
            "asset",
            models.Index(fields=["workspace", "-byte_count", "-id"], condition=IS_OUTPUT, name="outputs_by_size"),
        ),
        migrations.RunPython(note_shared, migrations.RunPython.noop),
        migrations.AddIndex(
            "asset",
            models.Index(fields=["workspace", "-created_at", "-id"], condition=WAS_SHARED, name="references_shared"),
        ),
        migrations.AddIndex(
            "asset",
            models.Index(
                fields=["workspace", "kind", "-created_at", "-id"],
                condition=WAS_SHARED,
                name="references_shared_by_kind",
            ),
        ),
        migrations.RunPython(write_words, migrations.RunPython.noop),
    ]
