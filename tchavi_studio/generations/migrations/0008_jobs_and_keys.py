from datetime import UTC

from django.conf import settings
from django.db import migrations, models
from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncMonth

ENDED = ["completed", "failed", "cancelled"]


def count_ended(apps, schema_editor):
    """Count the clips that have ended until now, by API key and month."""
    alias = schema_editor.connection.alias
    ended = apps.get_model("generations", "Generation").objects.using(alias).filter(key_id__isnull=False, state__in=ENDED)
    uses = (
        ended.annotate(month=TruncMonth("created_at", tzinfo=UTC))
        .order_by()
        .values_list("key_id", "month")
        .annotate(clips=Count("pk"), spent=Sum("price_credits", filter=Q(state="completed"), default=0))
    )
    model = apps.get_model("generations", "KeyUse")
    model.objects.using(alias).bulk_create(
        model(key_id=key_id, month=month.date(), clip_count=clips, spent_credits=spent)
        for key_id, month, clips, spent in uses.iterator()
    )


class Migration(migrations.Migration):

    dependencies = [
        ("generations", "0007_open_clips"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KeyUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("key_id", models.UUIDField()),
                ("month", models.DateField()),
                ("clip_count", models.PositiveIntegerField(default=0)),
                ("spent_credits", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("key_id", "month"), name="one_use_per_key_and_month"),
                ],
            },
        ),
        migrations.RunPython(count_ended, migrations.RunPython.noop),
        migrations.RemoveIndex(model_name="generation", name="generation_jobs_of_key"),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=Q(("key_id__isnull", False)),
                fields=["workspace", "key_id", "-created_at", "-id", "creator", "is_test"],
                name="generation_jobs_of_key",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=Q(("key_id__isnull", False)),
                fields=["workspace", "key_id", "state", "-created_at", "-id", "creator", "is_test"],
                name="generation_jobs_by_state",
            ),
        ),
    ]
