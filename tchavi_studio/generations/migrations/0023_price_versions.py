"""The price list's versions. The first has the prices that were charged so far: the published ones, with STUDIO_PRICES."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q
from django.utils import timezone

from tchavi_studio.generations.price_versions.models import PRICE_VERSIONS

PUBLISHED = {"480p": 260, "720p": 580, "audio_surcharge": 0}
MODELS = ("seedance-2", "kling-v3")


def write_first_version(apps, schema_editor):
    now = timezone.now()
    apps.get_model("generations", "PriceVersion").objects.create(
        number=1,
        valid_from=now,
        prices={model: {**PUBLISHED, **settings.STUDIO_PRICES.get(model, {})} for model in MODELS},
        created_at=now,
    )


def _price_version():
    return models.ForeignKey(
        "generations.PriceVersion",
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("generations", "0022_remixes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PriceVersion",
            fields=[
                ("number", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("valid_from", models.DateTimeField()),
                ("prices", models.JSONField()),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField()),
                (
                    "author",
                    models.ForeignKey(
                        settings.AUTH_USER_MODEL,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(number__gte=1), name="price_version_from_one"),
                    models.CheckConstraint(
                        condition=Q(number=1) | (Q(author__isnull=False) & ~Q(reason="")),
                        name="price_version_has_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=Q(number=1) | Q(valid_from__gt=F("created_at")), name="price_version_is_announced"
                    ),
                ],
            },
        ),
        migrations.AddField("generation", "price_version", _price_version()),
        migrations.AddField("purgedclip", "price_version", _price_version()),
        # Without a way back: what was charged stays on record.
        migrations.RunPython(write_first_version),
        migrations.RunPython(PRICE_VERSIONS.install),
    ]
