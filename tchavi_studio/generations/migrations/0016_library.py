"""The gallery's index. Every existing clip is entered."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Exists, OuterRef

from tchavi_studio.words import words_of
from tchavi_studio.workspaces.time_zones import month_of

BATCH_LENGTH = 2_000
EPOCH = datetime.fromtimestamp(0, tz=UTC)
OUTCOMES = {"completed": "done", "failed": "failed", "cancelled": "cancelled"}


def enter_existing_clips(apps, schema_editor):
    """Enter every clip that people see, oldest first, and count the months."""
    generation_model = apps.get_model("generations", "Generation")
    reference_model = apps.get_model("generations", "GenerationReference")
    entry_model = apps.get_model("generations", "LibraryEntry")
    month_model = apps.get_model("generations", "LibraryMonth")
    workspaces = {}
    clip_counts, spent_credits = Counter(), Counter()
    last_key = 0
    clips = generation_model.objects.filter(is_test=False).order_by("created_at", "id").annotate(
        has_references=Exists(reference_model.objects.filter(generation=OuterRef("pk")))
    )
    entries = []
    for clip in clips.select_related("output").iterator(chunk_size=BATCH_LENGTH):
        if clip.workspace_id not in workspaces:
            workspaces[clip.workspace_id] = apps.get_model("workspaces", "Workspace").objects.get(pk=clip.workspace_id)
        # Clips of one microsecond follow each other.
        last_key = max((clip.created_at - EPOCH) // timedelta(microseconds=1) * 1024, last_key + 1)
        entry = entry_model(
            key=last_key,
            generation_id=clip.pk,
            workspace_id=clip.workspace_id,
            creator_id=clip.creator_id,
            month=month_of(workspaces[clip.workspace_id], clip.created_at),
            is_shared=clip.is_shared,
            is_listed=clip.deleted_at is None and clip.dismissed_at is None,
            outcome=OUTCOMES.get(clip.state, "open"),
            model=clip.model,
            aspect_ratio=clip.aspect_ratio,
            resolution=clip.resolution,
            billed_seconds=10 if clip.duration_seconds == -1 else clip.duration_seconds,
            has_sound=bool(clip.output.has_audio) if clip.output else clip.generate_audio,
            has_references=clip.has_references,
            price_credits=clip.price_credits,
            words=" ".join(words_of(clip.prompt)),
        )
        entries.append(entry)
        if entry.is_listed:
            spent = entry.price_credits if entry.outcome in ("open", "done") else 0
            for owner_id in {clip.creator_id, 0 if clip.is_shared else None} - {None}:
                clip_counts[clip.workspace_id, owner_id, entry.month] += 1
                spent_credits[clip.workspace_id, owner_id, entry.month] += spent
        if len(entries) == BATCH_LENGTH:
            entry_model.objects.bulk_create(entries)
            entries = []
    entry_model.objects.bulk_create(entries)
    month_model.objects.bulk_create(
        [
            month_model(
                workspace_id=workspace_id,
                owner_id=owner_id,
                month=month,
                clip_count=count,
                spent_credits=spent_credits[workspace_id, owner_id, month],
            )
            for (workspace_id, owner_id, month), count in clip_counts.items()
        ],
        batch_size=BATCH_LENGTH,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('generations', '0015_visibility'),
        ('workspaces', '0010_members_listed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LibraryEntry',
            fields=[
                ('key', models.BigIntegerField(primary_key=True, serialize=False)),
                ('month', models.DateField()),
                ('is_shared', models.BooleanField()),
                ('is_listed', models.BooleanField()),
                ('outcome', models.CharField(choices=[('open', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], max_length=10)),
                ('model', models.CharField(max_length=20)),
                ('aspect_ratio', models.CharField(max_length=10)),
                ('resolution', models.CharField(max_length=10)),
                ('billed_seconds', models.PositiveSmallIntegerField()),
                ('has_sound', models.BooleanField()),
                ('has_references', models.BooleanField()),
                ('price_credits', models.PositiveIntegerField()),
                ('rating', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('words', models.TextField()),
                ('creator', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('generation', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='entry', to='generations.generation')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('outcome__in', ['open', 'done', 'failed', 'cancelled'])), name='library_outcome_known'), models.CheckConstraint(condition=models.Q(('rating', 0), ('rating__range', (100, 500)), _connector='OR'), name='library_rating_in_range')],
            },
        ),
        migrations.CreateModel(
            name='LibraryMonth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('owner_id', models.BigIntegerField()),
                ('month', models.DateField()),
                ('clip_count', models.BigIntegerField()),
                ('spent_credits', models.BigIntegerField()),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'owner_id', 'month'), name='one_library_month'), models.CheckConstraint(condition=models.Q(('clip_count__gte', 0), ('spent_credits__gte', 0)), name='library_month_counts')],
            },
        ),
        migrations.RunPython(enter_existing_clips, migrations.RunPython.noop),
    ]
